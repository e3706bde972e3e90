"""Shows on a terminal how far a run has come: one line that gives way to the result."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tieline.following import following

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def progress_line(title: str, console: Console | None = None) -> Iterator[None]:
    """Show job, direction, batch and rows on stderr while runs go on.

    Nothing is shown where no person watches: without a terminal, with `--json`, and
    with `--debug`, which shows Prefect's log instead. `console` stands for stderr.
    """
    if console is None and not _is_watched():
        yield
        return
    from rich.console import Console

    screen = console or Console(stderr=True)
    with screen.status(title) as status, following(status.update):
        yield


def _is_watched() -> bool:
    context = click.get_current_context(silent=True)
    if context is not None:
        is_debug = bool(context.find_root().params.get("debug"))
        if is_debug or context.params.get("as_json"):
            return False
    return sys.stdout.isatty() and sys.stderr.isatty()
