"""Run reports as people read them, and the exit status that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from cli.lazy import about
from cli.output import Lines, print_table
from tieline.report import SHOWN, Counters, JobReport
from tieline.wording import one_line

WITH_FAILURES = 3
_WORST_FIRST = (2, 1, WITH_FAILURES)


def empty_report(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the document of a run that did not come about."""
    return JobReport(parameters["job"].upper()).as_dict()


def exit_code_of(report: JobReport) -> int:
    """Return the exit status: the run's own, else 3 when a record failed.

    Records that fail since earlier runs count, unless this run, as an operation does,
    was about others.
    """
    is_about_all = not (report.are_named or report.operation)
    fails = report.fails_now if is_about_all else report.failed
    return report.exit_code or (WITH_FAILURES if fails else 0)


def exit_code_of_all(reports: Sequence[JobReport]) -> int:
    """Return the exit status of several jobs: the worst, wrong settings first."""
    codes = {exit_code_of(report) for report in reports}
    return next((code for code in _WORST_FIRST if code in codes), 0)


def explain_failure(report: JobReport) -> None:
    """Say on stderr what the job did without, and why it could not run, if so."""
    if report.warning:
        warning = one_line(report.warning)
        click.echo(f"Warning: {report.job}: {warning}", err=True)
    if report.error_code:
        click.echo(f"Error: {report.reason}", err=True)
        click.echo(about(report.error_code), err=True)


def print_report(report: JobReport) -> None:
    """Print counters, planned changes and failures of one run.

    A run that did not begin has none: its sentence follows on stderr.
    """
    rows = counter_rows([("", report)])
    has_counted = any(any(counters.values()) for _, counters in rows)
    if has_counted or not report.error_code:
        title = f"{report.job} {report.company}: {report.state}"
        print_counters(title, ["direction"], rows)
    print_details(report)
    if report.flow_run_id:
        click.echo(f"Flow run {report.flow_run_id}")


Row = tuple[tuple[str, ...], dict[str, int]]
"""What a line of counters is about, and its counters."""


def counter_rows(reports: Sequence[tuple[str, JobReport]]) -> list[Row]:
    """Return a line for each direction of each run, lines of headers included."""
    return [
        ((title, name) if title else (name,), counters.as_dict())
        for title, report in reports
        for name, counters in (
            *report.directions.items(),
            *((f"{way} (lines)", lines) for way, lines in report.lines.items()),
        )
    ]


def print_counters(title: str, about_columns: Sequence[str], rows: list[Row]) -> None:
    """Print counters as a table; columns without a number are left out."""
    columns = [
        name
        for name in Counters().as_dict()
        if any(counters[name] for _, counters in rows)
    ]
    print_table(
        title,
        [*about_columns, *columns],
        [(*head, *(counters[name] for name in columns)) for head, counters in rows],
    )
    if rows and not columns:
        click.echo("Nothing to do.")


def print_details(report: JobReport) -> None:
    """Print planned changes and failures of one run, where it has any."""
    _print_changes(report)
    _print_errors(report)


def _print_changes(report: JobReport) -> None:
    if report.plan_id is None and not report.changes and not report.is_dry:
        return
    rows = [
        (
            report.name_of(change),
            change.direction,
            change.action,
            Lines(_field(report, field) for field in change.fields),
            change.source_id,
            change.destination_id,
        )
        for change in report.changes[:SHOWN]
    ]
    columns = ["record", "direction", "action", "fields", "source", "destination"]
    print_table(_title_of_changes(report), columns, rows)
    _print_rest(len(report.changes))


def _title_of_changes(report: JobReport) -> str:
    if report.plan_id is not None:
        return f"Plan {report.plan_id}: nothing was written"
    if report.is_dry:
        return "What would be done: nothing was written"
    return "What the run stopped before" if report.error_code else "Left as they are"


def _field(report: JobReport, field: dict[str, Any]) -> str:
    name = field["field"]
    before, after = (report.shown(name, field[end]) for end in ("from", "to"))
    if before is None:
        return f"{name}: {after!r}"
    return f"{name}: {before!r} to {'blank' if after is None else repr(after)}"


def _print_errors(report: JobReport) -> None:
    if not report.errors:
        return
    rows = [
        (
            report.name_of(error),
            error.job or report.job,
            error.direction,
            error.code,
            error.message,
            error.source_id,
        )
        for error in report.errors[:SHOWN]
    ]
    columns = ["record", "job", "direction", "code", "message", "source"]
    print_table("Failed records", columns, rows)
    _print_rest(len(report.errors))


def _print_rest(count: int) -> None:
    if count > SHOWN:
        click.echo(f"... and {count - SHOWN} more; --json lists all.")
