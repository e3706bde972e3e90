"""The conversions of added fields: what each takes, and how it fits two columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tieline.conversions.base import Conversion, Transfer, Values, column_of
from tieline.conversions.lookup import Lookup
from tieline.conversions.plain import Day
from tieline.errors import Blocked, ConversionError, SystemName
from tieline.odata.model import Column

TEXTS = frozenset({"text", "code", "enum"})
PLAIN = TEXTS | {"int", "decimal", "bool", "option"}
NUMBERS = frozenset({"int", "decimal"})
DAYS = frozenset({"date", "datetime"})

TAKES: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    "text": (TEXTS | {"guid"}, {"text", "guid"}),
    "code": (TEXTS, {"text"}),
    "number": (NUMBERS, NUMBERS),
    "flag": ({"bool"}, {"bool"}),
    "date": (DAYS, DAYS),
    "choice": (TEXTS, {"option"}),
    "lookup": (TEXTS | {"guid"}, {"lookup"}),
    "value map": (PLAIN, PLAIN),
}
"""Which kinds of a BC property and a Dataverse column each conversion takes."""

FITS = {
    "text": "text",
    "code": "text",
    "enum": "text",
    "int": "number",
    "decimal": "number",
    "bool": "flag",
    "date": "date",
    "datetime": "date",
    "option": "choice",
    "lookup": '"lookup" with via = JOB, or { by = COLUMN }',
}
"""Which conversion a kind asks for."""


def unfit(conversion: Conversion, bc: Column, dataverse: Column) -> tuple[str, str]:
    """Say what of two columns a conversion does not take, and what to do; or "", ""."""
    name = conversion.title
    takes = TAKES.get(name)
    if takes is None:
        return "", ""
    for column, kinds in zip((bc, dataverse), takes, strict=True):
        if column.kind in kinds:
            continue
        problem = f"converts {column.name} as {name}, but it is a {column.kind}"
        wanted = FITS.get(dataverse.kind if dataverse.kind in _SPECIAL else bc.kind)
        ours, theirs = TAKES.get(wanted or "", TAKES["lookup"])
        if bc.kind not in ours or dataverse.kind not in theirs:
            return problem, "Choose fields of the same kind on both sides."
        return problem, f"Use conversion = {wanted}."
    if isinstance(conversion, CoupledLookup):
        return _points_elsewhere(conversion, dataverse)
    if name == "date" and dataverse.kind == "datetime" and not _has_zone(conversion):
        problem = f"converts {dataverse.name} as date, but it has a time of day"
        return problem, 'Add time_zone, for example "Europe/Copenhagen".'
    return "", ""


def _points_elsewhere(lookup: CoupledLookup, column: Column) -> tuple[str, str]:
    """Say that a column points to other tables than a job couples."""
    if lookup.table in column.targets or not column.targets:
        return "", ""
    problem = (
        f"translates {column.name} through the couplings of {lookup.via}, which are "
        f"with {lookup.table}, but it points to {' or '.join(sorted(column.targets))}"
    )
    return problem, "Name in via the job that couples those."


_SPECIAL = ("option", "lookup")


def _has_zone(conversion: Conversion) -> bool:
    return isinstance(conversion, ZonedDay)


@dataclass(frozen=True)
class ZonedDay(Day):
    """A day of Business Central and a time of Dataverse: the day it is in `zone`."""

    zone: str
    title = "date"

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return ISO days; those of Dataverse as they are in the zone."""
        if side == "bc":
            return super().normal(side, values)
        return column_of([self._day(value) if value else None for value in values])

    def _day(self, value: str) -> str:
        if len(value) == 10:
            return value
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def payload(self, side: SystemName, value: Any) -> Any:
        """Send the beginning of the day in the zone to Dataverse."""
        if side == "bc" or not value:
            return value
        return datetime.fromisoformat(value).replace(tzinfo=ZoneInfo(self.zone))


