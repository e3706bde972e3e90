"""How a write is cut into messages, and cut again after a time-out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.odata.fakes import Time, client
from tieline.dataverse.refusals import classify
from tieline.errors import Unavailable
from tieline.odata.model import Change, Written
from tieline.odata.portion import Pieces, Portion
from tieline.odata.schema import MemoryCache
from tieline.odata.settle import settle


def test_rows_are_cut_in_order() -> None:
    """No piece is longer than its rows may be in; none is lost."""
    pieces = Pieces(Portion(4))
    assert [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] == pieces.cut(range(10))
    assert pieces.note([0, 1, 2, 3], [0, 1, 2, 3])
    assert [[0, 1], [2, 3], [4, 5, 6, 7]] == pieces.cut(range(8))


def test_a_row_alone_cannot_go_smaller() -> None:
    """It is given up after its second time-out."""
    pieces = Pieces(Portion(4))
    for expected in (False, True):
        assert not pieces.note([7], [7])
        assert expected == pieces.is_given_up(7)


@pytest.mark.parametrize("text", ["", "0", "-3", "many", "9999"])
def test_a_hint_that_makes_no_sense_is_none(text: str) -> None:
    """What the cache holds may be anything."""
    cache = MemoryCache()
    cache.put("key", text)
    assert 1000 == Portion.remembered(1000, cache, "key").rows


@pytest.mark.parametrize("is_parallel", [True, False])
@pytest.mark.parametrize("finishes", [1, 3, 40, 64])
async def test_every_row_lands_in_messages_that_end(
    finishes: int, is_parallel: bool
) -> None:
    """Whatever the service finishes, nobody waits between the halves."""
    done: set[str] = set()
    time = Time()

    async def send(part: Sequence[Change]) -> list[Written | None]:
        if len(part) > finishes:
            error = Unavailable("Silence.", system="dataverse")
            error.maybe_done = error.timed_out = True
            raise error
        done.update(row.id for row in part)
        return [Written(row.id) for row in part]

    async def look_up(part: Sequence[Change]) -> list[Written | None]:
        return [Written(row.id) if row.id in done else None for row in part]

    rows = [Change(str(n), {}) for n in range(64)]
    cache = MemoryCache()
    async with client(lambda request: None, classify, time=time) as wired:  # type: ignore[arg-type, return-value]
        written = await settle(
            rows,
            send=send,
            look_up=look_up,
            client=wired,
            portion=Portion.remembered(64, cache, "key"),
            is_parallel=is_parallel,
        )
    assert [row.id for row in rows] == [one.id for one in written]
    assert {None} == {one.error for one in written}
    assert 64 == len(done)
    largest = max(64 // 2**n for n in range(7) if 64 // 2**n <= finishes)
    assert (largest if finishes < 64 else None) == (
        int(text) if (text := cache.get("key")) else None
    )
    assert is_parallel is False or time.slept == []
