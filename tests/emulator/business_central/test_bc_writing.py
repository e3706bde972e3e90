"""What Business Central accepts: tags, types, relations, keys, and what follows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.emulator.business_central.conftest import Bench, error_of
from tieline.emulator.business_central import Refusal

V2 = "v2.0"
ANY = {"If-Match": "*"}


async def _first(bench: Bench, path: str = "customers", **more: Any) -> dict[str, Any]:
    return (await bench.rows(path, **more))[0]


async def test_a_created_row_comes_back_whole(bench: Bench) -> None:
    """201 with the row, its tag and its address; the id may be the client's."""
    id = str(uuid4())
    body = {"id": id, "displayName": "New", "currencyCode": "eur ", "blocked": "Ship"}
    answer = await bench.ask("POST", "customers", body)
    row = answer.json()
    assert (201, id, "EUR", "Ship") == (
        answer.status_code,
        row["id"],
        row["currencyCode"],
        row["blocked"],
    )
    assert answer.headers["Location"].endswith(f"/customers({id})")
    assert (
        row["@odata.etag"]
        == (await _first(bench, f"customers?$filter=id eq {id}"))["@odata.etag"]
    )
    again = await bench.ask("POST", "customers", body)
    assert (400, "Internal_EntityWithSameKeyExists") == error_of(again)


async def test_numbers_come_from_the_series_and_skip_taken_ones(bench: Bench) -> None:
    """A missing number is drawn; a number in use is passed over."""
    bench.company.insert("customers", {"number": "C00001", "displayName": "Taken"})
    row = (await bench.ask("POST", "customers", {"displayName": "New"})).json()
    assert "C00002" == row["number"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, (400, "BadRequest_InvalidToken")),
        ("garbled", (400, "BadRequest_InvalidToken")),
        ('W/"JzE5OzA7MDA7Jw=="', (409, "Request_EntityChanged")),
    ],
)
async def test_a_change_needs_the_rows_tag(
    bench: Bench, header: str | None, expected: tuple[int, str]
) -> None:
    """Missing and garbled tags are 400, a stale one 409; nothing is written."""
    row = await _first(bench)
    headers = {"If-Match": header} if header else {}
    path = f"customers({row['id']})"
    answer = await bench.ask("PATCH", path, {"city": "Ulm"}, headers=headers)
    assert expected == error_of(answer)
    assert row == await _first(bench)


async def test_the_right_tag_and_the_star_change_the_row(bench: Bench) -> None:
    """200 with the whole row; the time moves, the old tag is stale from then on."""
    row = await _first(bench)
    path, tag = f"customers({row['id']})", {"If-Match": row["@odata.etag"]}
    bench.state.clock.advance(1)
    answer = await bench.ask("PATCH", path, {"city": "Ulm"}, headers=tag)
    assert (200, "Ulm", "2026-03-10T12:00:01.37Z") == (
        answer.status_code,
        answer.json()["city"],
        answer.json()["lastModifiedDateTime"],
    )
    stale = await bench.ask("PATCH", path, {"city": "Bonn"}, headers=tag)
    assert (409, "Request_EntityChanged") == error_of(stale)
    star = await bench.ask("PATCH", path, {"city": "Bonn"}, headers=ANY)
    assert "Bonn" == star.json()["city"]


async def test_rows_are_deleted_with_or_without_a_tag(bench: Bench) -> None:
    """A sent tag is checked, a missing one is not; then the row is gone."""
    row = await _first(bench)
    path = f"customers({row['id']})"
    wrong = {"If-Match": 'W/"JzE5OzA7MDA7Jw=="'}
    assert 409 == (await bench.ask("DELETE", path, headers=wrong)).status_code
    assert 204 == (await bench.ask("DELETE", path)).status_code
    assert (404, "Internal_RecordNotFound") == error_of(await bench.ask("GET", path))
    again = await bench.ask("PATCH", path, {"city": "x"}, headers=ANY)
    assert (404, "Internal_RecordNotFound") == error_of(again)


