"""UNITOFMEASURE: Unit of Measure of Business Central to uomschedule of Dataverse.

Every unit is a unit group of its own, called after the code, with one base unit of
quantity 1 that bears the code. The platform creates that unit with the group.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.job import job
from tieline.conversions import CODE, Rule
from tieline.engine.drive import take_legs
from tieline.engine.first_load import FirstLoad
from tieline.engine.hooks import Hooks, Writer
from tieline.engine.row import Rows
from tieline.engine.run import JobRun
from tieline.errors import RuleViolated
from tieline.failures import rejected
from tieline.mapping import Direction, FieldMapping, Needs, TableMapping
from tieline.odata.frames import rows_of
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


def problem_of(code: str, state: int | None, units: list[str]) -> RuleViolated | None:
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


async def adopt_by_name(rows: Rows, session: Session) -> None:
    """Couple an uncoupled unit with the group that bears its name."""
    uncoupled = [row for row in rows if row.coupling is None]
    names = [group_name(row.source["code"]) for row in uncoupled]
    frame = await session.dataverse.by_values(
        "uomschedule", "name", names, columns=("name", "statecode")
    )
    groups = sorted(rows_of(frame), key=lambda g: (g["statecode"] != ACTIVE, g["id"]))
    ids: dict[str, str] = {}
    for group in groups:
        ids.setdefault(str(group["name"]).casefold(), group["id"])
    for row, name in zip(uncoupled, names, strict=True):
        found = ids.get(name.casefold())
        if found is not None:
            row.target_id, row.is_adopted = found, True


async def check_units(rows: Rows, session: Session) -> None:
    """Refuse groups that are no good; note which single units need another name."""
    existing = [row for row in rows if not row.is_new]
    units = await _units(session, (row.target_id for row in existing))
    for row in existing:
        row.steps = None
        code, held = row.source["code"], units.get(row.target_id, [])
        names = [name for _, name in held]
        error = problem_of(code, (row.target or {}).get("statecode"), names)
        if error is not None:
            row.fail(error)
        elif names != [code]:
            row.steps = {"rename": held[0][0]}


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


class UnitWriter(Writer):
    """Writes unit groups, and names the unit that comes with each."""

    async def finish(self, rows: Rows, session: Session) -> None:
        """Give the single unit of a group the code of the unit of measure."""
        due = [(row, row.steps) for row in rows if row.steps and not row.is_failed]
        if not due:
            return
        changes = [
            Change(steps["rename"], {"name": row.source["code"]}, part_of=row.target_id)
            for row, steps in due
        ]
        results = await session.dataverse.update("uom", changes)
        for (row, _), written in zip(due, results, strict=True):
            if written.error is not None:
                row.fail(rejected("Modifying", "uom", written.error))
                continue
            row.steps = None
            row.note_written(Written(row.target_id))


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
    hooks=Hooks(adopt=adopt_by_name, transformed=check_units, writer=UnitWriter()),
    first_load=FirstLoad(given=default_group),
)


@job(UNITOFMEASURE)
async def unit_of_measure(run: JobRun) -> None:
    """Take the one leg, to Dataverse."""
    await take_legs(run)
