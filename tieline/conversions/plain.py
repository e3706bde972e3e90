"""Conversions of texts, codes, numbers, dates and enums. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tieline.conversions.base import Conversion, Mask, Transfer, Values, column_of
from tieline.errors import SystemName


def cut(text: str, length: int | None) -> str:
    """Cut `text` to `length` UTF-16 units, the way both services count.

    Never leaves half a character of two units.
    """
    if length is None or len(text) * 2 <= length:
        return text
    if len(text.encode("utf-16-le")) // 2 <= length:
        return text
    return text.encode("utf-16-le")[: length * 2].decode("utf-16-le", "ignore")


class Text(Conversion):
    """Text, cut silently to the destination's length.

    Business Central knows no null text: blank there is null on Dataverse.
    """

    title = "text"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Cut to the destination's length; blank becomes the side's blank."""
        length = transfer.target.max_length if transfer.target else None
        blank = None if transfer.to_dataverse else ""
        if (
            length is None
            or max(map(len, filter(None, values)), default=0) * 2 <= length
        ):
            return column_of([v or blank for v in values])
        return column_of([cut(v, length) if v else blank for v in values])

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform: "" on Business Central, null on Dataverse."""
        blank = "" if side == "bc" else None
        return column_of([v or blank for v in values])


class Code(Text):
    """A Code field of Business Central: upper case, no blanks around it."""

    title = "code"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As text; towards Business Central upper-cased and trimmed."""
        if not transfer.to_dataverse:
            values = column_of([(v or "").strip().upper() for v in values])
        return super().convert(values, known, transfer)


@dataclass(frozen=True)
class Number(Conversion):
    """A number; null counts as zero, and `digits` decimals are significant."""

    digits: int = 5
    title = "number"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Round to the digits that count."""
        return self.normal("bc", values)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return floats rounded to `digits`, zero for null."""
        digits = self.digits
        return column_of(round(float(v or 0), digits) for v in values)

    def blank(self, side: SystemName, values: Values) -> Mask:
        """Take zero for nothing on both sides, as null counts as zero."""
        return np.array([not v for v in values], dtype=bool)


class NotNegative(Number):
    """A number that the other side wants as zero when it is negative."""

    title = "number, negative as zero"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Round, and raise negatives to zero."""
        rounded = super().convert(values, known, transfer)
        return column_of([max(v, 0.0) for v in rounded])


class Flag(Conversion):
    """A Boolean; null counts as no."""

    title = "flag"

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return real Booleans."""
        return column_of([bool(v) for v in values])

    def blank(self, side: SystemName, values: Values) -> Mask:
        """Take no for nothing on both sides, as null counts as no."""
        return np.array([not v for v in values], dtype=bool)


class Day(Conversion):
    """A date, whatever the other side's column holds: date or date and time."""

    title = "date"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Keep the day; blank is null."""
        return self.normal("bc", values)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return ISO days, null for blank."""
        return column_of(v[:10] if v else None for v in values)


COPY = Conversion()
TEXT = Text()
CODE = Code()
NUMBER = Number()
NOT_NEGATIVE = NotNegative()
FLAG = Flag()
DAY = Day()
