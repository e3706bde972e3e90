"""The page on top of a run: what was done, what fails and why, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tieline.failures import comparable
from tieline.markdown import cell, table
from tieline.report import JobReport
from tieline.store import ErrorRow, Store

MOST_ROWS = 1000
"""So many of the stored errors are grouped at most: the oldest."""
MOST_REASONS = 15
_COUNTERS = (
    "failed",
    "inserted",
    "modified",
    "unchanged",
    "skipped",
    "deleted",
    "coupled",
    "uncoupled",
)


@dataclass(frozen=True)
class Held:
    """A record that does not go through: what is needed to group it and to find it."""

    job: str
    direction: str
    id: str
    name: str
    code: str
    message: str
    waits: bool


Link = Callable[[Held], str]
"""Gives the link to a record, or its id where there is none."""


def held_records(
    report: JobReport, store: Store | None, company: str
) -> tuple[list[Held], bool]:
    """Return the records that a run is about and that fail or wait, and if all.

    After a run of a whole job that is what the store says now, else what the run
    itself met.
    """
    met = [
        Held(
            one.job or report.job,
            one.direction,
            one.source_id,
            report.name_of(one),
            one.code,
            one.message,
            waits,
        )
        for failures, waits in ((report.errors, False), (report.waiting, True))
        for one in failures
    ]
    if store is None or report.are_named or report.is_preview or report.operation:
        return met, True
    rows = store.list_errors(company, report.job, rows=MOST_ROWS)
    lines = [one for one in met if one.job != report.job]
    return [*map(_held, rows), *lines], len(rows) < MOST_ROWS


def _held(row: ErrorRow) -> Held:
    return Held(
        row.mapping,
        row.direction,
        row.source_id,
        row.source_title or row.source_key or "",
        row.code,
        row.message,
        row.waiting_mapping is not None,
    )


def page(
    report: JobReport,
    *,
    state: str,
    message: str,
    held: Sequence[Held],
    is_all: bool = True,
    link: Link = lambda one: cell(one.id),
) -> str:
    """Return the summary of a run as Markdown."""
    told = message.removeprefix(f"{report.error_code}: ") if report.error_code else ""
    heading = f"**{cell(state or 'Completed')}**"
    lines = [f"{heading}: {cell(message)}." if message and not told else f"{heading}."]
    if told:
        lines = [f"{heading}, {report.error_code}: {cell(told)}"]
    if report.warning:
        lines += ["", f"Warning: {cell(report.warning)}"]
    lines += _counted(report)
    lines += _reasons(held, link, is_all=is_all)
    lines += ["", "### What to do", ""]
    lines += [f"- {one}" for one in advice(report, held)] or ["Nothing."]
    return "\n".join(lines)


def _counted(report: JobReport) -> Iterator[str]:
    """Yield the table of counters, failures first; columns of zeros are left out."""
    counted = {**report.directions}
    counted |= {f"{way} (lines)": c for way, c in report.lines.items()}
    rows = {way: counters.as_dict() for way, counters in counted.items()}
    names = [name for name in _COUNTERS if any(row[name] for row in rows.values())]
    if names:
        yield ""
        cells = ((way, *(row[name] for name in names)) for way, row in rows.items())
        yield from table(("direction", *names), cells)


def _reasons(held: Sequence[Held], link: Link, *, is_all: bool) -> Iterator[str]:
    """Yield what fails and what waits, by reason, those that hold most first."""
    for waits, title in ((False, "What fails"), (True, "What waits")):
        groups: dict[tuple[str, str, str], list[Held]] = {}
        for one in held:
            if one.waits is waits:
                key = (one.job, one.code, comparable(one.message))
                groups.setdefault(key, []).append(one)
        if not groups:
            continue
        ordered = sorted(groups.values(), key=len, reverse=True)
        yield from ("", f"### {title}", "")
        yield "| records | code | reason | for example |"
        yield "| --- | --- | --- | --- |"
        for group in ordered[:MOST_REASONS]:
            first = group[0]
            shown = f"{cell(first.name)} {link(first)}".strip()
            yield f"| {len(group)} | {first.code} | {cell(first.message)} | {shown} |"
        if len(ordered) > MOST_REASONS:
            yield from ("", f"And {len(ordered) - MOST_REASONS} more reasons.")
    if not is_all:
        yield from ("", f"These are the oldest {MOST_ROWS} of them.")


def advice(report: JobReport, held: Sequence[Held]) -> list[str]:
    """Return what to do after a run, the most urgent first; each a line."""
    job, standing = report.job, report.standing
    fails = any(not one.waits for one in held)
    fails |= standing is not None and standing.failing > 0
    told: list[str] = []
    if report.error_code:
        told.append(
            f"Do what the sentence above says; {report.error_code} is explained in "
            "`docs/errors.md`. The next run goes on from where this one was."
        )
    if report.recommendation:
        told.append(cell(report.recommendation))
    if report.plan_id is not None:
        told.append(f"`tieline apply {report.plan_id}` carries the plan out.")
    if fails and not report.is_preview:
        told.append(
            f"Mend what the reasons name; the codes are explained in `docs/errors.md`. "
            f"`tieline errors {job}` lists every record. The next runs try again; "
            f"`tieline resolve {job} retry --all` does at once."
        )
    if any(one.waits for one in held):
        told.append(
            "What waits goes through by itself when what it waits for is there."
        )
    if standing is not None and standing.skipped:
        told.append(
            f"`tieline errors {job} --skipped` lists what is skipped until it changes."
        )
    if standing is not None and standing.uncoupled:
        told.append(
            f"Records that are not coupled are left alone: `tieline couple {job}` "
            f"couples them, `tieline run {job} --create-new` creates counterparts."
        )
    return told
