"""Asks before a heavy operation, where a person sits at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click


def dry_run_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--dry-run` to an operation."""
    text = "List what would be done, change nothing."
    return click.option("--dry-run", is_flag=True, help=text)(command)


def yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--yes` to a command that asks."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def ask(question: str, *, yes: bool) -> None:
    """Ask on a terminal whether to go on, and end the command if not.

    Without a terminal nobody could answer: scripts go on as they are.
    """
    if not yes and at_terminal():
        click.confirm(question, abort=True, err=True)


def at_terminal() -> bool:
    """Whether what is typed comes from a person."""
    return sys.stdin.isatty()
