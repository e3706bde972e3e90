"""Multipart batches of Business Central, and the captions of its pages."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from emulator.odata.multipart import boundary_of, split_parts
from tests.emulator.business_central.conftest import Bench

V2 = "/api/v2.0"


def part(
    method: str,
    url: str,
    body: Any = None,
    id_: str = "",
    end: str = "\r\n",
    **more: str,
) -> str:
    outer = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if id_:
        outer.append(f"Content-ID: {id_}")
    inner = [f"{method} {url} HTTP/1.1", "Content-Type: application/json"]
    inner += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    text = "" if body is None else json.dumps(body)
    return end.join([*outer, "", *inner, "", text])


def change_set(*parts: str, end: str = "\r\n") -> str:
    head = f"Content-Type: multipart/mixed; boundary=cs{end}{end}"
    return head + "".join(f"--cs{end}{one}{end}" for one in parts) + f"--cs--{end}"


async def send(
    bench: Bench, *parts: str, prefer: str = "", end: str = "\r\n"
) -> tuple[int, list[Any]]:
    content = "".join(f"--b{end}{one}{end}" for one in parts) + f"--b--{end}"
    headers = {"Content-Type": "multipart/mixed; boundary=b"}
    if prefer:
        headers["Prefer"] = prefer
    answer = await bench.client.post(
        f"{V2}/$batch", content=content.encode(), headers=headers
    )
    kind = answer.headers["content-type"]
    if not kind.startswith("multipart"):
        return answer.status_code, [answer.json()["error"]["code"]]
    return answer.status_code, statuses(answer.content, boundary_of(kind))


def statuses(content: bytes, boundary: str) -> list[Any]:
    found: list[Any] = []
    for one in split_parts(content, boundary):
        kind = one.headers["content-type"]
        if kind.startswith("multipart"):
            found.append(statuses(one.content, boundary_of(kind)))
        else:
            found.append(int(one.content.split()[1]))
    return found


@pytest.mark.parametrize("end", ["\r\n", "\n"])
async def test_parts_run_in_turn(bench: Bench, end: str) -> None:
    """Addresses are relative to the root or absolute; lines end in CRLF or LF."""
    base = f"companies({bench.company.id})"
    absolute = f"http://bc.example/v2.0/tenant/env{V2}/{base}/customers"
    assert (200, [201, 200]) == await send(
        bench,
        part("POST", f"{base}/customers", {"displayName": "A"}, end=end),
        part("GET", f"{absolute}?$filter=displayName%20eq%20'A'", end=end),
        end=end,
    )


async def test_a_slash_before_a_relative_address_is_refused(bench: Bench) -> None:
    """Only an address that leads into the service begins with one."""
    url = f"/companies({bench.company.id})/customers"
    assert (200, [400]) == await send(bench, part("GET", url))


@pytest.mark.parametrize("prefer", ["", "odata.continue-on-error"])
async def test_the_first_failure_ends_a_batch_that_does_not_go_on(
    bench: Bench, prefer: str
) -> None:
    """With the preference every operation has its answer."""
    base = f"companies({bench.company.id})/customers"
    status, answers = await send(
        bench,
        part("POST", base, {"nonsense": 1}),
        part("POST", base, {"displayName": "A"}),
        prefer=prefer,
    )
    assert (200, [400, 201] if prefer else [400]) == (status, answers)


async def test_a_change_set_is_kept_whole_or_not_at_all(bench: Bench) -> None:
    """A failure undoes what came before it in the set, and is its only answer."""
    base = f"companies({bench.company.id})/customers"
    good = part("POST", base, {"displayName": "A"}, "1")
    bad = part("POST", base, {"displayName": "x" * 101}, "2")
    before = len(bench.company.rows("customers"))
    assert (200, [400]) == await send(bench, change_set(good, bad))
    assert before == len(bench.company.rows("customers"))
    assert (200, [[201]]) == await send(bench, change_set(good))
    assert before + 1 == len(bench.company.rows("customers"))


async def test_a_multipart_batch_has_the_same_limit(bench: Bench) -> None:
    """More than a hundred operations are refused as a whole."""
    parts = [part("GET", "companies")] * 101
    assert 500 == (await send(bench, *parts))[0]


async def test_captions_of_pages_and_members(bench: Bench) -> None:
    """Names of entities, properties and enum members for people, filtered."""
    address = f"{V2}/entityDefinitions"
    answer: httpx.Response = await bench.client.get(address)
    every = {row["entitySetName"] for row in answer.json()["value"]}
    assert {"customers", "items", "salesInvoices"} <= every
    query = {"$filter": "entityName eq 'customer'"}
    (row,) = (await bench.client.get(address, params=query)).json()["value"]
    assert [{"languageCode": 1033, "caption": "Customer"}] == row["entityCaptions"]
    assert "displayName" in {one["name"] for one in row["properties"]}
    assert "_x0020_" in {
        member["name"] for one in row["enumerations"] for member in one["members"]
    }


async def test_the_id_of_an_invoice_is_refused_in_its_own_words(bench: Bench) -> None:
    """The page of invoices quotes no name in that sentence."""
    made = await bench.ask(
        "POST", "salesInvoices", {"customerNumber": "10000"}, route="v2.0"
    )
    other = {"id": "11111111-2222-3333-4444-555555555555"}
    answer = await bench.ask(
        "PATCH",
        f"salesInvoices({made.json()['id']})",
        other,
        route="v2.0",
        headers={"If-Match": "*"},
    )
    assert answer.json()["error"]["message"].startswith("The id cannot be changed.")
