"""A bulk message that takes too long is halved; what worked is where one begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.contract.conftest import Case
from tieline.errors import Unavailable
from tieline.odata.schema import MemoryCache


def sizes(dataverse: Case, patch: pytest.MonkeyPatch) -> list[int]:
    """Note how many rows each bulk message has."""
    seen: list[int] = []
    slow = dataverse.state.slow
    is_too_much = type(slow).is_too_much

    def noted(self: Any, table: str, targets: list[Any]) -> bool:
        seen.append(len(targets))
        return is_too_much(self, table, targets)

    patch.setattr(type(slow), "is_too_much", noted)
    slow.seconds = 0.0
    return seen


async def test_a_message_that_times_out_is_halved(
    dataverse: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand rows arrive in smaller messages; the next connection begins there."""
    seen = sizes(dataverse, monkeypatch)
    dataverse.state.slow.rows["account"] = 300
    cache = MemoryCache()
    rows = dataverse.fresh(1000)
    for count in (1000, 600):
        async with await dataverse.connect(cache) as side:
            written = await side.insert("account", rows[:count])
        assert {None} == {one.error for one in written}
        rows = dataverse.fresh(1000)
    assert [1000, 500, 500, 250, 250, 250, 250] == seen[:7]
    assert [250, 250, 100] == sorted(seen[7:], reverse=True)
    assert 1600 == len(dataverse.state.rows("account"))


async def test_one_row_that_times_out_fails_alone(
    dataverse: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest lands; the row is tried twice by itself and says what happened."""
    rows = await dataverse.seeded(200)
    seen = sizes(dataverse, monkeypatch)
    stuck = rows[123].id
    dataverse.state.slow.stuck.add(stuck)
    changes = [replace(row, values={"telephone1": "1"}) for row in rows]
    written = await dataverse.side.update("account", changes)
    failed = [one for one in written if one.error is not None]
    assert [stuck] == [one.id for one in failed]
    assert isinstance(failed[0].error, Unavailable)
    assert failed[0].error.maybe_done
    assert 199 == sum(
        row["telephone1"] == "1" for row in dataverse.state.rows("account")
    )
    assert 2 <= seen.count(1) <= 6
    assert len(seen) < 24


async def test_the_message_that_worked_is_known_for_each_table(
    dataverse: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow table does not slow the others, nor the other message."""
    seen = sizes(dataverse, monkeypatch)
    dataverse.state.slow.rows["account"] = 20
    rows = await dataverse.seeded(80)
    del dataverse.state.slow.rows["account"]
    seen.clear()
    changes = [replace(row, values={"telephone1": "1"}) for row in rows]
    await dataverse.side.update("account", changes)
    assert [80] == seen
    seen.clear()
    await dataverse.seeded(80)
    assert [20] * 4 == seen


async def test_a_service_that_says_nothing_is_left_at_the_time_out(
    dataverse: Case,
) -> None:
    """Silence and a time-out of the service's own are the same to us."""
    dataverse.state.slow.rows["account"] = 3
    rows = dataverse.fresh(4)
    async with await dataverse.connect(timeout_s=4.0) as side:
        written = await side.insert("account", rows)
    assert {None} == {one.error for one in written}
    assert 4 == len(dataverse.state.rows("account"))


async def test_an_unknown_message_is_told_by_either_code(dataverse: Case) -> None:
    """A table that lost its message gets its rows by batch at once, and for good."""
    await dataverse.seeded(2)
    dataverse.state.bulk["account"].clear()
    dataverse.counters.reset()
    rows = await dataverse.seeded(3)
    assert {row.id for row in rows} <= {
        row["accountid"] for row in dataverse.state.rows("account")
    }
    await dataverse.seeded(3)
    assert 1 == dataverse.counters.requests["POST accounts"]
