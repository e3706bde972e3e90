"""Output of results: one JSON document, or a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import orjson

from tieline.wording import one_line

if TYPE_CHECKING:
    from rich.console import Console

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
_PIPED_WIDTH = 200
"""Wide enough for two ids and a sentence where no terminal tells its width."""


class Lines(tuple[str, ...]):
    """A cell of several lines; every other one is kept to a line."""

    __slots__ = ()


def print_json(document: Any) -> None:
    """Print a document as UTF-8, whatever the terminal's code page is."""
    click.echo(orjson.dumps(document, default=_plain, option=_OPTIONS))


def print_json_list(pages: Iterable[Sequence[Any]]) -> None:
    """Print one list page by page, so that a long one is never held whole."""
    is_first = True
    click.echo(b"[", nl=False)
    for page in pages:
        if not page:
            continue
        text = orjson.dumps(page, default=_plain, option=_OPTIONS)
        click.echo((b"" if is_first else b",") + text[1:-2], nl=False)
        is_first = False
    click.echo(b"]" if is_first else b"\n]")


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Print rows as a table; None is an empty cell, flags are yes or empty.

    A terminal gets no column that is empty in every row, and one that is too narrow
    for a table a line for each cell instead.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[_cell(value) for value in row] for row in rows]
    title = one_line(title)
    console = Console()
    if console.is_terminal:
        columns, cells = _without_empty(columns, cells)
    else:
        console = Console(width=_PIPED_WIDTH)
    if console.width < _needed_width(len(columns), cells):
        _print_lines(console, title, columns, cells)
        return
    table = Table(title=Text(title), title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def _without_empty(
    columns: Sequence[str], cells: list[list[str]]
) -> tuple[Sequence[str], list[list[str]]]:
    """Leave out the columns that say nothing, where there are rows at all."""
    kept = [n for n in range(len(columns)) if any(row[n] for row in cells)]
    if not kept:
        return columns, cells
    return [columns[n] for n in kept], [[row[n] for n in kept] for row in cells]


def _needed_width(count: int, cells: Sequence[Sequence[str]]) -> int:
    """Return the width below which cells would be folded beyond recognition."""
    longest = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return sum(min(max(n, 4), 16) for n in longest) + 3 * count + 1


def _print_lines(
    console: Console,
    title: str,
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
) -> None:
    from rich.text import Text

    console.print(Text(title, style="bold"))
    for row in cells:
        console.print()
        for column, cell in zip(columns, row, strict=True):
            if cell:
                console.print(Text(f"{column}: {cell}"))


def _cell(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "yes"
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Lines):
        return "\n".join(map(one_line, value))
    if isinstance(value, list | tuple):
        return one_line(", ".join(map(str, value)))
    return one_line(str(value))


def time_text(value: datetime) -> str:
    """Return a time as this machine's clock shows it, with its zone."""
    local = value.astimezone() if value.tzinfo else value.replace(tzinfo=UTC)
    offset = local.strftime("%z")
    zone = "UTC" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return f"{local:%Y-%m-%d %H:%M:%S} {zone}"


def _plain(value: Any) -> Any:
    """Give orjson what it does not know: subclasses of text and of datetime."""
    if isinstance(value, datetime):
        return datetime.fromtimestamp(value.timestamp(), value.tzinfo)
    return str(value)
