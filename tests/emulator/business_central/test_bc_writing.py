"""What Business Central accepts: tags, types, relations, keys, and what follows."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from emulator.business_central import Refusal
from emulator.business_central.schema import schema
from tests.emulator.business_central.conftest import Bench, error_of, first

V2 = "v2.0"
ANY = {"If-Match": "*"}


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
        == (await first(bench, f"customers?$filter=id eq {id}"))["@odata.etag"]
    )
    again = await bench.ask("POST", "customers", body)
    assert (400, "Internal_EntityWithSameKeyExists") == error_of(again)


async def test_a_blank_id_is_none(bench: Bench) -> None:
    """The zero GUID stands for no id, so each row gets one of its own."""
    zero = "00000000-0000-0000-0000-000000000000"
    for code in ("DKK", "SEK"):
        row = (await bench.ask("POST", "currencies", {"id": zero, "code": code})).json()
        assert zero != row["id"]


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
    row = await first(bench)
    headers = {"If-Match": header} if header else {}
    path = f"customers({row['id']})"
    answer = await bench.ask("PATCH", path, {"city": "Ulm"}, headers=headers)
    assert expected == error_of(answer)
    assert row == await first(bench)


async def test_the_right_tag_and_the_star_change_the_row(bench: Bench) -> None:
    """200 with the whole row; the time moves, the old tag is stale from then on."""
    row = await first(bench)
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
    row = await first(bench)
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
        ("customers", {"city": "\U0001f600" * 16}, "Application_StringExceededLength"),
        ("customers", {"city": 5}, "BadRequest"),
        ("customers", {"creditLimit": 1e15}, "BadRequest"),
        ("items", {"itemVariants": [{"code": "RED"}]}, "BadRequest"),
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
    id = (await first(bench))["id"]
    for method, path in (
        ("PATCH", "customers"),
        ("PUT", f"customers({id})"),
        ("POST", "customerStatistics"),
        ("PATCH", f"customerStatistics({id})"),
        ("DELETE", f"customerStatistics({id})"),
        ("POST", "customers/$count"),
    ):
        answer = await bench.ask(method, path, {})
        assert (405, "BadRequest_MethodNotAllowed") == error_of(answer)
    broken = await bench.client.post(bench.address("customers"), content=b"{")
    assert (400, "BadRequest") == error_of(broken)


def _set_of(body: dict[str, Any]) -> str:
    """The standard set that a body is meant for."""
    if body.keys() & {"itemId", "itemNumber"}:
        return "itemVariants"
    if body.keys() & {"itemCategoryId", "itemCategoryCode", "baseUnitOfMeasureId"}:
        return "items"
    return "salesInvoices" if "customerNumber" in body else "customers"


async def test_a_unit_that_is_not_there_fails_the_tables_own_relation(
    bench: Bench,
) -> None:
    """The page of items checks the id only; the code is left to the table."""
    body = {"displayName": "x", "baseUnitOfMeasureCode": "X"}
    answer = await bench.ask("POST", "items", body, route=V2)
    assert (400, "Internal_InvalidTableRelation") == error_of(answer)


async def test_metadata_is_only_read(bench: Bench) -> None:
    """Neither the service document nor the metadata takes another method."""
    for path in ("", "/$metadata", "/companies"):
        answer = await bench.client.post(f"/api/v2.0{path}", json={})
        assert (405, "BadRequest_MethodNotAllowed") == error_of(answer)


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
        (
            {"itemCategoryId": nobody},
            'The "itemCategoryId" does not match to a specific Item Category group.',
        ),
        (
            {"itemCategoryCode": "X"},
            'The "itemCategoryCode" does not match to a Item Category.',
        ),
        (
            {"baseUnitOfMeasureId": nobody},
            'The "baseUnitOfMeasureId" does not match to a Unit of Measure.',
        ),
        ({"code": "X", "itemId": nobody}, 'The "itemId" does not match to an Item.'),
        (
            {"code": "X", "itemNumber": "X"},
            'The "itemNumber" does not match to an Item.',
        ),
        (
            {"customerNumber": "10000", "billToCustomerId": nobody},
            "The bill-to customer cannot be found.",
        ),
    ):
        answer = await bench.ask("POST", _set_of(body), body, route=V2)
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


async def test_no_content_when_preferred(bench: Bench) -> None:
    """A create may answer 204 with just the address."""
    body = {"code": "SEK"}
    prefer = {"Prefer": "return-no-content"}
    answer = await bench.ask("POST", "currencies", body, headers=prefer)
    assert (204, b"") == (answer.status_code, answer.content)
    assert "currencies(" in answer.headers["Location"]


async def test_every_page_can_be_read_and_ordered(bench: Bench) -> None:
    """Each set of both routes lists; its rows and metadata name the same things."""
    bench.company.insert("itemVariants", {"itemNumber": "1000", "code": "RED"})
    bench.company.insert("resources", {"number": "R1", "displayName": "Lift"})
    everyone = {"salesType": "All_x0020_Customers", "itemNumber": "1000"}
    bench.company.insert("salesPrices", everyone)
    bench.company.add_vendor("V1", "Vendor")
    draft = bench.company.insert(
        "salesInvoices",
        {
            "customerNumber": "10000",
            "salesInvoiceLines": [
                {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}
            ],
        },
        route="standard",
    )
    bench.company.post_invoice(draft["id"])
    for route, pages in schema().pages.items():
        address = V2 if route == "standard" else "tieline/sync/v1.0"
        for name, page in pages.items():
            if name == "salesInvoiceLines":
                continue
            rows = await bench.rows(f"{name}?$orderby={page.key}", route=address)
            for row in rows:
                assert [*page.properties] == [key for key in row if key[0] != "@"]
                one = f"{name}({row[page.key]})"
                shown = (await bench.ask("GET", one, route=address)).json()
                assert row == {k: v for k, v in shown.items() if k != "@odata.context"}
