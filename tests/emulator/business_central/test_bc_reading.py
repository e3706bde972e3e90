"""What Business Central shows: values, tags, filters with their traps, paging."""

from __future__ import annotations

import base64
import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.business_central import BusinessCentralState
from emulator.business_central.reading import listing
from emulator.business_central.state import page_for
from emulator.business_central.values import decode_member, encode_member
from tests.emulator.business_central.conftest import Bench, error_of

V2 = "v2.0"


async def test_blanks_are_values_and_times_have_cut_zeros(bench: Bench) -> None:
    """Nothing is null: blank text, zero GUID, encoded blank member, UTC times."""
    row = (await bench.rows("customers?$filter=number eq '10000'", route=V2))[0]
    assert ("", "_x0020_", 0, False) == (
        row["city"],
        row["blocked"],
        row["creditLimit"],
        row["taxLiable"],
    )
    assert "00000000-0000-0000-0000-000000000000" == row["currencyId"]
    assert "2026-03-10T12:00:00.37Z" == row["lastModifiedDateTime"]
    assert None not in row.values()
    prices = bench.company.insert("salesPrices", PRICE)
    shown = (await bench.rows("salesPrices"))[0]
    assert ("0001-01-01", "All_x0020_Customers") == (
        shown["endingDate"],
        shown["salesType"],
    )
    assert prices["id"] == shown["id"]


PRICE = {
    "salesType": "All_x0020_Customers",
    "itemNumber": "1000",
    "unitPrice": 12.5,
}


async def test_both_routes_show_the_same_data(bench: Bench) -> None:
    """The LCY code stands for a blank currency on the standard route only."""
    own = (await bench.rows("customers"))[0]
    standard = (await bench.rows("customers", route=V2))[0]
    assert own["id"] == standard["id"]
    assert own["@odata.etag"] == standard["@odata.etag"]
    assert ("", "USD") == (own["currencyCode"], standard["currencyCode"])
    assert "balanceDue" not in own
    assert "companyContactNumber" not in standard


async def test_a_tag_is_opaque_and_changes_with_the_row(bench: Bench) -> None:
    """The tag looks like the service's and is another one after a change."""
    row = (await bench.rows("customers"))[0]
    payload = base64.b64decode(row["@odata.etag"][3:-1]).decode()
    assert payload.startswith("'19;")
    assert payload.endswith(";00;'")
    bench.company.update("customers", row["id"], {"city": "Ulm"})
    assert row["@odata.etag"] != (await bench.rows("customers"))[0]["@odata.etag"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("number eq '10000'", ["10000"]),
        ("number gt '10000' and displayName ne 'SoE'", ["20000"]),
        ("displayName eq 'SoE' or displayName eq 'Trey'", ["20000", "30000"]),
        ("tolower(displayName) eq 'trey'", ["20000"]),
        ("tolower(displayName) eq 'TREY'", ["20000"]),
        ("toupper(displayName) ne 'trey'", ["10000", "30000"]),
        ("contains(number,'2') or startswith(number,'3')", ["20000", "30000"]),
        ("startswith(displayName,'T')", ["20000"]),
        ("not (displayName eq 'Trey')", ["10000", "30000"]),
        ("blocked eq '_x0020_'", ["10000", "20000", "30000"]),
        ("blocked eq 'All'", []),
        ("lastModifiedDateTime gt 2026-03-10T12:00:00.369Z", None),
        ("lastModifiedDateTime gt 2026-03-10T12:00:00.37Z", []),
        ("number in ('10000')", None),
        ("number in ('10000') and displayName eq 'Trey'", ["20000"]),
        ("lines/any(x:x/number eq '1')", None),
    ],
)
async def test_filters(bench: Bench, text: str, numbers: list[str] | None) -> None:
    """Conditions hold; `in` and lambdas silently let everything through."""
    rows = await bench.rows(f"customers?$filter={text}")
    expected = ["10000", "20000", "30000"] if numbers is None else numbers
    assert expected == [row["number"] for row in rows]


