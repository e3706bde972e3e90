"""Parsers for the query options `$select`, `$orderby` and `$expand`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_plus


class QuerySyntaxError(ValueError):
    """An option is malformed; the text names it."""


@dataclass(frozen=True)
class Order:
    """One key of `$orderby`."""

    path: str
    descending: bool = False


@dataclass(frozen=True)
class Expand:
    """One navigation property of `$expand`, with its own options."""

    path: str
    options: Mapping[str, str] = field(default_factory=dict)


def read_query(text: str) -> dict[str, str]:
    """Return the options of a raw query string, decoded once.

    Names keep their case; `%20` and `+` are both a space, `%24` is a dollar. Of
    an option given twice the last one counts.
    """
    pairs = (part.partition("=") for part in text.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def write_query(options: Mapping[str, str]) -> str:
    """Write options as a query string that `read_query` reads back."""
    return "&".join(
        f"{quote(name, safe='$@.')}={quote(value, safe='$-_.~')}"
        for name, value in options.items()
    )


def parse_select(text: str) -> tuple[str, ...]:
    """Return the selected names; `*` stays as it is."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_order(text: str) -> tuple[Order, ...]:
    """Return the sort keys.

    Raises:
        QuerySyntaxError: a key has more than a path and asc or desc.
    """
    keys = []
    for part in split_outside(text, ","):
        words = part.split()
        if not 1 <= len(words) <= 2 or words[1:] not in ([], ["asc"], ["desc"]):
            raise QuerySyntaxError(f"Syntax error in $orderby '{text}'.")
        keys.append(Order(words[0], descending=words[1:] == ["desc"]))
    return tuple(keys)


def parse_expand(text: str) -> tuple[Expand, ...]:
    """Return the expanded navigation properties with their nested options.

    `a,b($select=x;$expand=c($top=1))` gives two; the nested `$expand` stays text
    in the options of the second and is parsed when it is reached.

    Raises:
        QuerySyntaxError: parentheses or nested options do not fit.
    """
    return tuple(_expand(part.strip()) for part in split_outside(text, ","))


def _expand(text: str) -> Expand:
    path, bracket, inner = text.partition("(")
    if not path or (bracket and not inner.endswith(")")):
        raise QuerySyntaxError(f"Syntax error in $expand '{text}'.")
    options = {}
    for part in split_outside(inner[:-1], ";") if bracket else ():
        name, equals, value = part.strip().partition("=")
        if not equals or not name.startswith("$"):
            raise QuerySyntaxError(f"Syntax error in $expand '{text}'.")
        options[name] = value
    return Expand(path, options)


def split_outside(text: str, separator: str) -> Iterator[str]:
    """Split at separators that stand outside parentheses and quotes.

    Raises:
        QuerySyntaxError: a parenthesis or a quote is not closed.
    """
    depth, is_quoted, start = 0, False, 0
    for at, character in enumerate(text):
        if character == "'":
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == separator and depth == 0:
            yield text[start:at]
            start = at + 1
        if depth < 0:
            break
    if depth != 0 or is_quoted:
        raise QuerySyntaxError(f"Syntax error in '{text}'.")
    if text[start:].strip():
        yield text[start:]