@dataclass(frozen=True)
class ValueMap(Conversion):
    """A list of pairs: each value of Dataverse and the one of Business Central.

    Of several values of Dataverse for one of Business Central the first is written.
    """

    pairs: tuple[tuple[Any, Any], ...]
    title: str = "value map"
    translates = True

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Replace each value; park the rows whose value is in no pair."""
        to = transfer.to_dataverse
        table: dict[Any, Any] = {}
        for theirs, ours in self.pairs:
            here, there = (ours, theirs) if to else (theirs, ours)
            table.setdefault(_plain(here), there)
        blank = None if to else ""
        found = [
            blank if v is None or v == "" else table.get(_plain(v), v) for v in values
        ]
        for position, value in enumerate(values):
            if value is None or value == "" or _plain(value) in table:
                continue
            text = (
                f"The value {value} of {transfer.field.name} has no counterpart in the "
                f"{self.title} of tieline.toml."
                if self.title == "value map"
                else f"The value {value} of {transfer.field.name} is no label of the "
                "Dataverse column."
            )
            transfer.fail(position, ConversionError(text))
        return column_of(found)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform: "" on Business Central, null on Dataverse."""
        blank = "" if side == "bc" else None
        return column_of([blank if v is None or v == "" else v for v in values])


def _plain(value: Any) -> Any:
    """Return a value as pairs compare it: texts in any case."""
    return value.strip().casefold() if isinstance(value, str) else value


class ByLabel(Conversion):
    """A text of Business Central and the option of Dataverse that has this label.

    `fitted` puts the labels, once they are read, in its place.
    """

    title = "choice"


@dataclass(frozen=True)
class LookupBy(Lookup):
    """A value of Business Central and the row of Dataverse whose column has it."""

    by: str = ""
    title = "lookup"

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Read the rows meant in one go."""
        wanted = sorted({v for v in values if v})
        side = transfer.session.dataverse
        if not transfer.to_dataverse:
            rows = await side.by_id(self.table, wanted, columns=(self.by,))
            return dict(zip(rows["id"], rows[self.by], strict=True))
        rows = await side.by_values(self.table, self.by, wanted, columns=(self.by,))
        found: dict[Any, Any] = {}
        for id_, value in sorted(zip(rows["id"], rows[self.by], strict=True)):
            found.setdefault(_plain(value), id_)
        return {v: found[_plain(v)] for v in wanted if _plain(v) in found}

    def blocked(self, value: str, transfer: Transfer) -> Blocked:
        """Say which row is missing."""
        text = f"No {self.table} of Dataverse has the {self.by} {value}."
        return Blocked(text, mapping=self.table, key=value)

    def verb(self) -> str:
        """Name the column that is looked in."""
        return f"{self.title} by {self.by}"


@dataclass(frozen=True)
class CoupledLookup(Lookup):
    """A record of Business Central and the row of Dataverse that it is coupled to.

    The field of Business Central holds the record's number or code; where `by_id`,
    its id, which is all zeros for none.
    """

    by_id: bool = False

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate all distinct references at once; ids need no look-up."""
        if not self.by_id:
            return await super().prepare(values, transfer)
        session = transfer.session
        wanted = sorted({value for value in values if value})
        store, company = session.store, session.company_id
        if not transfer.to_dataverse:
            pairs = store.by_dataverse_id(company, self.via, wanted)
            return {id_: bc_id for id_, (bc_id, _) in pairs.items()}
        rows = store.coupling_rows(company, self.via, side="bc", ids=wanted)
        return {id_: row["dataverse_id"] for id_, row in rows.items()}

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform: "" on Business Central, null on Dataverse."""
        if side == "bc" and self.by_id:
            values = column_of([None if v == NO_ID else v for v in values])
        return super().normal(side, values)

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind the row on Dataverse; send no record as an id of zeros."""
        if side == "bc" and self.by_id:
            return value or NO_ID
        return super().payload(side, value)


NO_ID = str(UUID(int=0))
"""The id with which Business Central points to no record."""


def fitted(
    conversion: Conversion,
    dataverse: Column,
    labels: Mapping[int, str],
    bc: Column | None = None,
) -> Conversion:
    """Return the conversion with what the metadata adds to it.

    `labels` are the options of the column, for a choice; `bc` is the property.
    """
    if isinstance(conversion, ByLabel):
        pairs = tuple((value, label) for value, label in sorted(labels.items()))
        return ValueMap(pairs, title="choice")
    if isinstance(conversion, ValueMap) and dataverse.kind in _WHOLE:
        return replace(
            conversion, pairs=tuple((int(t), o) for t, o in conversion.pairs)
        )
    if isinstance(conversion, CoupledLookup):
        return replace(conversion, by_id=bc is not None and bc.kind == "guid")
    if isinstance(conversion, LookupBy):
        return replace(conversion, table=next(iter(dataverse.targets), ""))
    return conversion


_WHOLE = ("option", "int")
