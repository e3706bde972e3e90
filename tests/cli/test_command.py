"""The command starts, answers `--help`, and reports errors in one sentence."""

from __future__ import annotations

import os
from importlib.metadata import version

import click
import click.testing
import pytest

from cli.command import ReportingCommand
from cli.lazy import LazyGroup
from cli.main import COMMANDS, tieline
from cli.prefect_defaults import set_defaults
from tests.cli.conftest import document, sentence
from tieline.errors import RunError, SettingsError


def test_help_lists_every_command(invoke):
    """Each command has its line."""
    text = invoke("--help").stdout
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in text
        assert line in text


def test_version(invoke):
    """The version is the package's."""
    assert f"tieline {version('tieline')}\n" == invoke("--version").stdout


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_can_be_imported(name):
    """What the list names exists, under the same name, and has help."""
    command = tieline.get_command(click.Context(tieline), name)
    assert name == command.name
    assert command.help


@pytest.mark.parametrize("debug", [False, True])
def test_prefect_defaults_leave_what_is_set(monkeypatch, debug):
    """What the user set stays; the terminal is quiet unless --debug."""
    level = "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"
    limit = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
    environment = {"PREFECT_SERVER_ANALYTICS_ENABLED": "true"}
    monkeypatch.setattr(os, "environ", environment)
    set_defaults(debug=debug)
    assert "true" == environment["PREFECT_SERVER_ANALYTICS_ENABLED"]
    assert "90" == environment[limit]
    assert debug == (level not in environment)


def _group(error: Exception) -> click.Group:
    @click.command(cls=ReportingCommand, on_failure=lambda given: {"job": "X"})
    def fail(*, as_json: bool) -> None:
        raise error

    @click.group(cls=LazyGroup, commands_at={"fail": ("x:x", "")})
    @click.option("--debug", is_flag=True)
    def group(*, debug: bool) -> None:
        """Fail."""

    group.get_command = lambda ctx, cmd_name: fail  # type: ignore[method-assign]
    return group


@pytest.mark.parametrize(
    ("error", "code", "expected", "exit_code"),
    [
        (
            SettingsError("A is wrong.", advice="Set B."),
            "TL-101",
            "A is wrong. Set B.",
            2,
        ),
        (RunError("Gone."), "TL-400", "Gone.", 1),
        (KeyError("x"), "TL-000", "Tieline broke off: KeyError: 'x'.", 1),
    ],
)
def test_errors_are_one_sentence(error, code, expected, exit_code):
    """Without a traceback, with the error's status; with --json on stdout, too."""
    runner = click.testing.CliRunner()
    result = runner.invoke(_group(error), ["fail"])
    assert (exit_code, "") == (result.exit_code, result.stdout)
    about = "" if code == "TL-000" else f"Code {code}, explained in docs/errors.md.\n"
    assert f"Error: {expected}\n{about}" == result.stderr
    told = runner.invoke(_group(error), ["fail", "--json"])
    expected_document = {"job": "X", "error": {"code": code, "message": expected}}
    assert (exit_code, expected_document) == (told.exit_code, document(told))
    assert expected == sentence(told)


def test_mistaken_arguments_are_told_as_json_too():
    """One document with the sentence, whatever stands before or after --json."""
    runner = click.testing.CliRunner()
    told = runner.invoke(_group(RunError("Gone.")), ["fail", "--json", "--nope"])
    message = document(told)["error"]["message"]
    assert (2, "TL-101") == (told.exit_code, document(told)["error"]["code"])
    assert "--nope" in message
    silent = runner.invoke(_group(RunError("Gone.")), ["fail", "--nope"])
    assert (2, "") == (silent.exit_code, silent.stdout)


def test_debug_shows_where_an_error_came_from():
    """The traceback is there for those who ask."""
    result = click.testing.CliRunner().invoke(
        _group(RunError("Gone.")), ["--debug", "fail"]
    )
    assert "Traceback (most recent call last)" in result.stderr
    assert "Gone." == sentence(result)
