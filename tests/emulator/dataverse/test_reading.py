"""Reads filter, order, page, expand and aggregate rows as the Web API does."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from emulator.dataverse import DataverseState

ANNOTATED = 'odata.include-annotations="*"'


async def test_row_carries_key_etag_nulls_and_currency(api, state):
    """A row has its key and ETag; null stays; money brings its currency."""
    row_id = await api.create("accounts", {"name": "Fabrikam", "creditlimit": 10})
    row = await api.get(f"accounts({row_id})?$select=creditlimit,fax")
    assert {
        "@odata.context",
        "@odata.etag",
        "accountid",
        "creditlimit",
        "fax",
        "_transactioncurrencyid_value",
    } == set(row)
    assert (10, None) == (row["creditlimit"], row["fax"])
    assert f'W/"{state.row("account", row_id)["versionnumber"]}"' == row["@odata.etag"]


async def test_times_have_whole_seconds(api, state):
    """Moments carry no fraction, dates no time."""
    state.clock.fixed = datetime(2026, 3, 1, 9, 30, 15, 987000, tzinfo=UTC)
    invoice = state.insert("invoice", _invoice(state, duedate="2026-04-01"))
    row = await api.get(f"invoices({invoice})")
    assert "2026-03-01T09:30:15Z" == row["modifiedon"]
    assert "2026-04-01" == row["duedate"]


def _invoice(state: DataverseState, **values):
    account = state.insert("account", {"name": "Fabrikam"})
    bind = {"customerid_account@odata.bind": f"/accounts({account})"}
    return {"name": "I", **bind, **values}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'ALPHA'", {"Alpha"}),
        ("contains(name,'lph')", {"Alpha"}),
        ("startswith(name,'_et')", {"Beta"}),
        ("endswith(name,'a%')", {"Alpha", "Beta"}),
        ("name eq 'o''neil_1'", {"O'Neil_1"}),
        ("contains(name,'l[_]1')", {"O'Neil_1"}),
        ("fax eq null", {"Alpha", "Beta", "O'Neil_1"}),
        ("fax ne 'x'", {"Alpha", "Beta", "O'Neil_1"}),
        ("creditlimit gt 5 and not (name eq 'beta')", {"O'Neil_1"}),
        ("creditlimit ge 5 or name eq 'alpha'", {"Alpha", "Beta", "O'Neil_1"}),
        ("statecode eq 0 and customertypecode eq 3", {"Alpha"}),
        ("telephone1 eq telephone2", {"Beta"}),
        (
            "Microsoft.Dynamics.CRM.In(PropertyName='name',"
            'PropertyValues=["alpha","beta"])',
            {"Alpha", "Beta"},
        ),
        (
            "Microsoft.Dynamics.CRM.Between(PropertyName='creditlimit',"
            'PropertyValues=["5","7"])',
            {"Beta"},
        ),
        ("name eq @p1", {"Beta"}),
        ("parentaccountid/name eq 'alpha'", {"Beta"}),
        ("account_parent_account/any(c:c/name eq 'beta')", {"Alpha"}),
    ],
)
async def test_filters(api, state, text, expected):
    """Text ignores case and knows wildcards; paths, lambdas and functions work."""
    alpha = state.insert("account", {"name": "Alpha", "customertypecode": 3})
    state.insert(
        "account",
        {
            "name": "Beta",
            "creditlimit": 5,
            "telephone1": "1",
            "telephone2": "1",
            "parentaccountid@odata.bind": f"/accounts({alpha})",
        },
    )
    state.insert(
        "account",
        {"name": "O'Neil_1", "creditlimit": 50, "telephone1": "1", "telephone2": "2"},
    )
    if "eq @p1" in text:
        text += "&@p1='beta'"
    page = await api.get(f"accounts?$select=name&$filter={text.replace('%', '%25')}")
    assert expected == {row["name"] for row in page["value"]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Accounts", (404, "0x80060888")),
        ("accounts?$skip=1", (400, "0x80060888")),
        ("accounts?$search=x", (400, "0x80060888")),
        ("accounts?$format=json", (400, "0x80060888")),
        ("accounts?$Select=name", (400, "0x80060888")),
        ("accounts?fetchXml=<fetch/>", (400, "0x80060888")),
        ("accounts?$select=Name", (400, "0x80060888")),
        ("accounts?$select=owneridtype", (400, "0x80060888")),
        ("accounts?$select=primarycontactid", (400, "0x80060888")),
        ("accounts?$filter=owneridname eq 'x'", (400, "0x80060888")),
        ("accounts?$filter=name in ('a','b')", (400, "0x80060888")),
        ("accounts?$filter=name eq 5", (400, "0x80060888")),
        ("accounts?$filter=name eq", (400, "0x80060888")),
        ("accounts?$expand=PrimaryContactId", (400, "0x80060888")),
        ("accounts?$filter=ownerid/fullname eq 'x'", (400, "0x80060888")),
        ("accounts?$orderby=ownerid/fullname", (400, "0x80060888")),
        ("accounts?$orderby=name up", (400, "0x80060888")),
        ("accounts(name='x')", (400, "0x80060888")),
        ("accounts(5f0c0000-0000-0000-0000-000000000000)", (404, "0x80040217")),
        (f"accounts?$filter=name eq '{'x' * 33000}'", (414, "0x0")),
    ],
)
async def test_refused_reads(api, path, expected):
    """What the Web API does not offer, or in another case, is refused."""
    assert expected == await api.refusal("GET", path)


async def test_an_owner_has_just_its_id(api, state):
    """A path through the owner leads to principal, which users and teams share."""
    account = await api.create("accounts", {"name": "F"})
    team = {"ownerid@odata.bind": f"/teams({state.people.team})"}
    other = await api.create("accounts", {"name": "G", **team})
    for owner, owned in (
        (state.people.integration, account),
        (state.people.team, other),
    ):
        page = await api.get(f"accounts?$filter=ownerid/ownerid eq {owner}")
        assert [owned] == [row["accountid"] for row in page["value"]]


async def test_option_names_with_a_question_mark_only_are_case_sensitive(api):
    """An option without a dollar sign is no option and is ignored."""
    page = await api.get("accounts?select=name")
    assert [] == page["value"]


async def test_paging_follows_the_cookie(api, state):
    """Pages follow each other by a doubly encoded cookie, each row once."""
    for number in range(7):
        state.insert("account", {"name": f"A{number % 3}"})
    url, names, pages = "accounts?$select=name&$orderby=name desc", [], 0
    while url:
        page = await api.get(url, prefer="odata.maxpagesize=3")
        names += [row["name"] for row in page["value"]]
        url, pages = page.get("@odata.nextLink", ""), pages + 1
        if url:
            assert "%3Ccookie%20pagenumber=%22" in url
            assert "pagingcookie=%22%253ccookie%2520page%253d%2522" in url
            assert "istracking=%22False%22%20/%3E" in url
    assert (3, ["A2", "A2", "A1", "A1", "A0", "A0", "A0"]) == (pages, names)


async def test_a_row_that_moves_while_paging_hides_no_other(api, state):
    """Pages continue behind the last row by value, not by number."""
    ids = [state.insert("account", {"name": f"A{number}"}) for number in range(4)]
    url = "accounts?$select=name&$orderby=name"
    first = await api.get(url, prefer="odata.maxpagesize=2")
    state.edit_as(state.people.integration, "account", ids[0], {"name": "Z"})
    second = await api.get(first["@odata.nextLink"], prefer="odata.maxpagesize=2")
    assert ["A2", "A3"] == [row["name"] for row in second["value"]]


async def test_top_is_ignored_beside_a_page_size(api, state):
    """$top cuts a read; with a page size it does nothing."""
    for number in range(3):
        state.insert("account", {"name": str(number)})
    plain = await api.get("accounts?$top=2")
    sized = await api.get("accounts?$top=2", prefer="odata.maxpagesize=10")
    assert (2, 3) == (len(plain["value"]), len(sized["value"]))


async def test_counts(api, state):
    """$count and /$count say how many match."""
    for number in range(3):
        state.insert("account", {"name": str(number)})
    page = await api.get("accounts?$count=true&$top=1", prefer=ANNOTATED)
    assert 3 == page["@odata.count"]
    assert page["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] is False
    response = await api.send("GET", "accounts/$count?$filter=name ne '1'")
    assert "2" == response.text


async def test_annotations(api, state):
    """Lookups tell their table and navigation property when asked."""
    account = state.insert("account", {"name": "Fabrikam", "customertypecode": 3})
    contact = state.insert(
        "contact",
        {
            "firstname": "Ann",
            "lastname": "Lee",
            "parentcustomerid_account@odata.bind": f"/accounts({account})",
        },
    )
    row = await api.get(f"contacts({contact})", prefer=ANNOTATED)
    prefix = "_parentcustomerid_value@"
    assert "Ann Lee" == row["fullname"]
    assert "Fabrikam" == row[f"{prefix}OData.Community.Display.V1.FormattedValue"]
    assert "account" == row[f"{prefix}Microsoft.Dynamics.CRM.lookuplogicalname"]
    assert (
        "parentcustomerid_account"
        == row[f"{prefix}Microsoft.Dynamics.CRM.associatednavigationproperty"]
    )
    plain = await api.get(f"contacts({contact})")
    assert not [name for name in plain if "@" in name and name[0] != "@"]


async def test_expand_one_and_many(api, state):
    """Both kinds of navigation properties expand, with nested options."""
    account = state.insert(
        "account",
        {"name": "F", "contact_customer_accounts": [{"lastname": n} for n in "abc"]},
    )
    row = await api.get(
        f"accounts({account})?$select=name&$expand=ownerid($select=ownerid),"
        "primarycontactid($select=lastname),"
        "contact_customer_accounts($select=lastname;$filter=lastname ne 'b')"
    )
    assert state.people.integration == row["ownerid"]["ownerid"]
    assert row["primarycontactid"] is None
    assert {"a", "c"} == {one["lastname"] for one in row["contact_customer_accounts"]}
    assert "contact_customer_accounts@odata.nextLink" in row


async def test_conditional_get(api, state):
    """A known version answers 304, but never with an $expand."""
    account = state.insert("account", {"name": "F"})
    response = await api.send("GET", f"accounts({account})")
    tag = response.headers["ETag"]
    again = await api.send("GET", f"accounts({account})", If_None_Match=tag)
    expanded = await api.send(
        "GET", f"accounts({account})?$expand=ownerid", If_None_Match=tag
    )
    assert (304, 200) == (again.status_code, expanded.status_code)


async def test_properties_and_related_rows(api, state):
    """A column, a lookup and a collection can be read by path."""
    account = state.insert(
        "account", {"name": "F", "contact_customer_accounts": [{"lastname": "a"}]}
    )
    name = await api.get(f"accounts({account})/name")
    currency = await api.get(f"accounts({account})/transactioncurrencyid")
    contacts = await api.get(f"accounts({account})/contact_customer_accounts")
    empty = await api.send("GET", f"accounts({account})/fax")
    assert ("F", "EUR") == (name["value"], currency["isocurrencycode"])
    assert (1, 204) == (len(contacts["value"]), empty.status_code)


async def test_aggregates(api, state):
    """Groups and aggregates are computed; grouping by time is refused."""
    for limit, kind in ((1, 3), (2, 3), (5, 11)):
        state.insert("account", {"creditlimit": limit, "customertypecode": kind})
    page = await api.get(
        "accounts?$apply=groupby((customertypecode),"
        "aggregate(creditlimit with sum as total,$count as n))"
    )
    rows = {(r["customertypecode"], r["total"], r["n"]) for r in page["value"]}
    assert {(3, 3, 2), (11, 5, 1)} == rows
    one = await api.get(
        "accounts?$apply=filter(customertypecode eq 3)/"
        "aggregate(creditlimit with max as m)"
    )
    assert [{"m": 2}] == one["value"]
    path = "accounts?$apply=groupby((modifiedon))"
    assert (400, "0x80060888") == await api.refusal("GET", path)


async def test_users_have_the_inherited_key(api, state):
    """Users carry ownerid, the key of principal, beside their own id."""
    user = state.people.integration
    row = await api.get(f"systemusers({user})?$select=fullname")
    assert (user, user) == (row["ownerid"], row["systemuserid"])


async def test_large_tables_stay_quick(api, state):
    """Filters by time and by ids over 100,000 rows take well under a second."""
    with state.data.transaction():
        writer = state._writer(None)
        ids = [writer.create("account", {"name": str(n)}) for n in range(100_000)]
    state.clock.advance(60)
    state.edit_as(state.people.integration, "account", ids[5], {"name": "new"})
    since = state.row("account", ids[5])["modifiedon"]
    some = " or ".join(f"accountid eq {one}" for one in ids[:400])
    started = time.perf_counter()
    recent = await api.get(f"accounts?$select=name&$filter=modifiedon ge {since}")
    named = await api.get(f"accounts?$select=name&$filter={some}")
    taken = time.perf_counter() - started
    assert (1, 400) == (len(recent["value"]), len(named["value"]))
    assert taken < 0.2