@pytest.mark.parametrize(
    ("set_name", "body", "code"),
    [
        ("customers", {"salespersonCode": "XX"}, "Internal_InvalidTableRelation"),
        ("customers", {"currencyCode": "XXX"}, "Internal_InvalidTableRelation"),
        ("customers", {"paymentTermsCode": "XX"}, "Internal_InvalidTableRelation"),
        ("customers", {"primaryContactNumber": "X"}, "Internal_InvalidTableRelation"),
        ("customers", {"templateCode": "NONE"}, "Internal_InvalidTableRelation"),
        ("customers", {"city": "x" * 31}, "Application_StringExceededLength"),
        ("customers", {"companyContactNumber": "1"}, "BadRequest_InvalidOperation"),
        ("customers", {"nothing": 1}, "BadRequest"),
        ("customers", {"city": 5}, "BadRequest"),
        ("customers", {"creditLimit": "5"}, "BadRequest"),
        ("customers", {"blocked": "Sometimes"}, "Unknown"),
        ("customers", {"blocked": " "}, "Unknown"),
        ("customers", {"number": "10000"}, "Internal_EntityWithSameKeyExists"),
        ("customers", {"id": "abc"}, "Application_InvalidGUID"),
        ("currencies", {"displayName": "x"}, "Application_FieldValidationException"),
        ("contacts", {"displayName": "x"}, "BadRequest_InvalidOperation"),
        (
            "contacts",
            {"type": "Person", "companyNumber": "X"},
            "Internal_InvalidTableRelation",
        ),
        ("items", {"baseUnitOfMeasureCode": "X"}, "Internal_InvalidTableRelation"),
        ("salesPrices", {"itemNumber": "X"}, "Internal_InvalidTableRelation"),
        (
            "salesPrices",
            {
                "itemNumber": "1000",
                "salesType": "Customer_x0020_Price_x0020_Group",
                "salesCode": "X",
            },
            "Internal_InvalidTableRelation",
        ),
    ],
)
async def test_bad_bodies_are_refused_and_leave_nothing(
    bench: Bench, set_name: str, body: dict[str, Any], code: str
) -> None:
    """Each wrong value has its code; neither row nor company contact remains."""
    before = {name: len(table.rows) for name, table in bench.company.tables.items()}
    assert (400, code) == error_of(await bench.ask("POST", set_name, body))
    after = {name: len(table.rows) for name, table in bench.company.tables.items()}
    assert before == after


async def test_the_texts_of_refusals_are_the_services(bench: Bench) -> None:
    """People and clients read these sentences."""
    cases = {
        "The length of the string is 31, but it must be less than or equal to 30 "
        f"characters. Value: {'x' * 31}": {"city": "x" * 31},
        "The field Salesperson Code of table Customer contains a value (XX) that "
        "cannot be found in the related table (Salesperson/Purchaser).": {
            "salespersonCode": "xx"
        },
        "'Nope' is not an option. The existing options are:  ,Ship,Invoice,All": {
            "blocked": "Nope"
        },
    }
    for text, body in cases.items():
        answer = await bench.ask("POST", "customers", body)
        assert answer.json()["error"]["message"].startswith(f"{text}  CorrelationId:")


async def test_methods_that_a_page_lacks(bench: Bench) -> None:
    """405 for PATCH on a set, PUT, and writes to read-only pages."""
    id = (await _first(bench))["id"]
    for method, path in (
        ("PATCH", "customers"),
        ("PUT", f"customers({id})"),
        ("POST", "customerStatistics"),
        ("DELETE", f"customerStatistics({id})"),
    ):
        answer = await bench.ask(method, path, {})
        assert (405, "BadRequest_MethodNotAllowed") == error_of(answer)
    broken = await bench.client.post(bench.address("customers"), content=b"{")
    assert (400, "BadRequest") == error_of(broken)


