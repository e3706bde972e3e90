"""What a terminal, a pipe and a reader that leaves get from a command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cli.output import time_text
from cli.report import print_report
from tests.cli.test_output import terminal  # noqa: F401
from tieline.report import Counters, JobReport
from tieline.wording import counted

PROGRAM = """
import sys
from cli.pipes import let_readers_leave
let_readers_leave()
for number in range(200000):
    print("a line of some length", number)
sys.exit(3)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a pipe that can be closed")
def test_a_reader_that_leaves_is_no_failure():
    """`| head` ends quietly, and the exit status is the command's own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"a line")
    process.stdout.close()
    assert b"" == process.stderr.read()
    process.stderr.close()
    assert 3 == process.wait(60)


def test_all_of_it_reaches_a_reader_that_stays():
    """Nothing is lost at the end of the output."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=False, text=True
    )
    assert 200_000 == len(done.stdout.splitlines())
    assert done.stdout.endswith("199999\n")


def test_times_say_their_zone():
    """UTC by name, other zones by their offset."""
    text = time_text(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    assert re.fullmatch(r"2026-0\d-\d\d \d\d:\d\d:\d\d (UTC|[+-]\d\d:\d\d)", text)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 records"), (1, "1 record"), (2, "2 records")]
)
def test_one_is_no_plural(number, text):
    """Numbers and their nouns agree."""
    assert text == counted(number, "record")


def test_columns_without_a_number_are_left_out(capsys):
    """What counted nothing has no column, so that the rest fits the terminal."""
    report = JobReport("CUSTOMER", company="CRONUS", state="Completed")
    report.directions["to-dataverse"] = Counters(inserted=2)
    print_report(report)
    out = capsys.readouterr().out
    assert "inserted" in out
    assert "uncoupled" not in out


def test_a_run_that_did_not_begin_has_no_table(capsys):
    """Its sentence is all there is to say."""
    report = JobReport("CUSTOMER")
    report.error_code = "TL-405"
    print_report(report)
    assert "direction" not in capsys.readouterr().out
