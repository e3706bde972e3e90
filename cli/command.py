"""Base of all commands that report: `--json`, honoured also when they fail."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import click

from cli.lazy import unexpected
from cli.output import print_json
from tieline.errors import SettingsError, TielineError

Failure = Callable[[dict[str, Any]], dict[str, Any]]
"""Gives the rest of the JSON document of a failed command, from its parameters."""


class ReportingCommand(click.Command):
    """A command with `--json`: one document on stdout, whatever happens.

    When it fails before it reported, the document has `error`, and what
    `on_failure` adds so that its shape stays the same.
    """

    def __init__(
        self, *args: Any, on_failure: Failure | None = None, **kwargs: Any
    ) -> None:
        """Take click's arguments, and the shape of a failure."""
        super().__init__(*args, **kwargs)
        self._on_failure = on_failure
        self.params.append(
            click.Option(
                ["--json", "as_json"], is_flag=True, help="Print one JSON document."
            )
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; a mistake in them is told as JSON, too."""
        asks_for_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if asks_for_json:
                print_json({"error": as_error(SettingsError(error.format_message()))})
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; let the group say in words what went wrong."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params["as_json"]:
                print_json({**self._rest(ctx.params), "error": as_error(error)})
            raise

    def _rest(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {} if self._on_failure is None else self._on_failure(parameters)


def one_of(values: type[StrEnum]) -> click.Choice[str]:
    """Return the choice among an enumeration's values, not its names."""
    return click.Choice([one.value for one in values])


def as_error(error: Exception) -> dict[str, str]:
    """Return code and sentence of an error, as the JSON documents have them."""
    if isinstance(error, TielineError):
        return {"code": error.code, "message": str(error)}
    return {"code": TielineError.code, "message": unexpected(error)}