async def test_the_standard_page_has_rules_of_its_own(bench: Bench) -> None:
    """A name is required, LCY means blank, ids and codes have to agree."""
    euro = bench.company.find("Currency", "EUR")["id"]
    nobody = str(uuid4())
    for body, text in (
        ({}, 'A "displayName" must be provided.'),
        (
            {"displayName": "x", "currencyCode": "XXX"},
            'The "currencyCode" does not match to a Currency.',
        ),
        (
            {"displayName": "x", "currencyId": nobody},
            'The "currencyId" does not match to a Currency.',
        ),
        (
            {"displayName": "x", "currencyId": euro, "currencyCode": "USD"},
            "The currency values do not match to a specific Currency.",
        ),
        (
            {"displayName": "x", "paymentTermsId": nobody},
            'The "paymentTermsId" does not match to a Payment Terms.',
        ),
    ):
        answer = await bench.ask("POST", "customers", body, route=V2)
        assert (400, "Application_DialogException") == error_of(answer)
        assert answer.json()["error"]["message"].startswith(text)
    good = {"displayName": "x", "currencyId": euro, "currencyCode": "EUR"}
    row = (await bench.ask("POST", "customers", good, route=V2)).json()
    assert (euro, "EUR") == (row["currencyId"], row["currencyCode"])
    path = f"customers({row['id']})"
    change = {"currencyCode": "USD"}
    changed = await bench.ask("PATCH", path, change, route=V2, headers=ANY)
    assert "00000000-0000-0000-0000-000000000000" == changed.json()["currencyId"]
    blank = {"displayName": ""}
    refused = await bench.ask("PATCH", path, blank, route=V2, headers=ANY)
    assert "Application_DialogException" == error_of(refused)[1]


async def test_a_customer_brings_its_company_contact(bench: Bench) -> None:
    """Creating makes contact and relation; both follow each other's changes."""
    body = {"displayName": "Fabrikam", "city": "Ulm", "salespersonCode": "PS"}
    customer = (await bench.ask("POST", "customers", body)).json()
    number = customer["companyContactNumber"]
    contact = await _first(bench, f"contacts?$filter=number eq '{number}'")
    assert ("Company", "Fabrikam", "Ulm", "PS", number, customer["number"]) == (
        contact["type"],
        contact["displayName"],
        contact["city"],
        contact["salespersonCode"],
        contact["companyNumber"],
        contact["companyCustomerNumber"],
    )
    path = f"customers({customer['id']})"
    await bench.ask("PATCH", path, {"displayName": "Fabrikam Ltd"}, headers=ANY)
    contact = await _first(bench, f"contacts?$filter=number eq '{number}'")
    assert "Fabrikam Ltd" == contact["displayName"]
    bench.company.update("contacts", contact["id"], {"city": "Bonn"})
    assert "Bonn" == (await bench.ask("GET", path)).json()["city"]


async def test_persons_are_named_by_their_parts(bench: Bench) -> None:
    """The display name is first, middle and surname; the standard page splits it."""
    parent = (await _first(bench))["companyContactNumber"]
    body = {
        "type": "Person",
        "firstName": "Ann",
        "middleName": "B.",
        "surname": "Cole",
        "companyNumber": parent,
    }
    person = (await bench.ask("POST", "contacts", body)).json()
    assert ("Ann B. Cole", "Adatum", "10000") == (
        person["displayName"],
        person["companyName"],
        person["companyCustomerNumber"],
    )
    standard = {"type": "Person", "displayName": "Dan E. Fox"}
    id = (await bench.ask("POST", "contacts", standard, route=V2)).json()["id"]
    row = await _first(bench, f"contacts?$filter=id eq {id}")
    assert ("Dan", "E.", "Fox") == (row["firstName"], row["middleName"], row["surname"])
    wrong = {"type": "Person", "firstName": "X", "companyNumber": person["number"]}
    answer = await bench.ask("POST", "contacts", wrong)
    assert (400, "Internal_InvalidTableRelation") == error_of(answer)
    assert 400 == (await bench.ask("POST", "contacts", {}, route=V2)).status_code
    people = "contactsInformation?$filter=contactType eq 'Person'"
    listed = await bench.rows(people, route=V2)
    assert [person["id"]] == [one["contactId"] for one in listed]


async def test_a_rename_takes_its_references_along(bench: Bench) -> None:
    """A changed number or code moves what points at it; the id stays."""
    customer = await _first(bench)
    bench.company.update("customers", customer["id"], {"salespersonCode": "PS"})
    sales = await _first(bench, "salespeoplePurchasers")
    path = f"salespeoplePurchasers({sales['id']})"
    await bench.ask("PATCH", path, {"code": "ps2"}, headers=ANY)
    assert "PS2" == (await _first(bench))["salespersonCode"]
    await bench.ask(
        "PATCH", f"customers({customer['id']})", {"number": "99"}, headers=ANY
    )
    renamed = await _first(bench, "customers?$filter=number eq '99'")
    assert (customer["id"], customer["companyContactNumber"]) == (
        renamed["id"],
        renamed["companyContactNumber"],
    )
    taken = await bench.ask(
        "PATCH", f"customers({customer['id']})", {"number": "20000"}, headers=ANY
    )
    assert (400, "Internal_EntityWithSameKeyExists") == error_of(taken)