async def test_custom_pages_know_more_from_schema_version_2_1_on(bench: Bench) -> None:
    """The newer version knows `in` and functions in functions; API v2.0 stays 2.0."""
    newer = "customers?$schemaversion=2.1&$filter="
    query = f"{newer}number in ('10000','30000')"
    rows = await bench.rows(query)
    assert ["10000", "30000"] == [row["number"] for row in rows]
    assert 3 == len(await bench.rows(query, route=V2))
    nested = f"{newer}contains(tolower(displayName),'re')"
    assert ["20000"] == [row["number"] for row in await bench.rows(nested)]
    refused = await bench.ask("GET", nested, route=V2)
    assert (400, "BadRequest") == error_of(refused)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("$filter=number eq '1' or displayName eq 'x'", "BadRequest"),
        ("$filter=nothing eq 1", "BadRequest"),
        ("$filter=contains(tolower(displayName),'x')", "BadRequest"),
        ("$filter=companyContactNumber eq 'x'", "BadRequest"),
        ("$filter=id eq '10000'", "BadRequest"),
        ("$filter=creditLimit eq 'x'", "BadRequest"),
        ("$filter=number eq", "BadRequest"),
        (
            "$filter=displayName eq '" + "x" * 101 + "'",
            "Application_FilterErrorException",
        ),
        (
            "$filter=contains(displayName,'" + "x" * 101 + "')",
            "Application_FilterErrorException",
        ),
        (
            "$filter=tolower(number) eq '" + "x" * 21 + "'",
            "Application_FilterErrorException",
        ),
        (
            "$filter=displayName eq '" + "\U0001f600" * 51 + "'",
            "Application_FilterErrorException",
        ),
        ("$filter=contains(id,'x')", "BadRequest"),
        ("$filter=contains(displayName,1)", "BadRequest"),
        ("$filter=substring(displayName,1.5) eq 'x'", "BadRequest"),
        ("$filter=length(displayName) gt 1", "BadRequest"),
        ("$count=maybe", "BadRequest"),
        ("$skip=99999999999", "BadRequest"),
        ("$filter=blocked eq ' '", "Unknown"),
        ("$orderby=nothing", "BadRequest"),
        ("$orderby=companyContactNumber", "BadRequest"),
        ("$select=nothing", "BadRequest"),
        ("$expand=nothing", "BadRequest"),
        ("$top=-1", "BadRequest"),
        ("$skiptoken=00000000-0000-0000-0000-00000000000a", "SkipTokenIsNoLongerValid"),
    ],
)
async def test_bad_queries_are_refused(bench: Bench, query: str, code: str) -> None:
    """Each mistake has its code; none is silently read as something else."""
    assert (400, code) == error_of(await bench.ask("GET", f"customers?{query}"))


async def test_the_unknown_property_text_is_the_services(bench: Bench) -> None:
    """Clients match on this text."""
    answer = await bench.ask("GET", "customers?$filter=nothing eq 1")
    text = "Could not find a property named 'nothing' on type 'Microsoft.NAV.customer'."
    assert answer.json()["error"]["message"].startswith(f"{text}  CorrelationId:")


async def test_pages_follow_the_preference_and_the_next_link(bench: Bench) -> None:
    """The link keeps the select, names the last row, and ends."""
    prefer = {"Prefer": "odata.maxpagesize=2"}
    first = await bench.ask("GET", "customers?$select=id,number", headers=prefer)
    body = first.json()
    last = body["value"][-1]["id"]
    address = f"http://bc.example/v2.0/tenant/env{bench.address('customers')}"
    link = f"{address}?$select=id%2Cnumber&aid=FIN&$skiptoken={last}"
    assert link == body["@odata.nextLink"]
    second = (await bench.client.get(link, headers=prefer)).json()
    assert ["30000"] == [row["number"] for row in second["value"]]
    assert "@odata.nextLink" not in second


async def test_top_beyond_a_page_carries_the_rest(bench: Bench) -> None:
    """A $top within a page has no link; beyond it the link asks for the rest."""
    bench.state.page_rows = 2
    assert "@odata.nextLink" not in (await bench.ask("GET", "customers?$top=2")).json()
    body = (await bench.ask("GET", "customers?$top=3")).json()
    assert "$top=1&" in body["@odata.nextLink"]
    rest = (await bench.client.get(body["@odata.nextLink"])).json()
    assert (1, False) == (len(rest["value"]), "@odata.nextLink" in rest)


@given(st.integers(1, 7), st.booleans(), st.sampled_from(["", "displayName desc"]))
def test_paging_brings_every_row_once(size: int, filtered: bool, order: str) -> None:
    """Whatever the page size, filter and order: no row twice, none missing."""
    company = BusinessCentralState().add_company("X")
    for number in range(11):
        name = f"N{number % 4}"
        company.put("Currency", {"code": f"C{number}", "displayName": name})
    options = {"$orderby": order} if order else {}
    if filtered:
        options["$filter"] = "displayName ne 'N1'"
    seen, token = [], ""
    while True:
        more = {"$skiptoken": token} if token else {}
        page = page_for("currencies")
        found = listing(company, page, options | more, page_rows=size)
        seen += [row["code"] for row in found.rows]
        token = found.last_id
        if not token:
            break
    assert (8 if filtered else 11) == len(seen) == len(set(seen))


async def test_count_skip_order_and_plus_signs(bench: Bench) -> None:
    """Spaces may arrive as plus signs, dollars encoded; $count counts all."""
    path = "customers?%24orderby=displayName+desc&$count=true&$skip=1&$top=1"
    body = (await bench.ask("GET", path)).json()
    assert (3, ["SoE"]) == (
        body["@odata.count"],
        [row["displayName"] for row in body["value"]],
    )
    assert "3" == (await bench.ask("GET", "customers/$count")).text


