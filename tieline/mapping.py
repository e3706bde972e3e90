"""What travels between which tables, and how: the declarations of a job.

The words are those of the built-in integration: an integration table mapping
pairs a table of Business Central with one of Dataverse, an integration field
mapping pairs two fields with a direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline.conversions.base import Conversion
from tieline.job_names import is_one_of
from tieline.odata.model import Filter
from tieline.policies import (
    Applies,
    DeletionConflictPolicy,
    Direction,
    UpdateConflictPolicy,
)

__all__ = [
    "Applies",
    "DeletionConflictPolicy",
    "Direction",
    "FieldMapping",
    "FirstLoad",
    "Rules",
    "TableMapping",
    "Template",
    "UpdateConflictPolicy",
]


@dataclass(frozen=True)
class FieldMapping:
    """One integration field mapping.

    `bc` is a property of the BC entity, `dataverse` a column's logical name; one
    of them may be absent: then the value comes from the conversion alone.
    `match_priority` makes the row a criterion of match-based coupling.
    `is_default` is false for rows that the product keeps in code instead of its
    field mapping table, and for rows that the user added.
    """

    bc: str | None
    dataverse: str | None
    direction: Direction
    conversion: Conversion
    enabled: bool = True
    applies: Applies = "always"
    clear_on_failure: bool = False
    not_null: bool = False
    match_priority: int | None = None
    case_sensitive: bool = False
    only_when: str = ""
    is_default: bool = True
    user_defined: bool = False
    overridden: bool = False

    @property
    def name(self) -> str:
        """How people see the field: its BC property, else its column."""
        return self.bc or self.dataverse or ""

    @property
    def key(self) -> str:
        """A name that is unique inside the mapping, used in stored values."""
        return self.dataverse or self.bc or ""

    @property
    def both_ways(self) -> bool:
        """Whether users of both sides may change this field."""
        return self.direction is Direction.BIDIRECTIONAL


class Rules:
    """The rules of one table that no declaration can say; the engine has them."""


class FirstLoad:
    """How a full synchronization had best begin; what the engine knows of it."""


@dataclass(frozen=True)
class Template:
    """Values for new records; the first by priority whose filter fits applies.

    `where` is checked against the source record.
    """

    side: Literal["bc", "dataverse"]
    values: Mapping[str, Any]
    where: Filter = ()
    priority: int = 0


@dataclass(frozen=True)
class Nested:
    """Lines that travel to Dataverse inside their headers' batch.

    `mapping` is that of the lines, whose `hangs_on` says which column binds a line
    to its header; `column` names the header's number or code in a line of Business
    Central.
    """

    mapping: TableMapping
    column: str


@dataclass(frozen=True)
class Needs:
    """Columns of one table that a job's later steps rely on."""

    side: Literal["bc", "dataverse"]
    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class TableMapping:
    """One integration table mapping and its default job.

    `bc` names the entity set, `dataverse` the table. `bc_key` is the property
    that people know a BC record by, `dataverse_name` the column. `waits_for`
    names the jobs that go first. Jobs with the same `lock` never run together.
    `company_scoped` rows carry `bcbi_companyid`. `bc_derived` names columns of the
    BC side that the hook `complete` fills in instead of the service, `bc_derivable`
    those that it fills in where the service lacks them. `needs_solution`
    marks a table of Microsoft's integration solution. A mapping with
    `only_candidates` is never read by its modified time: its hook `candidates`
    names all rows. `needs_local_currency` says that the job cannot do without the
    local currency's row in Dataverse. `also_needs` names columns, by side and table,
    that rows beside the mapped ones are read or written by. `only_when` is the
    setting without which nothing is coupled.
    `hangs_on` is the column of Dataverse that binds a line to its header for good: a
    line that is coupled to a row of another header is made or adopted anew.
    `bc_title` is what people call a BC record, with its properties in braces, where
    number and name do not tell it from others, `nouns` what many of them are called in
    BC and in Dataverse.
    """

    name: str
    bc: str
    dataverse: str
    direction: Direction
    fields: tuple[FieldMapping, ...]
    bc_key: str = "number"
    dataverse_name: str = "name"
    aliases: tuple[str, ...] = ()
    also_offered: tuple[Direction, ...] = ()
    bc_filter: Filter = ()
    dataverse_filter: Filter = ()
    only_coupled: bool = True
    update_conflict: UpdateConflictPolicy = UpdateConflictPolicy.MERGE
    deletion_conflict: DeletionConflictPolicy = DeletionConflictPolicy.NONE
    waits_for: tuple[str, ...] = ()
    lock: str = ""
    company_scoped: bool = False
    always_full: bool = False
    create_unmatched: bool = False
    synchronize_matched: bool = False
    inactivity_minutes: int = 720
    needs_companion: bool = False
    needs_solution: bool = False
    only_candidates: bool = False
    needs_local_currency: bool = False
    also_needs: tuple[Needs, ...] = ()
    only_when: str = ""
    templates: tuple[Template, ...] = ()
    bc_extra: tuple[str, ...] = ()
    dataverse_extra: tuple[str, ...] = ()
    bc_derived: tuple[str, ...] = ()
    bc_derivable: tuple[str, ...] = ()
    nested: Nested | None = None
    hangs_on: str = ""
    bc_title: str = ""
    nouns: tuple[str, str] = ("records", "records")
    hooks: Rules = field(default_factory=Rules)
    first_load: FirstLoad | None = None
    description: str = ""

    def is_called(self, name: str) -> bool:
        """Whether a person means this mapping by a name.

        Its job queue entry ("CUSTOMER - Dynamics 365 for Sales synchronization job")
        is one of its names; case, spaces and hyphens make no difference.
        """
        return is_one_of(name, (self.name, *self.aliases))

    def title(self, side: Literal["bc", "dataverse"], values: Mapping[str, Any]) -> str:
        """Return what people know a record by, number first; "" when nothing tells.

        `values` are its properties or columns, by name.
        """
        if side == "bc" and self.bc_title:
            with suppress(KeyError):
                return self.bc_title.format_map({**values})
        names: tuple[str | None, ...] = (
            (self.bc_key, self._paired("bc", self.dataverse_name))
            if side == "bc"
            else (self._paired("dataverse", self.bc_key), self.dataverse_name)
        )
        known = (str(values.get(name or "") or "") for name in names)
        return " ".join(dict.fromkeys(filter(None, known)))

    def title_of_pair(
        self, bc_key: str | None, bc_common: Mapping[str, Any] | None
    ) -> str:
        """Return what people knew the BC record of a coupling by, as it keeps it."""
        common = bc_common or {}
        known = {r.bc: common[r.key] for r in self.fields if r.bc and r.key in common}
        return self.title("bc", {**known, self.bc_key: bc_key or ""})

    def _paired(self, side: Literal["bc", "dataverse"], name: str) -> str | None:
        """Return what the other side's `name` is called on a side, if it is mapped."""
        if side == "bc":
            pairs = ((row.dataverse, row.bc) for row in self.fields)
        else:
            pairs = ((row.bc, row.dataverse) for row in self.fields)
        return next((own for other, own in pairs if other == name and own), None)

    def offers(self, direction: Direction) -> bool:
        """Whether a run may be asked for this direction."""
        return direction is self.direction or direction in self.also_offered

    def passes(self, direction: Direction) -> tuple[Direction, ...]:
        """Return the one-way passes of a run, to Dataverse first."""
        if direction is Direction.BIDIRECTIONAL:
            return Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE
        return (direction,)

    def active(self, one_way: Direction) -> tuple[FieldMapping, ...]:
        """Return the enabled field rows that take part in a pass."""
        return tuple(
            row for row in self.fields if row.enabled and row.direction.covers(one_way)
        )

    def columns(self, side: Literal["bc", "dataverse"]) -> tuple[str, ...]:
        """Return the columns that the stages read of one side, without repeats."""
        key = self.bc_key if side == "bc" else self.dataverse_name
        extra = self.bc_extra if side == "bc" else self.dataverse_extra
        names = [key, *extra]
        names += [
            (row.bc if side == "bc" else row.dataverse) or ""
            for row in self.fields
            if row.enabled and row.conversion.transfers
        ]
        derived = self.bc_derived if side == "bc" else ()
        return tuple(dict.fromkeys(n for n in names if n and n not in derived))
