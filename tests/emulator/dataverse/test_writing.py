"""Rows are created, changed and deleted under the platform's rules."""

from __future__ import annotations

from urllib.parse import quote
from uuid import uuid4

import pytest

from emulator.dataverse import DataverseState, Refusal

REPRESENTATION = "return=representation"


async def test_create_answers_with_the_address(api):
    """A create answers 204 with OData-EntityId, or 201 with the row."""
    plain = await api.send("POST", "accounts", {"name": "F"})
    full = await api.send(
        "POST", "accounts?$select=name", {"name": "F"}, prefer=REPRESENTATION
    )
    assert (204, 201) == (plain.status_code, full.status_code)
    assert plain.headers["OData-EntityId"] == plain.headers["Location"]
    assert "OData-EntityId" not in full.headers
    assert REPRESENTATION == full.headers["Preference-Applied"]
    assert full.headers["ETag"] == full.json()["@odata.etag"]


async def test_chosen_ids_are_kept_and_unique(api):
    """A chosen id is used; a second row with it is a duplicate."""
    row_id = str(uuid4())
    assert row_id == await api.create("accounts", {"accountid": row_id, "name": "F"})
    refusal = await api.refusal("POST", "accounts", {"accountid": row_id})
    assert (412, "0x80040237") == refusal


async def test_upsert_and_its_conditions(api, state):
    """PATCH creates or updates; If-Match and If-None-Match narrow it down."""
    path = f"accounts({uuid4()})"
    assert (404, "0x80040217") == await api.refusal(
        "PATCH", path, {"name": "F"}, If_Match="*"
    )
    created = await api.send("PATCH", path, {"name": "F"}, prefer=REPRESENTATION)
    updated = await api.send("PATCH", path, {"name": "G"}, prefer=REPRESENTATION)
    assert (201, 200) == (created.status_code, updated.status_code)
    assert (412, "0x80040237") == await api.refusal(
        "PATCH", path, {"name": "H"}, If_None_Match="*"
    )
    old = created.json()["@odata.etag"]
    assert (412, "0x80060882") == await api.refusal(
        "PATCH", path, {"name": "H"}, If_Match=old
    )
    assert (412, "0x80060882") == await api.refusal("DELETE", path, If_Match=old)
    new = updated.json()["@odata.etag"]
    good = await api.send("PATCH", path, {"name": "H"}, If_Match=new)
    null = await api.send("PATCH", path, {"name": "I"}, If_None_Match="null")
    assert (204, 204) == (good.status_code, null.status_code)
    assert 204 == (await api.send("DELETE", path)).status_code
    assert (404, "0x80040217") == await api.refusal("DELETE", path)


async def test_tags_that_are_none(api):
    """If-Match without a version is an error of its own, not a conflict."""
    path = f"accounts({await api.create('accounts', {'name': 'F'})})"
    for tag in ("x", 'W/""', '"a"'):
        for method, body in (("PATCH", {"name": "G"}), ("DELETE", None)):
            refusal = await api.refusal(method, path, body, If_Match=tag)
            assert (400, "0x80060890") == refusal
    assert "F" == (await api.get(path))["name"]


@pytest.mark.parametrize("sign", list("/<>*%&:\\?+"))
async def test_some_characters_of_a_key_fit_no_url(api, state, sign):
    """A row is not addressed by such a value, but found by a filter and in bulk."""
    state.add_key("account", "number", "accountnumber")
    path = f"accounts(accountnumber='A{quote(sign, safe='')}1')"
    for method, body in (("GET", None), ("PATCH", {"name": "F"})):
        assert (400, "0x80060888") == await api.refusal(method, path, body)
    target = {
        "@odata.type": "Microsoft.Dynamics.CRM.account",
        "accountnumber": f"A{sign}1",
    }
    message = "accounts/Microsoft.Dynamics.CRM.UpsertMultiple"
    response = await api.send("POST", message, {"Targets": [target]})
    assert 204 == response.status_code
    number = quote(f"A{sign}1", safe="")
    page = await api.get(f"accounts?$filter=accountnumber%20eq%20'{number}'")
    assert 1 == len(page["value"])