async def test_one_row_expand_and_missing_rows(bench: Bench) -> None:
    """Single rows have their own context; details expand to one object."""
    id = (await bench.rows("customers"))[0]["id"]
    path = f"customers({id})?$select=number&$expand=customerFinancialDetails"
    row = (await bench.ask("GET", path, route=V2)).json()
    assert row["@odata.context"].endswith("/customers/$entity")
    assert (id, 0) == (
        row["customerFinancialDetails"]["id"],
        row["customerFinancialDetails"]["balance"],
    )
    missing = "customers(00000000-0000-0000-0000-00000000000a)"
    assert (404, "Internal_RecordNotFound") == error_of(await bench.ask("GET", missing))
    wrong = await bench.ask("GET", "customers(abc)")
    assert (404, "BadRequest_NotFound") == error_of(wrong)
    assert (404, "BadRequest_ResourceNotFound") == error_of(
        await bench.ask("GET", "customer")
    )


async def test_companies_by_path_query_and_header(bench: Bench) -> None:
    """A company is named by path, query (id or name) or header; else the first."""
    other = bench.state.add_company("Other")
    other.insert("currencies", {"code": "SEK"})
    root = "/api/tieline/sync/v1.0"
    listed = (await bench.client.get(f"{root}/companies")).json()["value"]
    assert ["CRONUS USA, Inc.", "Other"] == [row["name"] for row in listed]
    for address, header in (
        (f"{root}/companies({other.id})/currencies", {}),
        (f"{root}/companies({other.id.upper()})/currencies", {}),
        (f"{root}/companies(name='Other')/currencies", {}),
        (f"{root}/companies(id={other.id})/currencies", {}),
        (f"{root}/currencies?company={other.id}", {}),
        (f"{root}/currencies?company=Other", {}),
        (f"{root}/currencies", {"Company": "Other"}),
    ):
        body = (await bench.client.get(address, headers=header)).json()
        assert ["SEK"] == [row["code"] for row in body["value"]]
    default = (await bench.client.get(f"{root}/currencies")).json()["value"]
    assert ["EUR"] == [row["code"] for row in default]
    unknown = await bench.client.get(f"{root}/currencies?company=Nowhere")
    assert (404, "Internal_CompanyNotFound") == error_of(unknown)
    one = await bench.client.get("/api/v2.0/companies?$filter=name eq 'Other'")
    assert [other.id] == [row["id"] for row in one.json()["value"]]


async def test_without_the_companion_only_the_standard_api_is_there(
    bench: Bench,
) -> None:
    """The companion route is then as unknown as any other."""
    bench.state.companion = False
    root = "/api/tieline/sync/v1.0"
    for address in (bench.address("customers"), f"{root}/", f"{root}/$metadata"):
        refused = error_of(await bench.client.get(address))
        assert (404, "BadRequest_ResourceNotFound") == refused
        other = await bench.client.get(address.replace("tieline", "fabrikam"))
        assert refused == error_of(other)
    batch = await bench.client.post(f"{root}/$batch", json={"requests": []})
    assert (404, "BadRequest_ResourceNotFound") == error_of(batch)
    part = {"id": "1", "method": "GET", "url": f"{root}/customers"}
    parts = await bench.client.post("/api/v2.0/$batch", json={"requests": [part]})
    assert 404 == parts.json()["responses"][0]["status"]
    assert 200 == (await bench.ask("GET", "customers", route=V2)).status_code


@pytest.mark.parametrize("route", ["tieline/sync/v1.0", V2])
async def test_metadata_names_types_lengths_and_members(
    bench: Bench, route: str
) -> None:
    """The CSDL is well-formed and says what rows hold."""
    text = (await bench.client.get(f"/api/{route}/$metadata")).text
    root = ElementTree.fromstring(text)
    edm = "{http://docs.oasis-open.org/odata/ns/edm}"
    types = {one.get("Name"): one for one in root.iter(f"{edm}EntityType")}
    properties = {
        one.get("Name"): one for one in types["customer"].iter(f"{edm}Property")
    }
    assert "100" == properties["displayName"].get("MaxLength")
    assert "Microsoft.NAV.customerBlocked" == properties["blocked"].get("Type")
    members = {one.get("Name") for one in root.iter(f"{edm}Member")}
    assert "_x0020_" in members
    assert "Non_x002D_Inventory" in members
    shown = await bench.ask("GET", "customers?$top=1", route=route)
    names = {name for name in shown.json()["value"][0] if not name.startswith("@")}
    assert set(properties) == names
    sets = (await bench.client.get(f"/api/{route}/")).json()["value"]
    assert {"companies", "customers", "items"} <= {one["name"] for one in sets}


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_enum_members_survive_their_encoding(text: str) -> None:
    """Names without an encoded look of their own come back as they were."""
    if "_x" not in text:
        assert text == decode_member(encode_member(text))


def test_a_hundred_thousand_rows_are_scanned_quickly() -> None:
    """A filter over everything stays far below a second."""
    company = BusinessCentralState().add_company("X")
    company.put_all("Currency", ({"code": f"{n:06d}"} for n in range(100_000)))
    options = {"$filter": "lastModifiedDateTime gt 2100-01-01T00:00:00Z"}
    listing(company, page_for("currencies"), {}, page_rows=1)
    began = time.perf_counter()
    found = listing(company, page_for("currencies"), options, page_rows=100)
    assert [] == found.rows
    assert time.perf_counter() - began < 0.5
