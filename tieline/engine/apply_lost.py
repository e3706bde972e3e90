"""Carries out what a plan says of pairs that lost a side: dissolves, or deletes."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.engine.apply import Planned
from tieline.engine.lost import GONE, Lost, Treatment, act, survivor_versions, tell
from tieline.engine.run import LegRun
from tieline.store import PlanRow


def is_of_lost(row: PlanRow) -> bool:
    """Whether a planned row is about a pair of which a side is gone."""
    acts = (Treatment.DELETE, Treatment.UNCOUPLE)
    return row.action in acts and GONE in (row.values or {})


async def apply_lost(leg_run: LegRun, rows: Sequence[PlanRow]) -> dict[str, str]:
    """Dissolve and delete as planned where pair and survivor are as they were.

    Returns the pairs (BC id to Dataverse id) that were dissolved.
    """
    planned = Planned(leg_run, rows)
    found = await _fitting(leg_run, planned)
    uncoupled = [
        i for i in found if planned.rows[i.source_id].action == Treatment.UNCOUPLE
    ]
    deleted = [i for i in found if planned.rows[i.source_id].action == Treatment.DELETE]
    refused, dissolved = await act(leg_run, uncoupled, deleted)
    await tell(leg_run, [i for i in deleted if i.source_id in refused], refused)
    return dissolved


async def _fitting(leg_run: LegRun, planned: Planned) -> list[Lost]:
    """Return the pairs that are as the plan has them; the other rows are refused."""
    found = _coupled_as_planned(leg_run, planned)
    back = await _back(leg_run, found)
    versions = await survivor_versions(leg_run, found)
    fitting = []
    for lost in found:
        row = planned.rows[lost.source_id]
        before = {"bc": row.bc_version, "dataverse": row.dataverse_version}
        now = versions.get(lost.source_id, {}).get(lost.survivor)
        if lost.source_id in back:
            planned.refuse(lost.source_id, "the record that was gone is back")
        elif now is None or now != before[lost.survivor]:
            planned.refuse(lost.source_id, "what is left of the pair was changed")
        else:
            fitting.append(lost)
    return fitting


def _coupled_as_planned(leg_run: LegRun, planned: Planned) -> list[Lost]:
    run = leg_run.run
    leg = leg_run.leg
    couplings = run.store.coupling_rows(side=leg.source, ids=list(planned.rows))
    found = []
    for id_, row in list(planned.rows.items()):
        coupling = couplings.get(id_)
        if coupling is None or coupling[leg.target_id] != row.destination_id:
            planned.refuse(id_, "the record is coupled otherwise")
        else:
            found.append(Lost(id_, row.values[GONE], coupling))
    return found


async def _back(leg_run: LegRun, found: Sequence[Lost]) -> set[str]:
    """Return the source ids of pairs whose missing record is there again."""
    run = leg_run.run
    back: set[str] = set()
    for side in (leg_run.leg.source, leg_run.leg.target):
        ids = {i.coupling[f"{side}_id"]: i.source_id for i in found if i.gone == side}
        if ids:
            frame = await run.session.side(side).by_id(
                leg_run.leg.table(side), list(ids), columns=()
            )
            back |= {ids[id_] for id_ in frame["id"]}
    return back
