"""The shape of a conversion: what turns one field's value into the other side's.

A conversion works on whole columns. `prepare` reads in bulk what it needs (the
only I/O); `convert` is pure; `normal` brings a column into the form in which
values of that side are compared and remembered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from tieline.errors import SystemName, TielineError
from tieline.facts import ConversionContext
from tieline.odata.model import Column
from tieline.policies import Direction

Values = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]


def column_of(values: Iterable[Any]) -> Values:
    """Return a one-dimensional object array, whatever the values are."""
    items = values if isinstance(values, list) else list(values)
    result = np.empty(len(items), dtype=object)
    result[:] = items
    return result


class TransferredField(Protocol):
    """What a conversion needs to know of its field row."""

    @property
    def name(self) -> str:
        """How people see the field."""
        ...

    @property
    def clear_on_failure(self) -> bool:
        """Whether a reference that is not coupled is cleared."""
        ...


@dataclass
class Transfer:
    """One field on its way through one batch.

    `problems` collects an error per row position; the first one of a row stays.
    `inserting` marks rows that will be new on the destination.
    """

    session: ConversionContext
    field: TransferredField
    direction: Direction
    target: Column | None
    inserting: Mask
    problems: dict[int, TielineError] = dataclasses.field(default_factory=dict)
    is_dry: bool = False

    @property
    def to_dataverse(self) -> bool:
        """Whether Dataverse is written."""
        return self.direction is Direction.TO_DATAVERSE

    def fail(self, position: int, error: TielineError) -> None:
        """Record why the row at `position` cannot be converted."""
        self.problems.setdefault(position, error)


class Conversion:
    """Copies a value as it is; the other conversions refine it.

    `title` names it in listings. `transfers` is false for rows that only choose
    a bind target and hold no value of their own. `translates` is true where what a
    value becomes hangs on more than the value, a coupling for one: it may become
    something else tomorrow.
    """

    title = "copy"
    transfers = True
    translates = False
    reads_bc = True
    reads_dataverse = True

    @property
    def awaits(self) -> str:
        """What records wait for by this conversion, besides records; or nothing."""
        return ""

    async def refresh(
        self,
        keys: Set[str],
        session: ConversionContext,
        direction: Direction,
        *,
        is_dry: bool,
    ) -> None:
        """Look whether what records wait for is there now: these `keys`."""

    async def prepare(self, values: Values, transfer: Transfer) -> Any:
        """Load in bulk what `convert` needs for these source values."""
        return None

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the destination's values for a column of the source's."""
        return values

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return the column in the form that is compared and remembered."""
        return values

    def blank(self, side: SystemName, values: Values) -> Mask:
        """Tell which normal values stand for nothing on that side.

        Dataverse has null for it. Business Central has none: there zero and no are
        what a field holds that nobody filled in.
        """
        nothing = (None, "", 0) if side == "bc" else (None, "")
        return np.array([v in nothing for v in values], dtype=bool)

    def payload(self, side: SystemName, value: Any) -> Any:
        """Return what the service is sent for one converted value."""
        return value

    def verb(self) -> str:
        """Describe the conversion for `tieline mappings`."""
        return self.title


@dataclass(frozen=True)
class Constant(Conversion):
    """Writes the same value to every record; has no source field."""

    value: Any
    title = "constant"
    translates = True
    reads_bc = False
    reads_dataverse = True

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the constant for every row."""
        return column_of([self.value] * len(values))

    def verb(self) -> str:
        """Name the constant."""
        return f"constant {self.value!r}"


@dataclass(frozen=True)
class Choice(Conversion):
    """Names the table a polymorphic lookup binds to (owneridtype and its like).

    Such shadow columns do not exist on the Web API; the row documents the choice.
    """

    value: str
    title = "target"
    transfers = False
    reads_bc = False
    reads_dataverse = False

    def verb(self) -> str:
        """Name the target."""
        return f"target {self.value}"


class Untold(Conversion):
    """A column that the service fills in by itself and never takes."""

    title = "filled in by the service"
    transfers = False
    reads_bc = False
    reads_dataverse = False


@dataclass(frozen=True)
class Rule(Conversion):
    """A rule of one table, as a pure function per direction.

    A direction without a function leaves the values alone.
    """

    title: str
    to_dataverse: Callable[[Any], Any] | None = None
    from_dataverse: Callable[[Any], Any] | None = None
    as_normal: Callable[[Any], Any] | None = None

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Apply the function of the pass to every value."""
        apply = self.to_dataverse if transfer.to_dataverse else self.from_dataverse
        return values if apply is None else column_of(apply(v) for v in values)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Apply `as_normal`, if any, so that equal meanings compare equal."""
        normal = self.as_normal
        return values if normal is None else column_of(normal(v) for v in values)
