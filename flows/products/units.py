"""Finds the unit group and the unit of a product. The rules with unit groups off.

A base unit of measure is the group that UNITOFMEASURE coupled it to: called after
the code, with one base unit of quantity 1 that bears the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.unit_of_measure import group_name
from tieline.conversions import Lookup, Transfer, Values, column_of
from tieline.errors import RecordError, RuleViolated, SystemName
from tieline.identity import Home
from tieline.odata.frames import rows_of
from tieline.session import Session, session_of

UNITS = "UNITOFMEASURE"
UNIT_CODES = Home(UNITS, "unitsOfMeasure", "code")


@dataclass(frozen=True)
class UnitPair:
    """A unit group and its base unit in Dataverse."""

    group_id: str
    unit_id: str


def unit_pair(
    code: str, groups: Sequence[str], units: Sequence[dict[str, Any]]
) -> UnitPair | RuleViolated:
    """Return the pair that stands for `code`, or why there is none.

    `groups` are the ids of the groups that bear the code's name, `units` the rows
    of the units inside them.
    """
    name = group_name(code)
    advice = "Correct the unit group in Dataverse, or run UNITOFMEASURE."
    problem = ""
    if not groups:
        problem = f"there is no unit group {name} in Dataverse"
    elif len(groups) > 1:
        problem = f"there are {len(groups)} unit groups {name} in Dataverse"
    elif not units:
        problem = f"the unit group {name} holds no unit"
    elif len(units) > 1:
        problem = f"the unit group {name} holds {len(units)} units"
    elif units[0]["name"] != code:
        problem = f"the unit of the group {name} is called {units[0]['name']}"
    elif not units[0]["isschedulebaseuom"]:
        problem = f"the unit of the group {name} is not its base unit"
    elif units[0]["quantity"] != 1:
        problem = f"the unit of the group {name} has a quantity other than 1"
    if problem:
        return RuleViolated(
            f"The unit of measure {code} cannot be transferred: {problem}.",
            advice=advice,
        )
    return UnitPair(groups[0], units[0]["id"])


@dataclass
class _KnownPairs:
    """The pairs that a run has looked up, by code."""

    pairs: dict[str, UnitPair | RuleViolated] = field(default_factory=dict)


async def unit_pairs(
    session: Session, codes: Iterable[str]
) -> dict[str, UnitPair | RuleViolated]:
    """Find the pairs of many codes in two reads; each code is read once a run."""
    known = session.kept(_KnownPairs).pairs
    wanted = {code for code in codes if code and code not in known}
    if wanted:
        known |= await _read_pairs(session, sorted(wanted))
    return known


async def _read_pairs(
    session: Session, codes: Sequence[str]
) -> dict[str, UnitPair | RuleViolated]:
    names = [group_name(code) for code in codes]
    groups = rows_of(
        await session.dataverse.by_values(
            "uomschedule", "name", names, columns=("name",)
        )
    )
    units = rows_of(
        await session.dataverse.by_values(
            "uom",
            "uomscheduleid",
            [group["id"] for group in groups],
            columns=("name", "quantity", "isschedulebaseuom", "uomscheduleid"),
        )
    )
    found: dict[str, UnitPair | RuleViolated] = {}
    for code, name in zip(codes, names, strict=True):
        ids = [g["id"] for g in groups if g["name"].casefold() == name.casefold()]
        inside = [unit for unit in units if unit["uomscheduleid"] in ids]
        found[code] = unit_pair(code, ids, inside)
    return found


@dataclass(frozen=True)
class BaseUnit(Lookup):
    """A product's base unit of measure: the unit group, or with `is_unit` the unit."""

    via: str = UNITS
    table: str = "uomschedule"
    noun: str = "unit of measure"
    bc: str = UNIT_CODES.table
    bc_key: str = UNIT_CODES.column
    is_unit: bool = False
    title = "base unit"

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate by the coupling; to Dataverse also check what stands there."""
        known = await super().prepare(values, transfer)
        if not transfer.to_dataverse:
            return known
        pairs = await unit_pairs(session_of(transfer.session), known)
        return {code: pairs[code] for code in known}

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As a lookup; a blank unit and a group that is no good are errors."""
        if not transfer.to_dataverse:
            return super().convert(values, known, transfer)
        found = super().convert(values, known, transfer)
        for position, value in enumerate(values):
            pair = found[position]
            if not value:
                blank = RuleViolated(
                    "The record has no base unit of measure.",
                    advice="Fill in Base Unit of Measure.",
                )
                transfer.fail(position, blank)
            elif isinstance(pair, RecordError):
                transfer.fail(position, pair)
                found[position] = None
            elif isinstance(pair, UnitPair):
                found[position] = pair.unit_id if self.is_unit else pair.group_id
        return found

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform."""
        blank = "" if side == "bc" else None
        return column_of(v or blank for v in values)
