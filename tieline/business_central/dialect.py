"""How rows of Business Central are read: their modified time, blank currencies."""

from __future__ import annotations

from tieline.business_central.refusals import is_unknown_name
from tieline.business_central.values import SYNTAX, decoder
from tieline.odata.frames import Decode
from tieline.odata.located import Dialect
from tieline.odata.model import Column

CURRENCY = "currencyCode"


def dialect(local_currency: str | None) -> Dialect:
    """Return the dialect of a set.

    The standard sets show the local currency's code where the field is blank:
    `local_currency` is then that code, and reads as blank.
    """

    def decode(column: Column) -> Decode | None:
        if column.name == CURRENCY and local_currency is not None:
            return lambda value: "" if value == local_currency else value
        return decoder(column)

    return Dialect(SYNTAX, decode, "lastModifiedDateTime", "gt", is_unknown_name)
