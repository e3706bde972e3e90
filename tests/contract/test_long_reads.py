"""Reads of many rows by id or value, on services that bound a filter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Case
from tieline.errors import Rejected


async def test_many_values_are_found_whatever_the_filter_may_hold(case: Case) -> None:
    """Reads by value of hundreds of rows lose none, beside a filter of its own."""
    rows = await case.seeded(300)
    numbers = [row.values[case.number] for row in rows]
    frame = await case.side.by_values(
        case.table, case.number, numbers, columns=[case.name]
    )
    assert {row.id for row in rows} == set(frame.index)


async def test_dataverse_reads_many_ids_by_one_list(dataverse: Case) -> None:
    """A thousand ids are one operation with the function In."""
    rows = await dataverse.seeded(1000)
    dataverse.counters.reset()
    frame = await dataverse.side.by_id(
        "account", [row.id for row in rows], columns=["name"]
    )
    assert 1000 == len(frame)
    assert 1 == dataverse.counters.operations["GET accounts"]


async def test_values_that_a_list_cannot_hold_are_compared(dataverse: Case) -> None:
    """Quotes of either kind and backslashes go by comparisons, the rest by a list."""
    odd = ["O'Hara", 'say "hi"', "back\\slash", "100%", "a_b", "x, y"]
    names = [f"Name {n}" for n in range(30)] + odd
    for name in names:
        dataverse.state.insert("account", {"name": name})
    frame = await dataverse.side.by_values("account", "name", names, columns=["name"])
    assert set(names) == set(frame["name"])


async def test_a_service_without_lists_gets_chains(dataverse: Case) -> None:
    """The function is refused once; then comparisons are sent."""
    rows = await dataverse.seeded(40)
    wanted = [row.id for row in rows]
    bodies = dataverse.side._reader.bodies
    refused: list[str] = []

    async def without_lists(self: Any, urls: Any) -> Any:
        if found := [url for url in urls if "CRM.In(" in url]:
            refused.extend(found)
            raise Rejected("An unknown function", system="dataverse", status=400)
        return await bodies(urls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(dataverse.side._reader), "bodies", without_lists)
        for _ in range(2):
            frame = await dataverse.side.by_id("account", wanted, columns=["name"])
            assert set(wanted) == set(frame["id"])
    assert 1 == len(refused)