@pytest.mark.parametrize("body", ["{bad", "[1]", "null", '"x"'])
async def test_bodies_that_are_no_object(api, body):
    """What is no JSON object is an unreadable payload, not a bad URL."""
    kind = {"Content-Type": "application/json"}
    response = await api.client.post("accounts", content=body, headers=kind)
    error = response.json()["error"]
    assert (400, "0x80048d19") == (response.status_code, error["code"])
    assert "Entity :'accounts'" in error["message"]


async def test_alternate_keys(api, state):
    """A defined key addresses, creates and binds rows; an undefined one does not."""
    refusal = await api.refusal("PATCH", "accounts(accountnumber='A 1')", {"name": "F"})
    assert (400, "0x80060888") == refusal
    state.add_key("account", "number", "accountnumber")
    assert (404, "0x80060891") == await api.refusal(
        "GET", "accounts(accountnumber='A 1')"
    )
    response = await api.send("PATCH", "accounts(accountnumber='A 1')", {"name": "F"})
    assert 204 == response.status_code
    row = await api.get("accounts(accountnumber='a 1')")
    assert ("F", "A 1") == (row["name"], row["accountnumber"])
    contact = await api.create(
        "contacts",
        {
            "lastname": "L",
            "parentcustomerid_account@odata.bind": "accounts(accountnumber='A 1')",
        },
    )
    assert row["accountid"] == state.row("contact", contact)["_parentcustomerid_value"]
    body = {"name": "G", "accountnumber": "A 1"}
    assert (412, "0x80060892") == await api.refusal("POST", "accounts", body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"nmae": "x"}, (400, "0x80048d19")),
        ({"name": 5}, (400, "0x80048d19")),
        ({"creditlimit": "5"}, (400, "0x80048d19")),
        ({"customertypecode": "Charity"}, (400, "0x80048d19")),
        ({"customertypecode": 99}, (400, "0x8004431A")),
        ({"creditlimit": -1}, (400, "0x80044330")),
        ({"name": "x" * 161}, (400, "0x80044331")),
        ({"name": "𝒳" * 81}, (400, "0x80044331")),
        ({"createdon": "2020-01-01T00:00:00Z"}, (400, "0x80040203")),
        ({"primarycontactid": str(uuid4())}, (400, "0x80048d19")),
        ({"_primarycontactid_value": str(uuid4())}, (400, "0x80048d19")),
        ({"PrimaryContactId@odata.bind": None}, (400, "0x80048d19")),
        (
            {"primarycontactid@odata.bind": f"/contacts({uuid4()})"},
            (404, "0x80040217"),
        ),
        ({"primarycontactid@odata.bind": "/contact(1)"}, (404, "0x80060888")),
        ({"primarycontactid@odata.bind": "/contacts"}, (400, "0x80060888")),
        ({"ownerid@odata.bind": f"/accounts({uuid4()})"}, (400, "0x80048d19")),
        ({"statecode": 1}, (400, "0x80048408")),
        ({"bcbi_companyid@odata.bind": None}, (400, "0x80048d19")),
    ],
)
async def test_refused_bodies(api, body, expected):
    """Unknown names, wrong types, wrong case, over-long and out of range."""
    assert expected == await api.refusal("POST", "accounts", body)


async def test_error_texts(api):
    """Clients know these sentences."""
    response = await api.send("POST", "accounts", {"name": "x" * 161})
    assert (
        "A validation error occurred.  The length of the 'name' attribute of the "
        "'account' entity exceeded the maximum allowed length of '160'."
    ) == response.json()["error"]["message"]
    response = await api.send("POST", "accounts", {"customertypecode": "Charity"})
    text = response.json()["error"]["message"]
    assert (
        "Cannot convert the literal 'Charity' to the expected type 'Edm.Int32'." in text
    )
    response = await api.send("POST", "accounts", {"x@odata.bind": "/contacts(1)"})
    assert (
        "An undeclared property 'x' which only has"
        in response.json()["error"]["message"]
    )


