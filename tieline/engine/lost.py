"""What becomes of the survivor of a pair whose other record was deleted.

An opposite leg has the survivor for its source and asks the deletion policy there.
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

from tieline.engine.guard import guard
from tieline.engine.lines import LinesRead
from tieline.engine.outcome import outcome_of
from tieline.engine.planned import note_plan
from tieline.engine.row import Rows, SetAside
from tieline.engine.run import LegRun
from tieline.engine.uncouple import deletion_images, empty_marks, forget_couplings
from tieline.errors import CoupledToDeleted, NotFound, SystemName, TielineError
from tieline.failures import rejected
from tieline.mapping import DeletionConflictPolicy
from tieline.odata.frames import empty_frame
from tieline.odata.model import Change
from tieline.report import PlannedChange
from tieline.store import PlanRow

GONE = "gone"
"""The value of a planned row that names the side whose record is gone."""


class Treatment(StrEnum):
    """What happens to a survivor."""

    TELL = "tell"
    UNCOUPLE = "uncouple"
    DELETE = "delete"
    LATER = "later"


def treatment_of(
    policy: DeletionConflictPolicy,
    *,
    survivor: SystemName,
    is_ours: bool,
    is_fresh: bool,
) -> Treatment:
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
        fate = Treatment.UNCOUPLE
    elif (
        policy is DeletionConflictPolicy.DELETE and survivor == "dataverse" and is_ours
    ):
        fate = Treatment.DELETE
    else:
        return Treatment.TELL
    return Treatment.LATER if is_fresh else fate


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


async def take_lost(leg_run: LegRun) -> dict[str, str]:
    """Treat the pairs of a leg that lost a side as the deletion policy says.

    Returns the pairs (BC id to Dataverse id) that were dissolved.

    Raises:
        SafetyStop: the policy would act on too many of them.
    """
    found = _found(leg_run)
    leg_run.lost = {}
    if not found:
        return {}
    fates = _treatments(leg_run, found)
    chosen: dict[Treatment, list[Lost]] = {fate: [] for fate in Treatment}
    for lost in found:
        chosen[fates[lost.source_id]].append(lost)
    for fate in (Treatment.UNCOUPLE, Treatment.DELETE):
        guard(leg_run, fate.value, [lost.source_id for lost in chosen[fate]])
    if leg_run.run.options.dry_run:
        await _plan(
            leg_run, [*chosen[Treatment.UNCOUPLE], *chosen[Treatment.DELETE]], fates
        )
        refused: dict[str, TielineError] = {}
        dissolved: dict[str, str] = {}
    else:
        _look_again(leg_run, chosen[Treatment.LATER])
        refused, dissolved = await act(
            leg_run, chosen[Treatment.UNCOUPLE], chosen[Treatment.DELETE]
        )
    told = {lost.source_id: _deleted(lost) for lost in chosen[Treatment.TELL]} | refused
    await tell(leg_run, [lost for lost in found if lost.source_id in told], told)
    return dissolved


def _found(leg_run: LegRun) -> list[Lost]:
    run = leg_run.run
    rows = run.store.coupling_rows(side=leg_run.leg.source, ids=list(leg_run.lost))
    return [
        Lost(id_, gone, rows[id_])
        for id_, gone in leg_run.lost.items()
        if id_ in rows and not rows[id_]["skipped"]
    ]


def _treatments(leg_run: LegRun, found: Sequence[Lost]) -> dict[str, Treatment]:
    run = leg_run.run
    policy = run.options.deletion_conflict
    ours: set[str] = set()
    if policy is DeletionConflictPolicy.DELETE:
        ours = run.store.created_in_dataverse(
            [lost.coupling["dataverse_id"] for lost in found]
        )
    span = timedelta(seconds=run.session.choices.look_back_s)
    return {
        lost.source_id: treatment_of(
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
    leg_run: LegRun, found: Sequence[Lost]
) -> dict[str, dict[str, str | None]]:
    """Return the versions of the survivors as they are now, by source id and side."""
    run = leg_run.run
    versions: dict[str, dict[str, str | None]] = {}
    for side in (leg_run.leg.source, leg_run.leg.target):
        ids = {
            i.coupling[f"{side}_id"]: i.source_id for i in found if i.survivor == side
        }
        if ids:
            frame = await run.session.side(side).by_id(
                leg_run.leg.table(side), list(ids), columns=()
            )
            for id_, version in zip(frame["id"], frame["version"], strict=True):
                versions[ids[id_]] = {side: version}
    return versions


async def _plan(
    leg_run: LegRun, found: Sequence[Lost], fates: Mapping[str, Treatment]
) -> None:
    """List in a dry run what would go; a plan keeps it for APPLY."""
    run = leg_run.run
    versions = await survivor_versions(leg_run, found)
    counters = leg_run.counters
    rows = []
    for lost in found:
        fate = fates[lost.source_id]
        there = lost.coupling[leg_run.leg.target_id]
        change = PlannedChange(leg_run.direction, fate.value, lost.source_id, there, ())
        run.report.changes.append(change)
        rows.append(
            PlanRow(
                direction=leg_run.direction,
                action=fate.value,
                source_id=lost.source_id,
                destination_id=change.destination_id,
                bc_version=versions.get(lost.source_id, {}).get("bc"),
                dataverse_version=versions.get(lost.source_id, {}).get("dataverse"),
                values={GONE: lost.gone},
                fields=[],
            )
        )
        if fate is Treatment.DELETE:
            counters.deleted += 1
        else:
            counters.unchanged += 1
    if run.report.plan_id is not None and not run.is_nested:
        run.session.store.add_plan_rows(run.report.plan_id, rows)


def _look_again(leg_run: LegRun, found: Sequence[Lost]) -> None:
    """Make the records candidates of the next run, whatever it reads."""
    if not found:
        return
    pending = pd.DataFrame(
        [
            {"bc_id": i.coupling["bc_id"], "dataverse_id": i.coupling["dataverse_id"]}
            for i in found
        ]
    ).assign(**{leg_run.leg.pending: True})
    leg_run.run.store.save(leg_run.direction, at=leg_run.run.now, couplings=pending)


async def act(
    leg_run: LegRun, uncoupled: Sequence[Lost], deleted: Sequence[Lost]
) -> tuple[dict[str, TielineError], dict[str, str]]:
    """Dissolve couplings and delete rows.

    Returns what was refused, by source id, and the pairs that were dissolved.
    """
    refused: dict[str, TielineError] = {}
    run = leg_run.run
    counters = leg_run.counters
    pairs = {}
    if uncoupled:
        left = [i for i in uncoupled if i.survivor == "dataverse"]
        await empty_marks(run, [lost.coupling["dataverse_id"] for lost in left])
        await forget_couplings(run, _frame(uncoupled))
        counters.unchanged += len(uncoupled)
        pairs = _pairs(uncoupled)
    if deleted:
        refused = await _delete(leg_run, deleted)
        done = [lost for lost in deleted if lost.source_id not in refused]
        counters.deleted += len(done)
        pairs |= _pairs(done)
    return refused, pairs


def _frame(found: Sequence[Lost]) -> pd.DataFrame:
    columns = ["bc_id", "dataverse_id"]
    return pd.DataFrame(list(_pairs(found).items()), columns=columns, dtype=object)


def _pairs(found: Sequence[Lost]) -> dict[str, str]:
    return {lost.coupling["bc_id"]: lost.coupling["dataverse_id"] for lost in found}


async def _delete(leg_run: LegRun, found: Sequence[Lost]) -> dict[str, TielineError]:
    """Delete the rows in Dataverse and their couplings; their images are kept."""
    run = leg_run.run
    table, dataverse = run.mapping.dataverse, run.session.dataverse
    ids = [lost.coupling["dataverse_id"] for lost in found]
    images = await dataverse.by_id(table, ids, columns=run.mapping.columns("dataverse"))
    read = await LinesRead.of(run, bc=list(_pairs(found)), dataverse=ids)
    written = await dataverse.delete(table, [Change(id_, {}) for id_ in images["id"]])
    errors = {
        item.id: rejected("Deleting", table, item.error)
        for item in written
        if item.error is not None and not isinstance(item.error, NotFound)
    }
    done = _frame([i for i in found if i.coupling["dataverse_id"] not in errors])
    journal = deletion_images(run, "dataverse", done, images)
    lines = read.forgotten(
        bc=list(done["bc_id"]), dataverse=list(done["dataverse_id"]), with_images=True
    )
    await forget_couplings(run, done, lines, journal)
    return {
        lost.source_id: errors[id_]
        for lost, id_ in zip(found, ids, strict=True)
        if id_ in errors
    }


async def tell(
    leg_run: LegRun, found: Sequence[Lost], errors: Mapping[str, TielineError]
) -> None:
    """Keep the errors of records that stay as they are, as those of a batch."""
    if not found:
        return
    run = leg_run.run
    rows = Rows(leg_run.leg, run.options, empty_frame(()))
    rows.set_aside = [
        SetAside(
            source_id=lost.source_id,
            destination_id=lost.coupling[leg_run.leg.target_id],
            source_key=lost.coupling["bc_key"] or "",
            error=errors[lost.source_id],
            coupling=dict(lost.coupling),
            steps=lost.coupling["unfinished"],
            source_title=run.mapping.title_of_pair(
                lost.coupling["bc_key"], lost.coupling["bc_common"]
            ),
        )
        for lost in found
    ]
    if run.options.dry_run:
        await note_plan(run, rows)
    else:
        run.session.store.save(outcome_of(run, rows, []))
