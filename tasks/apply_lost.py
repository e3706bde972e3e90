"""Carries out what a plan says of pairs that lost a side: dissolves, or deletes."""

from __future__ import annotations

from collections.abc import Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.apply import Planned
from tasks.job_run import Pass
from tasks.lost import GONE, Fate, Lost, act, survivor_versions, tell
from tieline.errors import SystemName
from tieline.mapping import Direction
from tieline.store import PlanRow


def is_of_lost(row: PlanRow) -> bool:
    """Whether a planned row is about a pair of which a side is gone."""
    return row.action in (Fate.DELETE, Fate.UNCOUPLE) and GONE in (row.values or {})


@task(name="deletions", cache_policy=NO_CACHE, persist_result=False)
async def apply_lost(one_pass: Pass, rows: Sequence[PlanRow]) -> dict[str, str]:
    """Dissolve and delete as planned where pair and survivor are as they were.

    Returns the pairs (BC id to Dataverse id) that were dissolved.
    """
    planned = Planned(one_pass, rows)
    found = await _fitting(one_pass, planned)
    uncoupled = [i for i in found if planned.rows[i.source_id].action == Fate.UNCOUPLE]
    deleted = [i for i in found if planned.rows[i.source_id].action == Fate.DELETE]
    refused, dissolved = await act(one_pass, uncoupled, deleted)
    await tell(one_pass, [i for i in deleted if i.source_id in refused], refused)
    return dissolved


async def _fitting(one_pass: Pass, planned: Planned) -> list[Lost]:
    """Return the pairs that are as the plan has them; the other rows are refused."""
    found = _coupled_as_planned(one_pass, planned)
    back = await _back(one_pass, found)
    versions = await survivor_versions(one_pass, found)
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


def _coupled_as_planned(one_pass: Pass, planned: Planned) -> list[Lost]:
    run = one_pass.run
    to = one_pass.direction is Direction.TO_DATAVERSE
    here, there = ("bc", "dataverse_id") if to else ("dataverse", "bc_id")
    couplings = run.session.store.coupling_rows(
        run.session.company_id,
        run.mapping.name,
        side="bc" if here == "bc" else "dataverse",
        ids=list(planned.rows),
    )
    found = []
    for id_, row in list(planned.rows.items()):
        coupling = couplings.get(id_)
        if coupling is None or coupling[there] != row.destination_id:
            planned.refuse(id_, "the record is coupled otherwise")
        else:
            found.append(Lost(id_, row.values[GONE], coupling))
    return found


async def _back(one_pass: Pass, found: Sequence[Lost]) -> set[str]:
    """Return the source ids of pairs whose missing record is there again."""
    run = one_pass.run
    back: set[str] = set()
    tables: tuple[tuple[SystemName, str], ...] = (
        ("bc", run.mapping.bc),
        ("dataverse", run.mapping.dataverse),
    )
    for side, table in tables:
        ids = {i.coupling[f"{side}_id"]: i.source_id for i in found if i.gone == side}
        if ids:
            frame = await run.session.side(side).by_id(table, list(ids), columns=())
            back |= {ids[id_] for id_ in frame["id"]}
    return back