async def test_lookups_bind_and_clear(api, state):
    """Lookups take both kinds of owners, either customer, and null."""
    account = await api.create("accounts", {"name": "F"})
    other = await api.create("contacts", {"lastname": "Boss"})
    contact = await api.create("contacts", {"lastname": "L"})
    path = f"contacts({contact})"
    await api.send(
        "PATCH",
        path,
        {
            "parentcustomerid_contact@odata.bind": f"/contacts({other})",
            "parentcustomerid_account@odata.bind": None,
            "ownerid@odata.bind": f"/teams({state.people.team})",
        },
    )
    row = state.row("contact", contact)
    assert (other, "contact") == (
        row["_parentcustomerid_value"],
        row["parentcustomerid.type"],
    )
    assert (state.people.team, "team") == (row["_ownerid_value"], row["ownerid.type"])
    url = f"http://org.test/api/data/v9.2/accounts({account})"
    await api.send("PUT", f"{path}/parentcustomerid_account/$ref", {"@odata.id": url})
    assert account == state.row("contact", contact)["_parentcustomerid_value"]
    response = await api.send("DELETE", f"{path}/parentcustomerid_account/$ref")
    assert 204 == response.status_code
    assert state.row("contact", contact)["_parentcustomerid_value"] is None
    await api.send(
        "POST",
        f"accounts({account})/contact_customer_accounts/$ref",
        {"@odata.id": f"contacts({contact})"},
    )
    assert account == state.row("contact", contact)["_parentcustomerid_value"]
    link = f"accounts({account})/contact_customer_accounts({contact})/$ref"
    assert 204 == (await api.send("DELETE", link)).status_code
    assert state.row("contact", contact)["_parentcustomerid_value"] is None


@pytest.mark.parametrize("set_name", ["accounts", "contacts"])
async def test_no_row_is_without_owner_or_state(api, set_name):
    """Both are filled in by the platform and cannot be taken away."""
    path = f"{set_name}({await api.create(set_name, {})})"
    for body in ({"ownerid@odata.bind": None}, {"statecode": None}):
        assert (400, "0x80040203") == await api.refusal("PATCH", path, body)


async def test_custom_lookups_go_by_their_schema_name(api, state):
    """A custom navigation property has its own case, told by the metadata."""
    company = await api.create("bcbi_companies", {"bcbi_name": "CRONUS"})
    bind = {"bcbi_CompanyId@odata.bind": f"/bcbi_companies({company})"}
    account = await api.create("accounts", bind)
    assert company == state.row("account", account)["_bcbi_companyid_value"]
    renamed = DataverseState(navigation_names={"bcbi_companyid": "bcbi_Company"})
    with pytest.raises(Refusal):
        renamed.insert("account", {"bcbi_CompanyId@odata.bind": None})
    renamed.insert("account", {"bcbi_Company@odata.bind": None})


async def test_solutions_bring_their_tables_and_columns():
    """Without a solution its tables and columns do not exist."""
    state = DataverseState(solutions=frozenset())
    assert "bcbi_company" not in state.schema.tables
    assert "nav_accountstatistics" not in state.schema.tables
    columns = state.schema.tables["account"].columns
    assert not [name for name in columns if name.startswith(("bcbi_", "nav_"))]


async def test_deep_insert_is_all_or_nothing(api, state):
    """Nested rows are created along; one bad row undoes them all."""
    account = await api.create(
        "accounts",
        {
            "name": "F",
            "primarycontactid": {"lastname": "P"},
            "contact_customer_accounts": [{"lastname": "a"}, {"lastname": "b"}],
        },
    )
    assert 3 == len(state.rows("contact"))
    assert state.row("account", account)["_primarycontactid_value"] is not None
    version = state.data.version
    body = {"name": "F", "contact_customer_accounts": [{"lastname": "a"}, {"x": 1}]}
    assert (400, "0x80048d19") == await api.refusal("POST", "accounts", body)
    assert (3, 1) == (len(state.rows("contact")), len(state.rows("account")))
    assert [] == state.data["contact"].changed_after(version)


async def test_single_columns(api, state):
    """PUT and DELETE of one column."""
    account = await api.create("accounts", {"name": "F", "fax": "1"})
    await api.send("PUT", f"accounts({account})/name", {"value": "G"})
    await api.send("DELETE", f"accounts({account})/fax")
    row = state.row("account", account)
    assert ("G", None) == (row["name"], row["fax"])


async def test_imported_rows_keep_the_time_they_were_made(api, state):
    """overriddencreatedon becomes createdon at create, and cannot change later."""
    old = "2019-05-01T10:00:00Z"
    account = await api.create("accounts", {"overriddencreatedon": old})
    row = state.row("account", account)
    assert (old, row["modifiedon"]) == (row["createdon"], row["overriddencreatedon"])
    body = {"overriddencreatedon": "2018-05-01T10:00:00Z"}
    refusal = await api.refusal("PATCH", f"accounts({account})", body)
    assert (400, "0x80040203") == refusal


