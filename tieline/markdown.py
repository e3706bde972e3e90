"""Markdown that shows any value as the text that it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tieline.wording import one_line

_SPECIAL = re.compile(r"([\\*_\[\]|#~!])")
_ESCAPED = re.compile(r"\\([\\*_\[\]|#~!])")
_LINKS = frozenset({"source", "destination", "bc", "dataverse"})
"""Columns of our tables that hold an id, or a link that we made of it."""
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def cell(value: object) -> str:
    """Return a value for one line of Markdown.

    What a record holds is neither markup nor HTML; code in backticks, which our own
    advice has, stays code.
    """
    text = " ".join(one_line(str(value)).split())
    parts = text.split("`")
    if len(parts) % 2 == 0:
        # A backtick without its partner is one that a record holds.
        return _escaped(text.replace("`", "'"))
    escaped = [
        part.replace("|", "\\|") if n % 2 else _escaped(part)
        for n, part in enumerate(parts)
    ]
    return "`".join(escaped)


def _escaped(text: str) -> str:
    for plain, entity in _ENTITIES.items():
        text = text.replace(plain, entity)
    return _SPECIAL.sub(r"\\\1", text)


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a table; the cells are escaped."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(map(cell, row))} |"


def table_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of a table artifact, whose cells Prefect shows as Markdown."""
    return {
        name: value if name in _LINKS or not isinstance(value, str) else cell(value)
        for name, value in row.items()
    }


def plain(cell: str) -> str:
    """Return the text that `cell` made Markdown of."""
    parts = cell.split("`")
    for n, part in enumerate(parts):
        if n % 2:
            parts[n] = part.replace("\\|", "|")
            continue
        for text, entity in reversed(_ENTITIES.items()):
            part = part.replace(entity, text)
        parts[n] = _ESCAPED.sub(r"\1", part)
    return "`".join(parts)
