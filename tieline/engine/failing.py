"""What is kept of the records that failed, and whether they count as failed.

`tieline.engine.fate.when_failed` decides; this module finds out what it asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

from tieline.engine.fate import Fate, when_failed
from tieline.engine.leg import Leg
from tieline.engine.row import Rows, SetAside
from tieline.engine.run import JobRun
from tieline.errors import RecordError
from tieline.failures import (
    awaited,
    is_first_conflict,
    is_paused,
    is_same_failure,
    next_try,
    parts,
)
from tieline.report import RecordFailure
from tieline.store import ErrorRow


@dataclass(frozen=True)
class Judged:
    """A record set aside, the error to keep of it, and what it counts as."""

    aside: SetAside
    error: ErrorRow
    fate: Fate


def judge_failures(run: JobRun, rows: Rows) -> list[Judged]:
    """Count the records set aside, and report those that do not wait on."""
    if not rows.set_aside:
        return []
    leg = rows.leg
    former = run.store.errors_for(
        leg.direction, [aside.source_id for aside in rows.set_aside]
    )
    waiting = _waiting_opposite(run, rows)
    judged = []
    for aside in rows.set_aside:
        before = former.get(aside.source_id)
        one = _judge(run, leg, aside, before, aside.destination_id in waiting)
        judged.append(one)
        rows.tally[one.fate] += 1
        told = run.report.waiting if one.fate is Fate.WAIT else run.report.errors
        told.append(_told(run, leg, one))
    return judged


def _told(run: JobRun, leg: Leg, judged: Judged) -> RecordFailure:
    aside, error = judged.aside, judged.error
    return RecordFailure(
        leg.direction,
        aside.source_id,
        aside.destination_id,
        error.code,
        error.message,
        run.mapping.name,
        aside.source_title or aside.source_key,
    )


def _waiting_opposite(run: JobRun, rows: Rows) -> set[str | None]:
    """Return the counterparts that wait for another record in the other direction.

    Such a pair never becomes skipped: it would not be tried when that appears.
    """
    ids = [
        aside.destination_id
        for aside in rows.set_aside
        if aside.coupling and aside.destination_id
    ]
    if not ids:
        return set()
    known = run.store.errors_for(rows.leg.back.direction, ids)
    return {id_ for id_, row in known.items() if row.waiting_key is not None}


def _judge(
    run: JobRun,
    leg: Leg,
    aside: SetAside,
    before: ErrorRow | None,
    pair_waits: bool,  # noqa: FBT001
) -> Judged:
    error, coupling = aside.error, aside.coupling
    code, message = parts(error)
    blocker = awaited(error)
    repeats = before is not None and is_same_failure(
        before.code, before.message, code, message
    )
    is_paused_now = (
        before is not None
        and repeats
        and run.mapping.always_full
        and is_paused(before.next_try, run.now)
    )
    fate = when_failed(
        is_named=bool(run.options.records),
        is_blocked=blocker is not None,
        is_told=_was_told(aside, before, code, blocker),
        is_paused=is_paused_now,
        is_coupled=coupling is not None,
        is_passing=error.is_passing or is_first_conflict(error),
        repeats=repeats and coupling is not None and coupling[leg.result] == "failure",
        is_tried_again=aside.is_tried_again,
        pair_waits=pair_waits,
    )
    if before is not None and is_paused_now and fate is Fate.WAIT:
        # A job that reads all rows met it before its time: nothing new is told.
        return Judged(aside, before, fate)
    attempts = 1 + (before.attempts if before is not None else 0)
    kept = ErrorRow(
        company=run.session.company_id,
        mapping=run.mapping.name,
        direction=leg.direction,
        source_id=aside.source_id,
        code=code,
        message=message,
        attempts=attempts,
        first_at=before.first_at if before is not None else run.now,
        at=run.now,
        destination_id=aside.destination_id if coupling is not None else None,
        source_key=aside.source_key,
        next_try=next_try(
            error, attempts=attempts, is_coupled=coupling is not None, now=run.now
        ),
        waiting_mapping=blocker[0] if blocker else None,
        waiting_key=blocker[1] if blocker else None,
        run_id=run.run_id,
        source_version=aside.source_version,
        destination_version=aside.destination_version,
        source_title=aside.source_title or None,
    )
    return Judged(aside, kept, fate)


def _was_told(
    aside: SetAside,
    before: ErrorRow | None,
    code: str,
    blocker: tuple[str, str] | None,
) -> bool:
    """Whether the record waits for what it waited for before, which was told."""
    if before is None:
        return False
    if isinstance(aside.error, RecordError) and aside.error.is_told_once:
        return before.code == code
    waited_for = (before.waiting_mapping, before.waiting_key)
    return blocker is not None and waited_for == blocker
