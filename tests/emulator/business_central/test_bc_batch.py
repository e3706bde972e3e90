"""JSON batches: order, limit, isolation, going on, and faults of single parts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.business_central import (
    BusinessCentralState,
    create_business_central,
)
from emulator.faults import Fault
from tests.emulator.business_central.conftest import Bench, error_of

ROOT = "/api/tieline/sync/v1.0"


def _create(bench: Bench, id: str, number: str, **more: Any) -> dict[str, Any]:
    body = {"number": number, "displayName": f"N {number}", **more}
    return {
        "id": id,
        "method": "POST",
        "url": f"companies({bench.company.id})/customers",
        "headers": {"Content-Type": "application/json"},
        "body": body,
    }


async def _send(
    bench: Bench, requests: list[dict[str, Any]], **headers: str
) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"requests": requests}
    return await bench.client.post(f"{ROOT}/$batch", json=body, headers=headers)


def _numbers(bench: Bench) -> set[str]:
    return {row["number"] for row in bench.company.rows("customers")}


async def test_operations_answer_by_their_ids_in_order(bench: Bench) -> None:
    """Reads, writes, conditional writes and nested paths all work as parts."""
    row = (await bench.rows("customers"))[0]
    answer = await _send(
        bench,
        [
            _create(bench, "a", "1"),
            {
                "id": "b",
                "method": "PATCH",
                "url": f"{bench.address('customers')}({row['id']})",
                "headers": {"If-Match": row["@odata.etag"]},
                "body": {"city": "Ulm"},
            },
            {
                "id": "c",
                "method": "GET",
                "url": "customers?$filter=number%20eq%20'1'&$select=number",
                "headers": {"Company": bench.company.name},
            },
        ],
    )
    parts = answer.json()["responses"]
    assert [("a", 201), ("b", 200), ("c", 200)] == [
        (part["id"], part["status"]) for part in parts
    ]
    assert "Ulm" == parts[1]["body"]["city"]
    assert ["1"] == [one["number"] for one in parts[2]["body"]["value"]]
    counts = bench.state.counters.snapshot()
    assert 1 == counts["requests"]["POST $batch"]
    assert 1 == counts["operations"]["PATCH customers"]


async def test_a_hundred_operations_are_the_most(bench: Bench) -> None:
    """100 pass; 101 are refused with 500 and nothing is done."""
    many = [_create(bench, str(n), f"N{n}") for n in range(101)]
    refused = await _send(bench, many)
    assert (500, "Internal_ServerError") == error_of(refused)
    assert "'100'" in refused.json()["error"]["message"]
    assert 3 == len(_numbers(bench))
    done = await _send(bench, many[:100])
    assert {201} == {part["status"] for part in done.json()["responses"]}


async def test_the_first_failure_ends_a_batch(bench: Bench) -> None:
    """What was done before stays, what follows is not even tried."""
    answer = await _send(
        bench,
        [
            _create(bench, "a", "1"),
            _create(bench, "b", "2", salespersonCode="XX"),
            _create(bench, "c", "3"),
        ],
    )
    statuses = [part["status"] for part in answer.json()["responses"]]
    assert ([201, 400], {"1"}) == (statuses, _numbers(bench) & {"1", "2", "3"})


async def test_going_on_after_errors(bench: Bench) -> None:
    """Preferred, every operation answers; one that depends on a failure does not
    run."""
    dependent = {**_create(bench, "d", "4"), "dependsOn": ["b"]}
    answer = await _send(
        bench,
        [
            _create(bench, "a", "1"),
            _create(bench, "b", "2", salespersonCode="XX"),
            _create(bench, "c", "3"),
            dependent,
        ],
        Prefer="odata.continue-on-error",
    )
    statuses = [part["status"] for part in answer.json()["responses"]]
    assert [201, 400, 201, 424] == statuses
    assert {"1", "3"} == _numbers(bench) & {"1", "2", "3", "4"}


@pytest.mark.parametrize(("bad", "statuses"), [(0, [400]), (1, [201, 400, 201])])
async def test_a_snapshot_keeps_nothing_after_a_failure(
    bench: Bench, bad: int, statuses: list[int]
) -> None:
    """Earlier parts report success all the same; a failing first stands alone."""
    requests = [_create(bench, str(n), f"N{n}") for n in range(3)]
    requests[bad]["body"]["salespersonCode"] = "XX"
    before = {name: dict(table.rows) for name, table in bench.company.tables.items()}
    answer = await _send(bench, requests, Isolation="snapshot")
    assert statuses == [part["status"] for part in answer.json()["responses"]]
    after = {name: dict(table.rows) for name, table in bench.company.tables.items()}
    assert before == after


async def test_posting_splits_a_snapshot(bench: Bench) -> None:
    """An action commits: what it did stays, what follows is rolled back."""
    line = {"lineType": "Item", "lineObjectNumber": "1000", "quantity": 1}
    body = {"customerNumber": "10000", "salesInvoiceLines": [line]}
    draft = bench.company.insert("salesInvoices", body, route="standard")
    address = bench.address(f"salesInvoices({draft['id']})", route="v2.0")
    post = {"id": "p", "method": "POST", "url": f"{address}/Microsoft.NAV.post"}
    bad = _create(bench, "b", "2", salespersonCode="XX")
    requests = [_create(bench, "a", "1"), post, _create(bench, "c", "3"), bad]
    answer = await _send(bench, requests, Isolation="snapshot")
    statuses = [part["status"] for part in answer.json()["responses"]]
    assert [201, 204, 201, 400] == statuses
    assert 1 == len(bench.company.rows("postedSalesInvoices"))
    assert {"1"} == _numbers(bench) & {"1", "2", "3"}


async def test_a_good_snapshot_is_kept(bench: Bench) -> None:
    """Without a failure the one transaction commits."""
    requests = [_create(bench, str(n), f"N{n}") for n in range(3)]
    await _send(bench, requests, Isolation="snapshot")
    assert 6 == len(_numbers(bench))


async def test_single_operations_fail_on_demand(bench: Bench) -> None:
    """A fault on parts refuses just the part that it picks."""
    bench.state.faults.add(
        Fault("throttle", operation=True, nth=2, count=1, retry_after=3)
    )
    requests = [_create(bench, str(n), f"N{n}") for n in range(3)]
    answer = await _send(bench, requests, Prefer="odata.continue-on-error")
    parts = answer.json()["responses"]
    assert [201, 429, 201] == [part["status"] for part in parts]
    assert "3" == parts[1]["headers"]["Retry-After"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"requests": 1},
        {"requests": [{"id": "1"}]},
        {"requests": [1]},
        {"requests": [{"id": ["1"], "method": "GET", "url": "companies"}]},
        {"requests": [{"id": "1", "method": 1, "url": "companies"}]},
        {"requests": [{"method": "GET", "url": "companies", "headers": ["x"]}]},
        {"requests": [{"method": "GET", "url": "companies", "dependsOn": [{}]}]},
    ],
)
async def test_a_malformed_batch_is_refused(bench: Bench, body: Any) -> None:
    """400 before anything is done."""
    answer = await bench.client.post(f"{ROOT}/$batch", json=body)
    assert (400, "BadRequest") == error_of(answer)


@pytest.mark.parametrize("url", ["http://[", "http://x/elsewhere", "$batch", ""])
async def test_a_part_that_leads_nowhere_fails_alone(bench: Bench, url: str) -> None:
    """Its answer is 404, or the service document for no path; the next one runs."""
    parts = [
        {"id": "a", "method": "POST", "url": url, "body": {}},
        {"method": "GET", "url": "companies"},
    ]
    answer = await _send(bench, parts, Prefer="odata.continue-on-error")
    statuses = [(one["id"], one["status"]) for one in answer.json()["responses"]]
    assert [("a", 404 if url else 405), (None, 200)] == statuses


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=8)), max_size=12))
async def test_every_part_answers_for_itself(parts: list[tuple[bool, str]]) -> None:
    """Whatever mix of good and bad parts, hostile texts included: one answer each."""
    state = BusinessCentralState()
    company = state.add_company("X")
    requests = [
        {
            "id": str(at),
            "method": "POST",
            "url": "currencies",
            "body": {"code": f"C{at}" if good else "", "displayName": text},
        }
        for at, (good, text) in enumerate(parts)
    ]
    transport = httpx.ASGITransport(create_business_central(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.post(
            f"{ROOT}/$batch",
            json={"requests": requests},
            headers={"Prefer": "odata.continue-on-error"},
        )
    statuses = {one["id"]: one["status"] for one in answer.json()["responses"]}
    expected = {str(n): 201 if good else 400 for n, (good, _) in enumerate(parts)}
    assert expected == statuses
    names = [row["displayName"] for row in company.rows("currencies")]
    assert sorted(text for good, text in parts if good) == sorted(names)
