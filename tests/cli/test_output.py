"""Tables for people adapt to the width of the terminal."""

from __future__ import annotations

import pytest

from cli.output import print_table

COLUMNS = ("job", "source_id", "message", "waiting_for")
ROW = ("CUSTOMER", "3c0a0aa6-611c-48d5-8b43-c03e93e11074", "[b]No rate.[/b]", None)


@pytest.fixture
def terminal(monkeypatch):
    """Let stdout be a terminal of a given width, without colours."""

    def of_width(columns: int) -> None:
        for name, value in {
            "TTY_COMPATIBLE": "1",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "COLUMNS": str(columns),
            "LINES": "24",
        }.items():
            monkeypatch.setenv(name, value)

    return of_width


def test_a_narrow_terminal_gets_a_line_for_each_cell(terminal, capsys):
    """No cell is folded into a column of single letters; empty ones are left out."""
    terminal(40)
    print_table("Errors", COLUMNS, [ROW])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert ["Errors", "", "job: CUSTOMER", "source_id:"] == lines[:4]
    assert "message: [b]No rate.[/b]" in lines
    assert not [line for line in lines if "waiting_for" in line]


def test_a_wide_terminal_gets_a_table(terminal, capsys):
    """All cells of a row begin on one line."""
    terminal(120)
    print_table("Errors", COLUMNS, [ROW])
    (line,) = (text for text in capsys.readouterr().out.splitlines() if ROW[0] in text)
    assert ROW[1] in line
    assert str(ROW[2]) in line


def test_a_column_that_is_empty_takes_no_room(terminal, capsys):
    """A terminal shows the columns that say something of some row."""
    terminal(80)
    print_table("Jobs", ("job", "ready", "reason"), [("CUSTOMER", "yes", None)])
    shown = capsys.readouterr().out
    assert "CUSTOMER" in shown
    assert "reason" not in shown


def test_a_table_without_rows_is_still_one(terminal, capsys):
    """The columns say what there would be."""
    terminal(120)
    print_table("Errors", COLUMNS, [])
    assert "waiting_for" in capsys.readouterr().out
