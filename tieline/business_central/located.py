"""Where is a table, and how do its rows look? One set of one route, ready to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieline.business_central.route import Route
from tieline.business_central.values import decoder
from tieline.errors import DriftError
from tieline.odata.frames import Decode, Shape
from tieline.odata.model import Column
from tieline.odata.schema import SetSchema

MODIFIED = "lastModifiedDateTime"
CURRENCY = "currencyCode"


@dataclass(frozen=True)
class Located:
    """A set, its route and address, and the local currency if it matters.

    The standard sets show the local currency's code where the field is blank;
    `local_currency` is that code, and reads as blank.
    """

    route: Route
    schema: SetSchema
    base: str
    local_currency: str | None

    def shape(self, columns: Sequence[str] | None = None) -> Shape:
        """Return the shape of a read of `columns`, of all without.

        Raises:
            DriftError: the set lacks some of them; names them.

        """
        table = self.schema.table
        names = list(table.columns) if columns is None else list(columns)
        if missing := [name for name in names if name not in table.columns]:
            msg = f"Business Central's {table.name} lacks {', '.join(missing)}."
            advice = "The companion app offers every property that Tieline uses."
            raise DriftError(msg, advice=advice if self.route.is_standard else "")
        fields = tuple(
            (name, name, self._decoder(table.columns[name])) for name in names
        )
        modified = MODIFIED if MODIFIED in table.columns else None
        return Shape(table, modified, fields)

    def _decoder(self, column: Column) -> Decode | None:
        if column.name == CURRENCY and self.local_currency is not None:
            return blank_when(self.local_currency)
        return decoder(column)


def blank_when(code: str) -> Callable[[object], object]:
    """Return a decoder that reads `code` as blank."""
    return lambda value: "" if value == code else value
