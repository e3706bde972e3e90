"""How does a code become an option of a choice column? By option couplings."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from tieline.conversions.base import Conversion, Transfer, Values, column_of
from tieline.errors import ConversionError, SystemName
from tieline.facts import Knowledge, OptionBook
from tieline.policies import Direction


@dataclass(frozen=True)
class Option(Conversion):
    """A code table of Business Central and the options of a Dataverse column.

    `bc_set` holds the codes. `column` is the account's column, whose couplings
    serve the same choice on documents too. Codes and labels are coupled when a
    run first needs them.
    """

    bc_set: str
    column: str
    noun: str
    title = "option"

    @property
    def awaits(self) -> str:
        """The choice column for whose options records wait."""
        return self.column

    async def refresh(
        self, keys: Set[str], session: Knowledge, direction: Direction, *, is_dry: bool
    ) -> None:
        """Couple codes and labels anew, as an option may be there now."""
        to = direction is Direction.TO_DATAVERSE
        wanted = set(keys) if to else set()
        await session.options(self.bc_set, self.column, wanted, create=not is_dry)

    async def prepare(self, values: Values, transfer: Transfer) -> OptionBook:
        """Couple codes and labels, adding labels when the settings say so."""
        wanted = {v for v in values if v} if transfer.to_dataverse else set()
        return await transfer.session.options(
            self.bc_set, self.column, wanted, create=not transfer.is_dry
        )

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Replace code by value or value by code; park what has no coupling."""
        to = transfer.to_dataverse
        table: dict[Any, Any] = known.values if to else known.codes
        blank = None if to else ""
        found = column_of([table.get(v) if v else blank for v in values])
        for position, value in enumerate(values):
            if value and value not in table:
                transfer.fail(position, self._unknown(value, transfer))
        return found

    def _unknown(self, value: Any, transfer: Transfer) -> ConversionError:
        if transfer.to_dataverse:
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
