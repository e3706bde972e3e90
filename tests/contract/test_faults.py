"""Everything goes wrong at once, at random: the end is the same as without."""

from __future__ import annotations

import pytest

from emulator.faults import Fault
from tests.contract.conftest import Case
from tieline.errors import Unavailable
from tieline.odata.model import Change


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_load_under_fire_ends_as_one_in_peace(case: Case, seed: int) -> None:
    """Resets, 503, 429 in any mix: every row once, with the last values written."""
    await case.seeded(2)
    case.faults.clear(seed)
    for kind in ("reset-before", "reset-after", "unavailable", "throttle"):
        case.faults.add(Fault(kind, probability=0.08))  # type: ignore[arg-type]
        if kind in ("unavailable", "throttle"):
            case.faults.add(
                Fault(kind, probability=0.01, operation=True)  # type: ignore[arg-type]
            )
    rows = case.fresh(602)[2:]
    written = await case.side.insert(case.table, rows)
    unknown = [one.id for one in written if isinstance(one.error, Unavailable)]
    assert len(unknown) == sum(1 for one in written if one.error)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    assert {one.id for one in written if not one.error} <= set(frame.index)
    changes = [
        Change(id, {case.name: f"New {n}"}, version)
        for n, (id, version) in enumerate(frame["version"].items())
    ]
    results = await case.side.update(case.table, changes)
    failed = {one.id for one in results if isinstance(one.error, Unavailable)}
    assert len(failed) == sum(1 for one in results if one.error)
    case.faults.clear()
    names = await case.names([row.id for row in rows])
    for change in changes:
        assert change.id in failed or change.values[case.name] == names[change.id]
    read = [page async for page in case.side.changed(case.table, columns=[case.name])]
    assert 602 - len(unknown) <= sum(len(page.frame) for page in read) <= 602


async def test_another_user_in_the_middle_is_noticed(case: Case) -> None:
    """An edit between our read and our write is a conflict of that row alone."""
    rows = await case.seeded(20)
    frame = await case.side.by_id(case.table, [r.id for r in rows], columns=[])
    case.faults.add(
        Fault(
            "edit",
            method="POST",
            path=r"\$batch",
            count=1,
            edit=lambda: case.edit(rows[5].id, "Theirs"),
        )
    )
    changes = [
        Change(row.id, {case.name: "Ours"}, frame.loc[row.id, "version"])
        for row in rows
    ]
    written = await case.side.update(case.table, changes)
    assert [n for n, one in enumerate(written) if one.error] == [5]
    assert (await case.names([rows[5].id]))[rows[5].id] == "Theirs"