HOSTILE = [
    'O\'Neil & "Sons" <b>x</b>',
    "=SUM(A1:A9)",
    "  blanks around  ",
    "𝒳😀 שלום مرحبا",
    "100% [a_b] \\ / ? # + ; --",
    "line\r\nline\ttab",
    "ß" * 160,
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_text_comes_back_and_is_found(api, name):
    """Any text is kept to the letter and found by equality."""
    row_id = await api.create("accounts", {"name": name})
    quoted = quote(name.replace("'", "''"), safe="")
    page = await api.get(f"accounts?$select=name&$filter=name%20eq%20'{quoted}'")
    assert [(row_id, name)] == [
        (row["accountid"], row["name"]) for row in page["value"]
    ]


async def test_empty_text_is_null(api, state):
    """The platform keeps no empty texts."""
    account = await api.create("accounts", {"name": "F", "fax": ""})
    assert state.row("account", account)["fax"] is None


async def test_states_and_status_reasons(api, state):
    """A status belongs to its state; a state alone brings its first status."""
    account = await api.create("accounts", {"name": "F"})
    path = f"accounts({account})"
    assert (400, "0x80048408") == await api.refusal("PATCH", path, {"statuscode": 2})
    both = {"statecode": 0, "statuscode": 2}
    assert (400, "0x80048408") == await api.refusal("PATCH", path, both)
    await api.send("PATCH", path, {"statecode": 1})
    row = state.row("account", account)
    assert (1, 2) == (row["statecode"], row["statuscode"])


async def test_unchanged_values_still_make_a_version(api, state):
    """A PATCH with the same values counts as a change, an empty one does not."""
    account = await api.create("accounts", {"name": "F"})
    before = state.row("account", account)["versionnumber"]
    await api.send("PATCH", f"accounts({account})", {"name": "F"})
    same = state.row("account", account)["versionnumber"]
    await api.send("PATCH", f"accounts({account})", {})
    assert same > before
    assert same == state.row("account", account)["versionnumber"]


async def test_deletes_cascade_unlink_or_are_refused(api, state):
    """Contacts go with their account, links are cleared, a currency in use stays."""
    account = await api.create(
        "accounts", {"contact_customer_accounts": [{"lastname": "a"}]}
    )
    child = await api.create(
        "accounts", {"parentaccountid@odata.bind": f"/accounts({account})"}
    )
    currency = state.people.base_currency
    path = f"transactioncurrencies({currency})"
    assert (405, "0x80040227") == await api.refusal("DELETE", path)
    assert 204 == (await api.send("DELETE", f"accounts({account})")).status_code
    assert [] == state.rows("contact")
    assert state.row("account", child)["_parentaccountid_value"] is None
    path = f"systemusers({state.people.integration})"
    assert (405, "0x80060888") == await api.refusal("DELETE", path)


async def test_who_changed_a_row(api, state):
    """Edits by people and by impersonation show in modifiedby."""
    account = await api.create("accounts", {"name": "F"})
    assert (
        state.people.integration == state.row("account", account)["_modifiedby_value"]
    )
    ann = state.add_user("Ann Lee", "ann@contoso.test")
    state.edit_as(ann, "account", account, {"name": "G"})
    assert ann == state.row("account", account)["_modifiedby_value"]
    bob = state.add_user("Bob Roe", azureactivedirectoryobjectid=str(uuid4()))
    await api.send("PATCH", f"accounts({account})", {"name": "H"}, MSCRMCallerID=bob)
    assert bob == state.row("account", account)["_modifiedby_value"]
    directory_id = state.row("systemuser", bob)["azureactivedirectoryobjectid"]
    state.edit_as(ann, "account", account, {"name": "G"})
    await api.send("PATCH", f"accounts({account})", {}, CallerObjectId=directory_id)
    assert ann == state.row("account", account)["_modifiedby_value"]
    body = {"name": "H"}
    await api.send("PATCH", f"accounts({account})", body, CallerObjectId=directory_id)
    assert bob == state.row("account", account)["_modifiedby_value"]
    refusal = await api.refusal(
        "PATCH", f"accounts({account})", {"name": "I"}, MSCRMCallerID=str(uuid4())
    )
    assert (403, "0x80042F09") == refusal
