"""Text of records and services stays text: on a line, in Markdown, in a table."""

from __future__ import annotations

import io
from contextlib import redirect_stdout

import pytest

from cli.output import Lines, print_table
from tieline.errors import SettingsError
from tieline.markdown import cell, plain, table_row
from tieline.report import JobReport, RecordFailure
from tieline.wording import one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Adatum", "Adatum"),
        ("Grün & Söhne 株式会社", "Grün & Söhne 株式会社"),
        ("a\nb\r\n\tc", "a b c"),
        ("a\u2028b\x85c", "a b c"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x07\x00\x9b", "\\x07\\x00\\x9b"),
        ("txt.\u202eexe", "txt.\\u202eexe"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    """Nothing in it moves the cursor, ends the line or turns what follows."""
    assert expected == one_line(text)


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=http://elsewhere.example/x>",
    "[click](javascript:alert(1))",
    "![x](http://elsewhere.example/x)",
    "a | b \\| c",
    "# head *bold* _it_ ~~gone~~",
    "Tom & Jerry &lt;b&gt;",
    "one ` tick",
    "`code | with` bar",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text(text: str) -> None:
    """No markup or HTML is left of it, and the text can be had back."""
    shown = cell(text)
    outside = "".join(shown.split("`")[::2])
    assert not set("<>") & set(outside)
    bare = outside.replace("\\\\", "")
    for special in "[]|*_#!~":
        assert bare.count(special) == bare.count(f"\\{special}"), special
    assert text.replace("one ` tick", "one ' tick") == plain(shown)


def test_links_of_our_own_stay_links() -> None:
    """A row's ids lead to the records; what a record holds leads nowhere."""
    link = "[id](https://contoso.example/main.aspx)"
    row = table_row({"record": link, "source": link, "count": 3, "to": None})
    assert {"source": link, "count": 3, "to": None} == {
        name: row[name] for name in ("source", "count", "to")
    }
    assert "\\[id\\](https://contoso.example/main.aspx)" == row["record"]


def test_an_error_is_one_line() -> None:
    """What a service answered cannot begin a line of its own."""
    error = SettingsError("No \x1b[2J such\nError: company.", advice="Do\rthis.")
    assert "No \\x1b[2J such Error: company. Do this." == str(error)


def test_a_failure_of_a_record_is_one_line() -> None:
    """Its text, and the name that people know the record by."""
    failure = RecordFailure("to-dataverse", "1", None, "TL-307", "a\nb", name="x\x1by")
    assert "a b" == failure.message
    assert "x\\x1by" == JobReport("CUSTOMER").name_of(failure)


def test_a_table_on_the_terminal_shows_what_would_move_its_cursor() -> None:
    """Cells and title are text: no escape sequence, no markup, no line of their own."""
    out = io.StringIO()
    with redirect_stdout(out):
        print_table(
            "[bold]Title\x1b[2J",
            ["name", "fields"],
            [("[red]a\nError: b", Lines(["one\x1b", "two"]))],
        )
    shown = out.getvalue()
    assert "\x1b" not in shown
    for part in ("[bold]Title\\x1b[2J", "[red]a Error: b", "one\\x1b", "two"):
        assert part in shown
