"""How jobs stand: what a run leaves behind, and how that is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tieline.status import Counts, JobStatus, RunNote, noted, scheduled
from tieline.status_text import COLUMNS, age, exposition, markdown, row

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
TO = "to-dataverse"
NONE = Counts()


def after(before, state, counts=NONE, *, days=0):
    """The note of one more run, some days later."""
    now = NOW + timedelta(days=days)
    return noted(before, counts, run_id="r", state=state, message="", now=now)


def status(job="CUSTOMER", counts=NONE, last=None, **values):
    """A job of one company."""
    return JobStatus("c1", "CRONUS", job, counts, last, **values)


def test_a_note_is_read_as_it_was_written():
    """The store keeps text; a message, a success and each day's counts come back."""
    note = after(after(None, "Completed"), "Failed", Counts(1, 2, 3), days=1)
    assert note == RunNote.parse(note.text)


def test_success_is_kept_over_runs_that_break():
    """Records that fail do not make a job fail; a run that broke does."""
    note = after(after(None, "CompletedWithErrors"), "Failed", days=1)
    assert (NOW, NOW + timedelta(days=1)) == (note.succeeded, note.ended)
    assert NOW + timedelta(days=2) == after(note, "Idle", days=2).succeeded


def test_each_day_keeps_its_last_counts_and_old_days_go():
    """The trend needs one entry a day, not one a run."""
    note = after(None, "Completed", Counts(1))
    note = after(note, "Completed", Counts(2))
    assert (("2026-03-04", Counts(2)),) == note.days
    for day in range(1, 30):
        note = after(note, "Completed", Counts(day), days=day)
    assert (14, "2026-04-02") == (len(note.days), note.days[-1][0])


def test_the_trend_is_against_the_last_day_before():
    """Not against the present day's own runs."""
    note = after(after(None, "Completed", Counts(skipped=2)), "Completed", days=3)
    one = status(counts=Counts(skipped=5), last=note)
    assert ("2026-03-04", Counts(skipped=3)) == one.trend(NOW + timedelta(days=3))
    assert None is one.trend(NOW)


def test_ages_are_short():
    """One number and its unit."""
    spans = [timedelta(seconds=s) for s in (0, 59, 60, 3600, 86_399, 86_400 * 400)]
    assert ["0s", "59s", "1m", "1h", "23h", "400d"] == [
        age(NOW - span, NOW) for span in spans
    ]


def test_a_row_says_what_matters():
    """Ages, the state in a word, counts with their growth, the older watermark."""
    note = after(after(None, "Completed", Counts(1)), "CompletedWithErrors", days=1)
    marks = {TO: NOW, "from-dataverse": NOW + timedelta(hours=20)}
    now = NOW + timedelta(days=1, minutes=10)
    one = status(
        counts=Counts(3, 0, 12),
        last=note,
        watermarks=marks,
        next_run=now + timedelta(minutes=20),
    )
    expected = "CUSTOMER|10m|errors|10m|3 +2||12 +12|1d|20m"
    assert expected == "|".join(row(one, now))
    assert ("CUSTOMER", "", "never", "", "", "", "", "", "") == row(status(), now)


def test_the_widest_row_fits_80_columns():
    """The longest job name, six digits everywhere, old ages."""
    note = after(after(None, "Completed"), "CompletedWithSkipped", days=1)
    wide = status(
        "SALESPRC-PRODUCTPRICE",
        Counts(999_999, 10_000, 9_999),
        note,
        watermarks={TO: NOW - timedelta(days=998)},
        next_run=NOW + timedelta(days=21),
    )
    cells = row(wide, NOW + timedelta(days=1))
    widths = [max(len(a), len(b)) for a, b in zip(cells, COLUMNS, strict=True)]
    assert sum(widths) + len(widths) - 1 <= 80


def test_next_runs_go_to_the_job_of_the_company():
    """One without a company is the configured one's; SYNCHRONIZE is every job's."""
    jobs = [status(), status("CONTACT"), status("CURRENCY")]
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(minutes=9)
    starts = [
        ("SYNCHRONIZE", None, later),
        ("CUSTOMER", "cronus", soon),
        ("CONTACT", "Other", soon),
    ]
    assert [soon, later, later] == [s.next_run for s in scheduled(jobs, starts)]


def test_the_page_escapes_what_others_wrote():
    """A company's name or an error text is neither table, link nor HTML."""
    note = noted(
        None,
        Counts(),
        run_id="r",
        state="Failed",
        message="TL-401: <script> | [x](http://y)",
        now=NOW,
    )
    page = markdown([JobStatus("c", "A|<b>", "CUSTOMER", Counts(), note)], NOW)
    assert "## A\\|&lt;b&gt;" in page.splitlines()
    assert "- **CUSTOMER**: TL-401: &lt;script&gt; \\| \\[x\\](http://y)" in page


def test_prometheus_text_has_every_figure():
    """Gauges with company and job; quotes in names are escaped."""
    note = after(None, "Failed")
    one = JobStatus("c", 'A "B"', "CUSTOMER", Counts(1), note, {TO: NOW})
    own = 'company="A \\"B\\"",job="CUSTOMER"'
    samples = [line for line in exposition([one]).splitlines() if line[0] != "#"]
    stamp = int(NOW.timestamp())
    assert [
        f"tieline_last_run_timestamp_seconds{{{own}}} {stamp}",
        f"tieline_broken{{{own}}} 1",
        f'tieline_records{{{own},state="failing"}} 1',
        f'tieline_records{{{own},state="waiting"}} 0',
        f'tieline_records{{{own},state="skipped"}} 0',
        f'tieline_watermark_timestamp_seconds{{{own},direction="{TO}"}} {stamp}',
    ] == samples
