"""Writes reads as addresses: filters, literals, quoting, chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from tieline.errors import DriftError, SettingsError
from tieline.odata.model import Column, Condition, Filter, Table

_FORMS = {
    "int": re.compile(r"-?\d+"),
    "option": re.compile(r"-?\d+"),
    "decimal": re.compile(r"-?\d+(\.\d+)?"),
    "guid": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "lookup": re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
    "date": re.compile(r"\d{4}-\d\d-\d\d[\dTZ:.+-]*"),
    "datetime": re.compile(r"\d{4}-\d\d-\d\d[\dTZ:.+-]*"),
    "bool": re.compile(r"(?!)"),
}
"""What a text has to look like to stand bare for a value; none does for a flag."""
_SAFE = "$'(),:;/@*!-._~="
"""Left as they are in a query value; a space becomes %20, a plus %2B."""
MOST_IN_A_CHAIN = 15
"""Comparisons that every service takes; some refuse more than 17 to 20."""
LIST_CHARACTERS = 20_000
_PLAIN = re.compile(rf"[A-Za-z0-9 {re.escape(_SAFE)}]*").fullmatch


@dataclass(frozen=True)
class ValueList:
    """How a service takes many values of a column in one condition.

    `member` writes one value, None where the list cannot hold it; `condition`
    the whole from its members, of which there may be `most`.
    """

    member: Callable[[Column, Any], str | None]
    condition: Callable[[Column, Sequence[str]], str]
    most: int


@dataclass(frozen=True)
class FilterSyntax:
    """What a dialect says differently in a query.

    `literal` writes a value of a column, `blank` the condition that a column
    is blank (or not, for `ne`), `wire_name` the property that shows a column.
    `lists` is None where only a chain of comparisons names many values.
    """

    literal: Callable[[Column, Any], str]
    blank: Callable[[Column, str], str]
    wire_name: Callable[[Column], str]
    lists: ValueList | None = None


class NothingMatches(Exception):
    """The filter cannot be true for any row: no request is needed."""


def text_literal(value: Any) -> str:
    """Quote a text, doubling its single quotes."""
    return "'" + str(value).replace("'", "''") + "'"


def column_of(table: Table, name: str) -> Column:
    """Return the column of `table` called `name`.

    Raises:
        DriftError: the table has none.

    """
    try:
        return table.columns[name]
    except KeyError:
        msg = f"The table {table.name} has no column {name}."
        raise DriftError(msg) from None


def filter_text(where: Filter, table: Table, syntax: FilterSyntax) -> str:
    """Write `where` as a $filter, not yet quoted; empty when it has no condition.

    Raises:
        NothingMatches: no row can match, e.g. an empty list of values.
        DriftError: a condition names a column that the table lacks.
        SettingsError: a value is none that the column could have.

    """
    parts = [_condition(one, column_of(table, one.column), syntax) for one in where]
    return " and ".join(part for part in parts if part)


def address(base: str, options: Mapping[str, str]) -> str:
    """Return `base` with the query options that are not empty."""
    query = "&".join(
        f"{name}={_quoted(value)}" for name, value in options.items() if value
    )
    return f"{base}?{query}" if query else base


def _quoted(value: str) -> str:
    """Quote a query value; filters of thousands of ids hold nothing but spaces."""
    is_plain = _PLAIN(value)
    return value.replace(" ", "%20") if is_plain else quote(value, safe=_SAFE)


def or_chains(
    property_name: str, literals: Iterable[str], *, characters: int, most: int
) -> Iterator[str]:
    """Write `p eq a or p eq b ...` in pieces of at most `characters` once quoted.

    A single literal that is longer on its own still makes its piece.
    """
    piece: list[str] = []
    used = 0
    frame = len(quote(f"{property_name} eq  or ", safe=_SAFE))
    for literal in literals:
        term = f"{property_name} eq {literal}"
        length = frame + _quoted_length(literal)
        if piece and (used + length > characters or len(piece) >= most):
            yield " or ".join(piece)
            piece, used = [], 0
        piece.append(term)
        used += length
    if piece:
        yield " or ".join(piece)


def value_lists(
    column: Column, values: Sequence[Any], lists: ValueList, *, characters: int
) -> tuple[list[str], list[Any]]:
    """Write values as lists of at most `characters` once quoted.

    Returns their conditions, and the values that no list can hold.
    """
    conditions: list[str] = []
    rest: list[Any] = []
    piece: list[str] = []
    frame = used = len(quote(lists.condition(column, ()), safe=_SAFE))
    for value in values:
        member = lists.member(column, value)
        if member is None:
            rest.append(value)
            continue
        length = _quoted_length(member) + 1
        if piece and (used + length > characters or len(piece) >= lists.most):
            conditions.append(lists.condition(column, piece))
            piece, used = [], frame
        piece.append(member)
        used += length
    if piece:
        conditions.append(lists.condition(column, piece))
    return conditions, rest


def _quoted_length(text: str) -> int:
    """Return how long a value is once it is quoted; ids are not quoted to know it."""
    bare = text.strip('"')
    if bare.isascii() and bare.replace("-", "").isalnum():
        return len(bare) + (len(text) - len(bare)) * len("%22")
    return len(quote(text, safe=_SAFE))


def comparisons(text: str) -> int:
    """Count the comparisons of a filter; one too many where a text holds the word."""
    return 1 + text.count(" or ") + text.count(" and ") if text else 0


def pieces(where: Filter, most: int) -> list[Filter]:
    """Split a filter whose list of values is longer than `most` into several.

    A row that fits the filter fits exactly one of them.
    """
    for place, one in enumerate(where):
        if one.op != "in":
            continue
        values = distinct(list(one.value))
        if len(values) <= most:
            continue
        parts = [values[at : at + most] for at in range(0, len(values), most)]
        return [
            piece
            for number, part in enumerate(parts)
            for piece in pieces(
                (
                    *where[:place],
                    replace(one, value=part, or_blank=one.or_blank and not number),
                    *where[place + 1 :],
                ),
                most,
            )
        ]
    return [where]


def both(first: str, second: str) -> str:
    """Join two filters with `and`."""
    if not first or not second:
        return first or second
    return f"({first}) and ({second})" if " or " in first else f"{first} and {second}"


def distinct(values: Sequence[Any]) -> list[Any]:
    """Return the values in order, each once, without None."""
    return [value for value in dict.fromkeys(values) if value is not None]


def fits(column: Column, value: Any) -> bool:
    """Whether the column can hold the text at all: a longer one matches nothing."""
    longest = column.max_length
    return not (isinstance(value, str) and longest and len(value) > longest)


def _condition(condition: Condition, column: Column, syntax: FilterSyntax) -> str:
    name, op, value = syntax.wire_name(column), condition.op, condition.value
    if op == "blank" or (op == "eq" and value is None):
        return syntax.blank(column, "eq")
    if op == "not_blank" or (op == "ne" and value is None):
        return syntax.blank(column, "ne")
    if op == "ne" and not fits(column, value):
        return ""
    given = distinct(list(value) if op == "in" else [value])
    for one in given:
        _require_form(column, one)
    if op in ("in", "eq"):
        terms = _equalities(column, [one for one in given if fits(column, one)], syntax)
    else:
        terms = [f"{name} {op} {syntax.literal(column, value)}"]
    if condition.or_blank:
        terms.append(syntax.blank(column, "eq"))
    if not terms:
        raise NothingMatches
    return terms[0] if len(terms) == 1 else f"({' or '.join(terms)})"


def _equalities(
    column: Column, values: Sequence[Any], syntax: FilterSyntax
) -> list[str]:
    """Write that a column has one of these values: a list where they are many."""
    terms: list[str] = []
    if syntax.lists is not None and len(values) > MOST_IN_A_CHAIN:
        terms, values = value_lists(
            column, values, syntax.lists, characters=LIST_CHARACTERS
        )
    name = syntax.wire_name(column)
    return [*terms, *(f"{name} eq {syntax.literal(column, one)}" for one in values)]


def _require_form(column: Column, value: Any) -> None:
    """Let no text become part of the filter's grammar."""
    form = _FORMS.get(column.kind)
    if form is None or (isinstance(value, bool) and column.kind == "bool"):
        return
    if isinstance(value, bool) or (
        isinstance(value, str) and not form.fullmatch(value)
    ):
        msg = f"A filter compares {column.name} with {value!r}, which is no "
        msg += f"{column.kind}."
        raise SettingsError(msg, advice="Correct the filter in tieline.toml.")
