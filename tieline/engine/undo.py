"""Puts journalled changes back, a chunk of one side's rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tieline.engine.leg import Leg
from tieline.engine.run import JobRun, LegRun
from tieline.engine.undo_records import create_again, delete_created
from tieline.engine.undo_values import put_values_back
from tieline.engine.undoing import Undoing, written_id
from tieline.mapping import Direction
from tieline.store import JournalRow


def chunks(rows: Iterable[JournalRow], size: int) -> Iterator[list[JournalRow]]:
    """Yield successive rows of one table and side, each record once, at most `size`.

    A record that a run wrote twice is undone twice, the newest change first.
    """
    chunk: list[JournalRow] = []
    seen: set[str] = set()
    for row in rows:
        is_other = chunk and (row.mapping, row.side) != (
            chunk[0].mapping,
            chunk[0].side,
        )
        if is_other or written_id(row) in seen or len(chunk) >= size:
            yield chunk
            chunk, seen = [], set()
        chunk.append(row)
        seen.add(written_id(row))
    if chunk:
        yield chunk


async def undo_chunk(
    run: JobRun,
    rows: list[JournalRow],
    *,
    keys: frozenset[str] | None,
) -> list[int]:
    """Put a chunk of changes back; returns the journal ids that are done with."""
    done: list[int] = []
    for action, act in (
        ("modify", put_values_back),
        ("insert", delete_created),
        ("delete", create_again),
    ):
        leg = Leg(run.mapping, Direction(rows[0].direction))
        left = {written_id(row): row for row in rows if row.action == action}
        undoing = Undoing(run, LegRun(run, leg), keys, left)
        if undoing.left:
            await act(undoing)
        done += [
            row.id
            for row in undoing.left.values()
            if row.id is not None and _is_whole(row, keys)
        ]
    return done


def _is_whole(row: JournalRow, keys: frozenset[str] | None) -> bool:
    """Whether nothing of a change is left to be undone."""
    return keys is None or set(row.before or ()) <= keys
