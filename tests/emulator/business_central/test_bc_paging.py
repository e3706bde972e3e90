"""Pages of everything that Business Central lists, not just of its tables."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.business_central.conftest import Bench

V2 = "v2.0"
SINGLY = {"Prefer": "odata.maxpagesize=1"}
LINES = [
    {"lineType": "Item", "lineObjectNumber": "1000", "quantity": n} for n in (1, 2, 3)
]


async def _invoices(bench: Bench) -> list[str]:
    """Post two invoices of three lines each; return the ids of their drafts."""
    ids = []
    for _ in range(2):
        body = {"customerNumber": "10000", "salesInvoiceLines": LINES}
        draft = bench.company.insert("salesInvoices", body, route="standard")
        bench.company.post_invoice(draft["id"])
        ids.append(draft["id"])
    return ids


async def _walk(bench: Bench, path: str, route: str) -> list[dict[str, Any]]:
    """Follow the links of one-row pages to their end; at most ten of them."""
    link = f"http://bc.example/v2.0/tenant/env{bench.address(path, route=route)}"
    rows: list[dict[str, Any]] = []
    for _ in range(10):
        body = (await bench.client.get(link, headers=SINGLY)).json()
        assert 1 == len(body["value"])
        rows += body["value"]
        if "@odata.nextLink" not in body:
            return rows
        link = body["@odata.nextLink"]
    pytest.fail("the pages have no end")


async def test_lines_are_paged_within_their_document(bench: Bench) -> None:
    """By navigation or by documentId, of either route: its own lines, each once."""
    draft, _ = await _invoices(bench)
    query = f"postedSalesInvoices?$filter=draftInvoiceId eq {draft}"
    header = (await bench.rows(query))[0]
    for path, route in (
        (
            f"postedSalesInvoices({header['id']})/postedSalesInvoiceLines",
            "tieline/sync/v1.0",
        ),
        (f"salesInvoices({draft})/salesInvoiceLines", V2),
        (f"salesInvoiceLines?$filter=documentId eq {draft}", V2),
    ):
        whole = await bench.rows(path, route=route)
        assert [1, 2, 3] == [line["quantity"] for line in whole]
        assert whole == await _walk(bench, path, route)


async def test_the_last_pages_of_two_documents_do_not_meet(bench: Bench) -> None:
    """A token of another document's line is none of this one's."""
    first, second = await _invoices(bench)
    other = await bench.rows(f"salesInvoices({second})/salesInvoiceLines", route=V2)
    path = f"salesInvoices({first})/salesInvoiceLines?$skiptoken={other[0]['id']}"
    answer = await bench.ask("GET", path, route=V2)
    assert "SkipTokenIsNoLongerValid" == answer.json()["error"]["code"]


async def test_contacts_of_customers_are_paged(bench: Bench) -> None:
    """The page over a buffer table goes on behind the last row, to its end."""
    whole = await bench.rows("contactsInformation", route=V2)
    assert 3 == len(whole)
    assert whole == await _walk(bench, "contactsInformation", V2)
    backwards = "contactsInformation?$orderby=contactNumber desc"
    assert whole[::-1] == await _walk(bench, backwards, V2)


async def test_variants_of_an_item_are_paged_and_counted(bench: Bench) -> None:
    """A navigation into a stored table stays within its parent, counted or paged."""
    bench.company.insert("items", {"number": "2000", "displayName": "Other"})
    for number, codes in (("1000", "ABC"), ("2000", "D")):
        for code in codes:
            values = {"itemNumber": number, "code": code}
            bench.company.insert("itemVariants", values)
    id = bench.company.find("Item", "1000")["id"]
    path = f"items({id})/itemVariants"
    codes = [row["code"] for row in await _walk(bench, path, V2)]
    assert ["A", "B", "C"] == codes
    assert "3" == (await bench.ask("GET", f"{path}/$count", route=V2)).text
    counted = await bench.ask("GET", f"{path}?$count=true&$top=1", route=V2)
    assert 3 == counted.json()["@odata.count"]


async def test_links_of_a_company_named_by_name_can_be_followed(bench: Bench) -> None:
    """The name is written into the link so that the link is an address again."""
    other = bench.state.add_company("O'Neil & Sons, 50% Ltd.")
    for code in ("DKK", "SEK"):
        other.insert("currencies", {"code": code})
    link = "/api/v2.0/companies(name='O''Neil %26 Sons, 50%25 Ltd.')/currencies"
    body = (await bench.client.get(link, headers=SINGLY)).json()
    assert "(name='O''Neil%20%26%20Sons,%2050%25%20Ltd.')" in body["@odata.nextLink"]
    rest = (await bench.client.get(body["@odata.nextLink"], headers=SINGLY)).json()
    codes = [row["code"] for row in body["value"] + rest["value"]]
    assert ["DKK", "SEK"] == codes
    unknown = await bench.client.get("/api/v2.0/companies(name='X')/currencies")
    assert "Internal_CompanyNotFound" == unknown.json()["error"]["code"]


@pytest.mark.parametrize(
    "prefer",
    ["maxpagesize=2", "odata.maxpagesize = 2", "return=minimal, odata.maxPageSize=2"],
)
async def test_the_preference_is_read_however_it_is_written(
    bench: Bench, prefer: str
) -> None:
    """With or without prefix, blanks, capitals and company."""
    answer = await bench.ask("GET", "customers", headers={"Prefer": prefer})
    assert 2 == len(answer.json()["value"])


async def test_a_page_is_never_larger_than_the_services(bench: Bench) -> None:
    """A wish beyond the page size gets the page size."""
    bench.state.page_rows = 2
    prefer = {"Prefer": "odata.maxpagesize=3"}
    body = (await bench.ask("GET", "customers", headers=prefer)).json()
    assert (2, True) == (len(body["value"]), "@odata.nextLink" in body)


async def test_companies_are_counted_and_cut(bench: Bench) -> None:
    """The set without a company knows `$count`, `$skip`, `$top` and `/$count`."""
    bench.state.add_company("Other")
    query = "/api/v2.0/companies?$count=true&$skip=1&$top=1&$select=name"
    body = (await bench.client.get(query)).json()
    assert (2, [{"name": "Other"}]) == (body["@odata.count"], body["value"])
    assert "2" == (await bench.client.get("/api/v2.0/companies/$count")).text
