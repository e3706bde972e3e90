"""Command group that imports only the command called, and reports its failures."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Mapping
from typing import Any, cast

import click

from tieline.errors import TielineError
from tieline.wording import one_line

_WRITING = frozenset(
    {"apply", "couple", "full-sync", "resolve", "run", "sync", "uncouple", "undo"}
)
_INTERRUPTED = (
    "Interrupted. What was written stays; the next run finds what was not finished "
    "and goes on from there."
)


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports the one that is called.

    An error of ours ends the program with `Error: sentence` on stderr and the
    error's exit status, any other exception likewise with 1.
    """

    def __init__(
        self, *args: Any, commands_at: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        """Take {command: (module:attribute, short help)}."""
        super().__init__(*args, **kwargs)
        self.commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, if there is one of this name."""
        if cmd_name not in self.commands_at:
            return None
        module, attribute = self.commands_at[cmd_name][0].split(":")
        found = getattr(importlib.import_module(module), attribute)
        return cast(click.Command, found)

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the list of commands, importing none."""
        with formatter.section("Commands"):
            rows = [
                (name, self.commands_at[name][1]) for name in self.list_commands(ctx)
            ]
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and end as the errors say."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            if ctx.invoked_subcommand in _WRITING:
                click.echo(f"\n{_INTERRUPTED}", err=True)
            raise
        except Exception as error:
            if ctx.params["debug"]:
                traceback.print_exception(error)
            is_ours = isinstance(error, TielineError)
            sentence = str(error) if is_ours else unexpected(error)
            click.echo(f"Error: {sentence}", err=True)
            if is_ours:
                click.echo(about(cast(TielineError, error).code), err=True)
            raise click.exceptions.Exit(_exit_code(error)) from None


def about(code: str) -> str:
    """Return the line that names an error's code and where it is explained."""
    return f"Code {code}, explained in docs/errors.md."


def _exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, TielineError) else 1


def unexpected(error: BaseException) -> str:
    """Say in one line that something broke that ought not to."""
    while isinstance(error, BaseExceptionGroup):
        # Several tasks broke at once: the first will do.
        error = error.exceptions[0]
    text = " ".join(one_line(str(error)).split())
    kind = type(error).__name__
    return f"Tieline broke off: {kind}{f': {text}' if text else ''}."
