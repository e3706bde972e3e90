"""Conversion of a code into an option of a choice column, by option couplings."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any

from tieline.conversions.base import Conversion, Transfer, Values, column_of
from tieline.errors import ConversionError, SystemName
from tieline.facts import ConversionContext, OptionBook
from tieline.policies import Direction


@dataclass(frozen=True)
class Option(Conversion):
    """A code table of Business Central and the options of a Dataverse column.

    `bc_set` holds the codes. `column` is the Dataverse column, whose option set is
    its own; `also` are the columns of other tables that offer the same choice.
    Codes and labels are coupled when a run first needs them. With Clear Value on
    Failed Sync, what has no coupling becomes blank.
    """

    bc_set: str
    column: str
    noun: str
    also: tuple[str, ...] = ()
    title = "option"
    translates = True

    @property
    def awaits(self) -> str:
        """The choice column for whose options records wait."""
        return self.column

    async def refresh(
        self,
        keys: Set[str],
        session: ConversionContext,
        direction: Direction,
        *,
        is_dry: bool,
    ) -> None:
        """Couple codes and labels anew, as an option may be there now."""
        to = direction is Direction.TO_DATAVERSE
        wanted = set(keys) if to else set()
        await session.options(
            self.bc_set, self.column, wanted, create=not is_dry, also=self.also
        )

    def on(self, column: str) -> Option:
        """Return the same choice on another table's column."""
        others = [one for one in (self.column, *self.also) if one != column]
        return replace(self, column=column, also=tuple(others))

    async def prepare(self, values: Values, transfer: Transfer) -> OptionBook:
        """Couple codes and labels, adding labels when the settings say so."""
        if not transfer.to_dataverse and not any(values):
            return OptionBook()
        wanted = {v for v in values if v} if transfer.to_dataverse else set()
        return await transfer.session.options(
            self.bc_set,
            self.column,
            wanted,
            create=not transfer.is_dry,
            also=self.also,
        )

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Replace code by value or value by code; park what has no coupling."""
        to = transfer.to_dataverse
        table: dict[Any, Any] = known.values if to else known.codes
        blank = None if to else ""
        found = column_of([table.get(v) if v else blank for v in values])
        for position, value in enumerate(values):
            is_unknown = value and value not in table
            if is_unknown and not transfer.field.clear_on_failure:
                transfer.fail(position, self._unknown(value, known, transfer))
        return found

    def _unknown(self, value: Any, known: Any, transfer: Transfer) -> ConversionError:
        if transfer.to_dataverse and value in known.refused:
            text = (
                f"The {self.noun} {value} has no option in the Dataverse column "
                f"{self.column}, and none could be added: {known.refused[value]}"
            )
        elif transfer.to_dataverse:
            text = (
                f"The {self.noun} {value} must be coupled to an option of the "
                f"Dataverse column {self.column}: no option has this label."
            )
        else:
            text = (
                f"The option {value} of the Dataverse column {self.column} must be "
                f"coupled to a {self.noun}: no code equals its label."
            )
        return ConversionError(text, awaits=(self.column, str(value)))

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform: "" on Business Central, null on Dataverse."""
        blank = "" if side == "bc" else None
        return column_of([v if v else blank for v in values])

    def verb(self) -> str:
        """Name the code table."""
        return f"option {self.bc_set}"
