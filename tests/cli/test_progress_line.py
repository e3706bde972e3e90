"""How far a run has come is told where a person watches, and nowhere else."""

from __future__ import annotations

import io

import click
import pytest
from rich.console import Console

from cli import progress_line
from tieline.following import following, tell


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


def test_a_run_tells_direction_batch_and_rows(world):
    """Before each batch, with the rows of the batches before it."""
    world.environment.setenv("TIELINE_BATCH_ROWS", "1")
    for name in ("Adatum", "Litware"):
        world.customer(name)
    lines: list[str] = []
    with following(lines.append):
        world.run("CUSTOMER", direction="to-dataverse", create_new=True)
    assert [
        "CUSTOMER to-dataverse: batch 1, 0 rows so far",
        "CUSTOMER to-dataverse: batch 2, 1 row so far",
    ] == lines[:2]
    tell("nobody listens any more")
    assert "nobody listens any more" not in lines


def test_the_line_is_on_the_terminal_and_goes_away():
    """The terminal shows the newest line while the run goes on."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80)
    with progress_line.progress_line("CUSTOMER", console):
        tell("CUSTOMER to-dataverse: batch 2, 1 row so far")
    assert "batch 2, 1 row so far" in stream.getvalue()


@pytest.mark.parametrize(
    ("parameters", "stream", "is_watched"),
    [
        ({}, Terminal(), True),
        ({"as_json": True}, Terminal(), False),
        ({"debug": True}, Terminal(), False),
        ({}, io.StringIO(), False),
    ],
)
def test_who_watches(monkeypatch, parameters, stream, is_watched):
    """A terminal without --json and --debug."""
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("sys.stderr", stream)
    context = click.Context(click.Command("run"))
    context.params = parameters
    with context:
        assert is_watched == progress_line._is_watched()
