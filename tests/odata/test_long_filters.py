"""Filters that a service refuses for their length are split, and lists replaced."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.odata.fakes import ROOT, wire
from tests.odata.test_other_servers import METADATA, connect
from tieline.business_central import BusinessCentral
from tieline.dataverse.values import SYNTAX
from tieline.odata.model import Column, Condition, Table
from tieline.odata.query import filter_text, pieces, value_lists
from tieline.settings import BusinessCentralSettings

NODES = "The node count limit of '100' has been exceeded. To increase the limit, set"
COLUMN = Column("accountid", "guid")
TEXT = Column("name", "text", 160)
ACCOUNT = Table("account", "accounts", "accountid", {"accountid": COLUMN, "name": TEXT})


def ids(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


def asked(url: str) -> list[str]:
    return re.findall(r"id eq ([0-9a-f-]{36})", unquote(url))


async def test_chosen_rows_are_asked_for_by_fifteen() -> None:
    """An operation compares at most 15 times, a batch has at most 100 operations."""
    sizes: list[int] = []

    def operate(operation: dict[str, Any]) -> dict[str, Any]:
        sizes.append(len(asked(operation["url"])))
        return {"status": 200, "body": {"value": []}}

    side, server = await connect(operate)
    async with side:
        await side.by_id("customers", ids(1600), columns=["displayName"])
    assert (15, 1600) == (max(sizes), sum(sizes))
    assert server.batches == [100, 7]


@pytest.mark.parametrize("most", [14, 6, 1])
async def test_a_filter_of_too_many_nodes_is_split_again(most: int) -> None:
    """That very refusal halves the chains, and the size that worked is kept."""
    refused: list[int] = []

    def operate(operation: dict[str, Any]) -> dict[str, Any]:
        wanted = asked(operation["url"])
        if len(wanted) > most:
            refused.append(len(wanted))
            error = {"code": "BadRequest", "message": NODES}
            return {"status": 400, "body": {"error": error}}
        return {"status": 200, "body": {"value": [{"id": one} for one in wanted]}}

    side, _ = await connect(operate)
    wanted = ids(60)
    async with side:
        frame = await side.by_id("customers", wanted, columns=["displayName"])
        assert set(wanted) == set(frame["id"])
        seen = len(refused)
        await side.by_id("customers", wanted, columns=["displayName"])
    assert seen == len(refused) > 0


async def test_a_long_list_of_a_filter_is_read_in_parts() -> None:
    """A filter of more values than the service takes is several reads, no more rows."""
    seen: list[list[str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/companies"):
            row = {"id": str(uuid.uuid4()), "name": "A"}
            return httpx.Response(200, json={"value": [row]})
        if path.endswith("/$metadata"):
            return httpx.Response(200, text=METADATA)
        names = re.findall(r"displayName eq '(\w+)'", unquote(str(request.url)))
        seen.append(names)
        return httpx.Response(
            200,
            json={
                "value": [{"id": str(uuid.uuid4()), "displayName": n} for n in names]
            },
        )

    side = await BusinessCentral.connect(
        BusinessCentralSettings(url=ROOT), wire=wire(handler)
    )
    names = [f"N{n}" for n in range(23)]
    where = (Condition("displayName", "in", names),)
    async with side:
        pages = [
            page
            async for page in side.changed(
                "customers", columns=["displayName"], where=where
            )
        ]
    assert [10, 10, 3] == [len(one) for one in seen]
    assert names == [name for page in pages for name in page.frame["displayName"]]
    assert [False, False, True] == [page.last for page in pages]


def test_the_parts_of_a_filter_are_disjoint() -> None:
    """Each value stands in one part, blank in one, the other conditions in all."""
    blank = Condition("a", "in", list(range(25)), or_blank=True)
    parts = pieces((Condition("b", "eq", 1), blank), 10)
    assert [b for b, _ in parts] == [Condition("b", "eq", 1)] * 3
    assert list(range(25)) == [value for _, one in parts for value in one.value]
    assert [True, False, False] == [one.or_blank for _, one in parts]


def test_lists_stay_within_their_bounds() -> None:
    """Every value stands in one list; none is longer than asked for."""
    assert SYNTAX.lists is not None
    values = ids(2500)
    conditions, rest = value_lists(COLUMN, values, SYNTAX.lists, characters=60_000)
    assert rest == []
    assert [1000, 1000, 500] == [one.count('"') // 2 for one in conditions]
    assert values == re.findall(r'"([^"]+)"', "".join(conditions))
    short, _ = value_lists(COLUMN, values, SYNTAX.lists, characters=2_000)
    assert max(map(len, short)) < 2_000


def test_a_condition_of_many_values_is_a_list() -> None:
    """A few are compared, many are listed; text with quotes is compared anyway."""
    few = filter_text((Condition("accountid", "in", ids(3)),), ACCOUNT, SYNTAX)
    assert 3 == few.count(" eq ")
    names = [f"N{n}" for n in range(16)]
    many = filter_text((Condition("name", "in", [*names, "O'X"]),), ACCOUNT, SYNTAX)
    listed = ",".join(f'"{name}"' for name in names)
    assert (
        f"(Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=[{listed}])"
        " or name eq 'O''X')"
    ) == many
