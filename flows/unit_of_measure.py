"""UNITOFMEASURE: Unit of Measure of Business Central to uomschedule of Dataverse.

Every unit is a unit group of its own, called after the code, with one base unit of
quantity 1 that bears the code. The platform creates that unit with the group.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flows.job import job_flow
from tasks.load import rejected
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import CODE, Rule
from tieline.errors import RuleViolated
from tieline.mapping import Direction, FieldMapping, Hooks, Needs, TableMapping
from tieline.odata.model import Change, Written
from tieline.session import Session

TO = Direction.TO_DATAVERSE

ACTIVE = 0
DEFAULT_GROUP = "Default Unit"
"""The unit group that every organisation starts with; some translate its name."""

NAME_LENGTH = 200


def group_name(code: str) -> str:
    """Return the name of the unit group that stands for a unit of measure."""
    return f"NAV {code}"[:NAME_LENGTH]


def problem_of(code: str, state: int, units: list[str]) -> RuleViolated | None:
    """Say why an existing group cannot stand for the unit `code`, if so.

    `units` are the names of its units.
    """
    name = group_name(code)
    if state != ACTIVE:
        return RuleViolated(
            f"The unit of measure {code} cannot be coupled: the Dataverse unit group "
            f"{name} is inactive.",
            advice="Activate it, or give it another name.",
        )
    if len(units) > 1:
        return RuleViolated(
            f"The unit of measure {code} cannot be coupled: the Dataverse unit group "
            f"{name} holds {len(units)} units instead of one.",
            advice="Move the other units to a group of their own.",
        )
    if not units:
        return RuleViolated(
            f"The unit of measure {code} cannot be coupled: the Dataverse unit group "
            f"{name} holds no unit.",
            advice="Add a base unit to it.",
        )
    return None


async def adopt_by_name(batch: Batch, session: Session) -> None:
    """Couple an uncoupled unit with the group that bears its name."""
    open_rows = ~batch.is_coupled
    codes = batch.column("code")
    names = [group_name(code) for code in codes[open_rows]]
    rows = await session.dataverse.by_values(
        "uomschedule", "name", names, columns=("name", "statecode")
    )
    ids: dict[str, str] = {}
    for row in sorted(rows_of(rows), key=lambda r: (r["statecode"] != ACTIVE, r["id"])):
        ids.setdefault(str(row["name"]).casefold(), row["id"])
    for position in np.flatnonzero(open_rows):
        found = ids.get(group_name(codes[position]).casefold())
        if found is not None:
            batch.destination_id[position] = found
            batch.adopted[position] = True


async def check_units(batch: Batch, session: Session) -> None:
    """Refuse groups that are no good; note which single units need another name."""
    existing = [p for p in range(len(batch)) if batch.action[p] != Action.INSERT]
    units = await _units(session, (batch.destination_id[p] for p in existing))
    codes = batch.column("code")
    states = batch.destination_column("statecode")
    for position in existing:
        batch.unfinished.pop(position, None)
        held = units.get(batch.destination_id[position], [])
        names = [name for _, name in held]
        error = problem_of(codes[position], states[position], names)
        if error is not None:
            batch.fail(position, error)
        elif names != [codes[position]]:
            batch.unfinished[position] = {"rename": held[0][0]}


async def _units(
    session: Session, groups: Iterable[str]
) -> dict[str, list[tuple[str, str]]]:
    """Return id and name of the units of each group."""
    rows = await session.dataverse.by_values(
        "uom", "uomscheduleid", list(groups), columns=("name", "uomscheduleid")
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows_of(rows):
        found.setdefault(row["uomscheduleid"], []).append((row["id"], row["name"]))
    return found


async def rename_units(batch: Batch, session: Session) -> None:
    """Give the single unit of a group the code of the unit of measure."""
    codes = batch.column("code")
    positions = [p for p in batch.unfinished if batch.action[p] != Action.FAIL]
    if not positions:
        return
    changes = [
        Change(
            batch.unfinished[p]["rename"],
            {"name": codes[p]},
            part_of=batch.destination_id[p],
        )
        for p in positions
    ]
    results = await session.dataverse.update("uom", changes)
    for position, written in zip(positions, results, strict=True):
        if written.error is not None:
            batch.fail(position, rejected("Modifying", "uom", written.error))
            continue
        del batch.unfinished[position]
        batch.took(position, Written(batch.destination_id[position]))


async def default_group(session: Session) -> list[str]:
    """Return the unit group that every organisation starts with.

    It is known by its name; a single group counts as it whatever its name is,
    unless it is one that stands for a unit of measure.
    """
    rows: list[dict[str, Any]] = []
    async for page in session.dataverse.changed("uomschedule", columns=("name",)):
        rows += rows_of(page.frame)
    named = [row["id"] for row in rows if row["name"] == DEFAULT_GROUP]
    if named or len(rows) != 1:
        return named
    is_ours = str(rows[0]["name"]).startswith(group_name(""))
    return [] if is_ours else [rows[0]["id"]]


UNITOFMEASURE = TableMapping(
    name="UNITOFMEASURE",
    description="Units of measure, as unit groups of Dataverse.",
    bc="unitsOfMeasure",
    dataverse="uomschedule",
    nouns=("units of measure", "unit groups"),
    direction=TO,
    aliases=("UNIT OF MEASURE",),
    bc_key="code",
    dataverse_extra=("statecode",),
    also_needs=(Needs("dataverse", "uom", ("name", "uomscheduleid")),),
    fields=(
        FieldMapping("code", "baseuomname", TO, CODE, applies="insert"),
        FieldMapping(
            "code",
            "name",
            TO,
            Rule("name of the unit group", to_dataverse=group_name),
            is_default=False,
        ),
    ),
    hooks=Hooks(
        adopt=adopt_by_name,
        transformed=check_units,
        loaded=rename_units,
        given=default_group,
    ),
)

unit_of_measure = job_flow(UNITOFMEASURE)
