"""One mapping in one direction: every name that depends on it, said once.

A leg has a source, which is read, and a target, which is written. What differs
between the two directions of a job is which side is which; the stages speak of
source and target only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tieline.conversions import Conversion
from tieline.errors import SystemName
from tieline.mapping import Direction, FieldMapping, TableMapping


@dataclass(frozen=True)
class DirectedField:
    """One field mapping on its way in one direction.

    `source` and `target` are the column names of the two sides, "" on a side that
    has none. `is_shared` says that users of both sides may change it, in a job that
    runs both ways.
    """

    field: FieldMapping
    source: str
    target: str
    is_shared: bool

    @property
    def key(self) -> str:
        """The name of the field in stored values."""
        return self.field.key

    @property
    def name(self) -> str:
        """How people see the field."""
        return self.field.name

    @property
    def conversion(self) -> Conversion:
        """What turns a value of the one side into one of the other."""
        return self.field.conversion


@dataclass(frozen=True)
class Leg:
    """One integration table mapping in one direction."""

    mapping: TableMapping
    direction: Direction

    @cached_property
    def to_dataverse(self) -> bool:
        """Whether Dataverse is the target; for rules that hold one way only."""
        return self.direction is Direction.TO_DATAVERSE

    @cached_property
    def back(self) -> Leg:
        """The opposite leg of the same mapping."""
        return Leg(self.mapping, self.direction.opposite)

    @cached_property
    def is_only(self) -> bool:
        """Whether the job's records travel in this direction only."""
        return self.mapping.direction is not Direction.BIDIRECTIONAL

    @cached_property
    def source(self) -> SystemName:
        """The side that is read."""
        return "bc" if self.to_dataverse else "dataverse"

    @cached_property
    def target(self) -> SystemName:
        """The side that is written."""
        return "dataverse" if self.to_dataverse else "bc"

    def table(self, side: SystemName) -> str:
        """Return our name of a side's table."""
        return self.mapping.bc if side == "bc" else self.mapping.dataverse

    @cached_property
    def source_table(self) -> str:
        """Our name of the table that is read."""
        return self.table(self.source)

    @cached_property
    def target_table(self) -> str:
        """Our name of the table that is written."""
        return self.table(self.target)

    @cached_property
    def source_id(self) -> str:
        """The coupling's column that holds the id of the source record."""
        return f"{self.source}_id"

    @cached_property
    def target_id(self) -> str:
        """The coupling's column that holds the id of the target record."""
        return f"{self.target}_id"

    @cached_property
    def result(self) -> str:
        """The coupling's column that holds this direction's last result."""
        return "to_result" if self.to_dataverse else "from_result"

    @cached_property
    def run(self) -> str:
        """The coupling's column that holds the last run of this direction."""
        return "to_run" if self.to_dataverse else "from_run"

    @cached_property
    def pending(self) -> str:
        """The coupling's column that says this direction has something to carry."""
        return "pending_to" if self.to_dataverse else "pending_from"

    @cached_property
    def source_columns(self) -> tuple[str, ...]:
        """The columns that are read of the source."""
        return self.mapping.columns(self.source)

    @cached_property
    def target_columns(self) -> tuple[str, ...]:
        """The columns that are read of the target."""
        return self.mapping.columns(self.target)

    @cached_property
    def source_key(self) -> str:
        """The column by which people know a source record."""
        is_bc = self.to_dataverse
        return self.mapping.bc_key if is_bc else self.mapping.dataverse_name

    @cached_property
    def fields(self) -> tuple[DirectedField, ...]:
        """The enabled field mappings that take part in this direction."""
        return tuple(self.directed(self.mapping.active(self.direction)))

    @cached_property
    def travelling(self) -> tuple[DirectedField, ...]:
        """Those of `fields` that carry a value to a column of the target."""
        carrying = (field for field in self.fields if field.conversion.transfers)
        return tuple(field for field in carrying if field.target)

    def directed(self, fields: Iterable[FieldMapping]) -> Iterable[DirectedField]:
        """Yield field mappings with their columns by source and target."""
        for field in fields:
            bc, dataverse = field.bc or "", field.dataverse or ""
            names = (bc, dataverse) if self.to_dataverse else (dataverse, bc)
            is_shared = field.both_ways and not self.is_only
            yield DirectedField(field, *names, is_shared)

    def pair(self, source: Any, target: Any) -> tuple[Any, Any]:
        """Return what belongs to source and target in the order BC, Dataverse."""
        return (source, target) if self.to_dataverse else (target, source)

    def title(self, source: Mapping[str, Any]) -> str:
        """Return what people know a source record by, "" when nothing tells."""
        return self.mapping.title(self.source, source)


def legs(mapping: TableMapping, direction: Direction) -> tuple[Leg, ...]:
    """Return the legs of a run in a direction, to Dataverse first."""
    return tuple(Leg(mapping, one_way) for one_way in mapping.passes(direction))