async def test_a_template_fills_what_the_body_leaves_out(bench: Bench) -> None:
    """Its values are defaults, its series numbers the row; it reads as blank."""
    bench.company.series["VIP"] = "VIP01"
    values = {"paymentTermsCode": "30D", "city": "Ulm"}
    bench.company.add_template("Customer", "VIP", values, series="VIP")
    body = {"displayName": "New", "city": "Bonn", "templateCode": "vip"}
    row = (await bench.ask("POST", "customers", body)).json()
    assert ("VIP01", "30D", "Bonn", "") == (
        row["number"],
        row["paymentTermsCode"],
        row["city"],
        row["templateCode"],
    )
    path = f"customers({row['id']})"
    change = {"templateCode": "VIP"}
    answer = await bench.ask("PATCH", path, change, headers=ANY)
    assert (400, "BadRequest_InvalidOperation") == error_of(answer)


async def test_rates_and_stock_are_worked_out(bench: Bench) -> None:
    """The factor follows the rate at the work date, stock the ledger entries."""
    euro = await _first(bench, "currencies")
    assert 0.8 == euro["currencyFactor"]
    before = euro["lastModifiedDateTime"]
    bench.state.clock.advance(60)
    bench.company.set_rate("EUR", bench.state.work_date, exchange=1, relational=2)
    euro = await _first(bench, "currencies")
    assert (0.5, before) == (euro["currencyFactor"], euro["lastModifiedDateTime"])
    assert euro["exchangeRateModifiedDateTime"] > before
    bench.company.move_item("1000", 7)
    bench.company.move_item("1000", -2.5)
    assert 4.5 == (await _first(bench, "items"))["inventory"]
    newer = "itemLedgerEntries?$filter=lastModifiedDateTime gt 2026-03-10T12:00:30Z"
    assert ["1000", "1000"] == [row["itemNumber"] for row in await bench.rows(newer)]
    setup = await _first(bench, "syncSetups")
    assert ("USD", "2026-03-10") == (setup["localCurrencyCode"], setup["workDate"])


async def test_stock_is_set_by_a_change_never_on_creation(bench: Bench) -> None:
    """The standard page posts the difference; on insert it refuses."""
    body = {"number": "2", "displayName": "x", "inventory": 1}
    answer = await bench.ask("POST", "items", body, route=V2)
    assert (400, "Application_DialogException") == error_of(answer)
    item = await _first(bench, "items", route=V2)
    path = f"items({item['id']})"
    change = {"inventory": 3}
    changed = await bench.ask("PATCH", path, change, route=V2, headers=ANY)
    assert 3 == changed.json()["inventory"]
    assert (
        item["baseUnitOfMeasureId"]
        == bench.company.find("Unit of Measure", "PCS")["id"]
    )


def test_other_users_meet_the_same_rules(bench: Bench) -> None:
    """Edits in process are validated and refused like those over HTTP."""
    with pytest.raises(Refusal, match="cannot be found"):
        bench.company.insert("customers", {"salespersonCode": "XX"})
    id = bench.company.rows("customers")[0]["id"]
    bench.company.delete("customers", id)
    assert 2 == len(bench.company.rows("customers"))


async def test_counters_tell_what_was_asked_and_written(bench: Bench) -> None:
    """Requests by method and set, rows read and written by set."""
    bench.state.counters.reset()
    await bench.ask("POST", "customers", {"displayName": "New"})
    await bench.rows("customers?$top=2")
    counts = bench.state.counters.snapshot()
    assert {"POST customers": 1, "GET customers": 1} == counts["requests"]
    assert (2, {"customers": 1}) == (counts["received"], counts["written"])
    assert 3 == counts["read"]["customers"]
