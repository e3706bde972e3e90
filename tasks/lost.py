"""What becomes of the survivor of a pair whose other record was deleted.

An opposite pass has the survivor for its source and asks the deletion policy there.
A job that runs one way has none: this stage tells the deletion, or dissolves the
coupling, or deletes the row that Tieline itself created in Dataverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.guard import guard
from tasks.job_run import Pass
from tasks.load import rejected
from tasks.nested import forgetting_lines
from tasks.outcome import outcome_of
from tasks.preview import preview
from tasks.uncouple import deletion_images, empty_marks, forget_couplings
from tieline.batch import Batch, Parked
from tieline.errors import CoupledToDeleted, NotFound, SystemName, TielineError
from tieline.mapping import DeletionConflictPolicy, Direction
from tieline.odata.frames import empty_frame
from tieline.odata.model import Change
from tieline.report import PlannedChange
from tieline.store import Outcome, PlanRow

GONE = "gone"
"""The value of a planned row that names the side whose record is gone."""


class Fate(StrEnum):
    """What happens to a survivor."""

    TELL = "tell"
    UNCOUPLE = "uncouple"
    DELETE = "delete"
    LATER = "later"


def fate_of(
    policy: DeletionConflictPolicy,
    *,
    survivor: SystemName,
    is_ours: bool,
    is_fresh: bool,
) -> Fate:
    """Return what the policy makes of a survivor.

    `is_ours` says that Tieline created it, `is_fresh` that the other record was
    written within the look-back span: it may be on its way still.

    | policy | survivor in | ours | fresh | fate |
    |---|---|---|---|---|
    | none, restore   | any       | any | any | TELL |
    | remove-coupling | any       | any | no  | UNCOUPLE |
    | delete          | Dataverse | yes | no  | DELETE |
    | delete          | any other | any | any | TELL |
    | any that acts   | any       | any | yes | LATER |
    """
    if policy is DeletionConflictPolicy.REMOVE_COUPLING:
        fate = Fate.UNCOUPLE
    elif (
        policy is DeletionConflictPolicy.DELETE and survivor == "dataverse" and is_ours
    ):
        fate = Fate.DELETE
    else:
        return Fate.TELL
    return Fate.LATER if is_fresh else fate


@dataclass(frozen=True)
class Lost:
    """A coupling one side of which is gone; `coupling` is its row."""

    source_id: str
    gone: SystemName
    coupling: Mapping[str, Any]

    @property
    def survivor(self) -> SystemName:
        """The side of the record that is left."""
        return "dataverse" if self.gone == "bc" else "bc"


@task(name="deletions", cache_policy=NO_CACHE, persist_result=False)
async def take_lost(one_pass: Pass) -> dict[str, str]:
    """Treat the pairs of a pass that lost a side as the deletion policy says.

    Returns the pairs (BC id to Dataverse id) that were dissolved.

    Raises:
        SafetyStop: the policy would act on too many of them.
    """
    found = _found(one_pass)
    one_pass.lost = {}
    if not found:
        return {}
    fates = _fates(one_pass, found)
    chosen: dict[Fate, list[Lost]] = {fate: [] for fate in Fate}
    for lost in found:
        chosen[fates[lost.source_id]].append(lost)
    for fate in (Fate.UNCOUPLE, Fate.DELETE):
        guard(one_pass, fate.value, [lost.source_id for lost in chosen[fate]])
    if one_pass.run.options.dry_run:
        await _plan(one_pass, [*chosen[Fate.UNCOUPLE], *chosen[Fate.DELETE]], fates)
        refused: dict[str, TielineError] = {}
        dissolved: dict[str, str] = {}
    else:
        _look_again(one_pass, chosen[Fate.LATER])
        refused, dissolved = await act(
            one_pass, chosen[Fate.UNCOUPLE], chosen[Fate.DELETE]
        )
    told = {lost.source_id: _deleted(lost) for lost in chosen[Fate.TELL]} | refused
    await tell(one_pass, [lost for lost in found if lost.source_id in told], told)
    return dissolved


def _found(one_pass: Pass) -> list[Lost]:
    run = one_pass.run
    here: SystemName = (
        "bc" if one_pass.direction is Direction.TO_DATAVERSE else "dataverse"
    )
    rows = run.session.store.coupling_rows(
        run.session.company_id, run.mapping.name, side=here, ids=list(one_pass.lost)
    )
    return [
        Lost(id_, gone, rows[id_])
        for id_, gone in one_pass.lost.items()
        if id_ in rows and not rows[id_]["skipped"]
    ]


def _fates(one_pass: Pass, found: Sequence[Lost]) -> dict[str, Fate]:
    run = one_pass.run
    policy = run.options.deletion_conflict
    ours: set[str] = set()
    if policy is DeletionConflictPolicy.DELETE:
        ours = run.session.store.created_in_dataverse(
            run.session.company_id,
            run.mapping.name,
            [lost.coupling["dataverse_id"] for lost in found],
        )
    span = timedelta(seconds=run.session.choices.look_back_s)
    return {
        lost.source_id: fate_of(
            policy,
            survivor=lost.survivor,
            is_ours=lost.coupling["dataverse_id"] in ours,
            is_fresh=_is_within(
                lost.coupling[f"{lost.gone}_modified"],
                run.session.side(lost.gone).clock,
                span,
            ),
        )
        for lost in found
    }


def _is_within(written: Any, clock: datetime, span: timedelta) -> bool:
    if written is None or pd.isna(written):
        return False
    return bool(written + span > clock)


def _deleted(lost: Lost) -> CoupledToDeleted:
    return CoupledToDeleted.of(lost.gone, lost.coupling[f"{lost.gone}_id"])


async def survivor_versions(
    one_pass: Pass, found: Sequence[Lost]
) -> dict[str, dict[str, str | None]]:
    """Return the versions of the survivors as they are now, by source id and side."""
    run = one_pass.run
    versions: dict[str, dict[str, str | None]] = {}
    tables: tuple[tuple[SystemName, str], ...] = (
        ("bc", run.mapping.bc),
        ("dataverse", run.mapping.dataverse),
    )
    for side, table in tables:
        ids = {
            i.coupling[f"{side}_id"]: i.source_id for i in found if i.survivor == side
        }
        if ids:
            frame = await run.session.side(side).by_id(table, list(ids), columns=())
            for id_, version in zip(frame["id"], frame["version"], strict=True):
                versions[ids[id_]] = {side: version}
    return versions


async def _plan(
    one_pass: Pass, found: Sequence[Lost], fates: Mapping[str, Fate]
) -> None:
    """List in a dry run what would go; a plan keeps it for APPLY."""
    run = one_pass.run
    versions = await survivor_versions(one_pass, found)
    counters = run.counters(one_pass.way)
    rows = []
    for lost in found:
        fate = fates[lost.source_id]
        here = "bc" if one_pass.way == "to-dataverse" else "dataverse"
        there = "dataverse" if here == "bc" else "bc"
        change = PlannedChange(
            one_pass.way, fate.value, lost.source_id, lost.coupling[f"{there}_id"], ()
        )
        run.report.changes.append(change)
        rows.append(
            PlanRow(
                direction=one_pass.way,
                action=fate.value,
                source_id=lost.source_id,
                destination_id=change.destination_id,
                bc_version=versions.get(lost.source_id, {}).get("bc"),
                dataverse_version=versions.get(lost.source_id, {}).get("dataverse"),
                values={GONE: lost.gone},
                fields=[],
            )
        )
        if fate is Fate.DELETE:
            counters.deleted += 1
        else:
            counters.unchanged += 1
    if run.report.plan_id is not None and not run.is_nested:
        run.session.store.add_plan_rows(run.report.plan_id, rows)


def _look_again(one_pass: Pass, found: Sequence[Lost]) -> None:
    """Make the records candidates of the next run, whatever it reads."""
    if not found:
        return
    flag = "pending_to" if one_pass.way == "to-dataverse" else "pending_from"
    pending = pd.DataFrame(
        [
            {"bc_id": i.coupling["bc_id"], "dataverse_id": i.coupling["dataverse_id"]}
            for i in found
        ]
    ).assign(**{flag: True})
    _save(one_pass, couplings=pending)


async def act(
    one_pass: Pass, uncoupled: Sequence[Lost], deleted: Sequence[Lost]
) -> tuple[dict[str, TielineError], dict[str, str]]:
    """Dissolve couplings and delete rows.

    Returns what was refused, by source id, and the pairs that were dissolved.
    """
    refused: dict[str, TielineError] = {}
    run = one_pass.run
    counters = run.counters(one_pass.way)
    pairs = {}
    if uncoupled:
        left = [i for i in uncoupled if i.survivor == "dataverse"]
        await empty_marks(run, [lost.coupling["dataverse_id"] for lost in left])
        await forget_couplings(run, _frame(uncoupled))
        counters.unchanged += len(uncoupled)
        pairs = _pairs(uncoupled)
    if deleted:
        refused = await _delete(one_pass, deleted)
        done = [lost for lost in deleted if lost.source_id not in refused]
        counters.deleted += len(done)
        pairs |= _pairs(done)
    return refused, pairs


def _frame(found: Sequence[Lost]) -> pd.DataFrame:
    columns = ["bc_id", "dataverse_id"]
    return pd.DataFrame(list(_pairs(found).items()), columns=columns, dtype=object)


def _pairs(found: Sequence[Lost]) -> dict[str, str]:
    return {lost.coupling["bc_id"]: lost.coupling["dataverse_id"] for lost in found}


async def _delete(one_pass: Pass, found: Sequence[Lost]) -> dict[str, TielineError]:
    """Delete the rows in Dataverse and their couplings; their images are kept."""
    run = one_pass.run
    table, dataverse = run.mapping.dataverse, run.session.dataverse
    ids = [lost.coupling["dataverse_id"] for lost in found]
    images = await dataverse.by_id(table, ids, columns=run.mapping.columns("dataverse"))
    lines = await forgetting_lines(run, _frame(found))
    written = await dataverse.delete(table, [Change(id_, {}) for id_ in images["id"]])
    errors = {
        item.id: rejected("Deleting", table, item.error)
        for item in written
        if item.error is not None and not isinstance(item.error, NotFound)
    }
    done = _frame([i for i in found if i.coupling["dataverse_id"] not in errors])
    journal = deletion_images(run, "dataverse", done, images)
    await forget_couplings(run, done, lines, journal)
    return {
        lost.source_id: errors[id_]
        for lost, id_ in zip(found, ids, strict=True)
        if id_ in errors
    }


def _save(one_pass: Pass, way: Any = None, **what: Any) -> None:
    run = one_pass.run
    run.session.store.save(
        Outcome(
            run.session.company_id,
            run.mapping.name,
            way or one_pass.way,
            at=run.now,
            **what,
        )
    )


async def tell(
    one_pass: Pass, found: Sequence[Lost], errors: Mapping[str, TielineError]
) -> None:
    """Keep the errors of records that stay as they are, as those of a batch."""
    if not found:
        return
    run = one_pass.run
    batch = Batch(run.mapping, one_pass.direction, run.options, empty_frame(()))
    there = batch.destination_side
    batch.parked = [
        Parked(
            source_id=lost.source_id,
            destination_id=lost.coupling[f"{there}_id"],
            source_key=lost.coupling["bc_key"] or "",
            error=errors[lost.source_id],
            coupling=dict(lost.coupling),
            unfinished=lost.coupling["unfinished"],
            source_title=run.mapping.title_of_pair(
                lost.coupling["bc_key"], lost.coupling["bc_common"]
            ),
        )
        for lost in found
    ]
    if run.options.dry_run:
        await preview(run, batch)
    else:
        run.session.store.save(outcome_of(run, batch, []))
