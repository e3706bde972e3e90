"""Heavy commands ask where a person sits at the terminal, and nowhere else."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from cli import asking
from cli.main import tieline

QUESTION = "Dissolve all couplings of CUSTOMER?"


@click.command()
@asking.yes_option
def command(*, yes: bool) -> None:
    """Do something that cannot be taken back."""
    asking.ask(QUESTION, yes=yes)
    click.echo("done")


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command with what a person types; by default at a terminal."""

    def run(
        arguments: list[str], typed: str = "", *, of: Any = command, tty: bool = True
    ) -> Result:
        runner = CliRunner()
        with monkeypatch.context() as patch:
            patch.setattr(asking, "at_terminal", lambda: tty)
            return runner.invoke(of, arguments, input=typed)

    return run


def test_yes_goes_on(invoke):
    """The question stands on the error output: what is printed can be read on."""
    result = invoke([], "y\n")
    assert (0, "done\n", True) == (
        result.exit_code,
        result.stdout,
        QUESTION in result.stderr,
    )


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_anything_else_ends_the_command(invoke, typed):
    """The answer is no, unless somebody says yes."""
    result = invoke([], typed)
    assert (1, "") == (result.exit_code, result.stdout)


@pytest.mark.parametrize(("arguments", "tty"), [(["--yes"], True), ([], False)])
def test_nobody_is_asked(invoke, arguments, tty):
    """With --yes, and in a script."""
    result = invoke(arguments, tty=tty)
    assert (0, "done\n", "") == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        ["uncouple", "CUSTOMER", "--all"],
        ["resolve", "CUSTOMER", "retry", "--all"],
        ["full-sync", "--create-new"],
    ],
)
def test_which_commands_ask(invoke, arguments, services, monkeypatch):
    """Those that take all records; no run begins before the answer."""
    begun = []

    async def note(flow: Any, **parameters: Any) -> Any:
        begun.append(flow)
        raise click.ClickException("begun")

    for module in ("cli.uncouple", "cli.resolve", "cli.sync"):
        for name in ("run_flow", "run_flows"):
            monkeypatch.setattr(f"{module}.{name}", note, raising=False)
    refused = invoke(arguments, "n\n", of=tieline)
    assert (1, []) == (refused.exit_code, begun)
    assert refused.stderr.rstrip().endswith("Aborted!")
    invoke([*arguments, "--yes"], of=tieline)
    assert 1 == len(begun)
