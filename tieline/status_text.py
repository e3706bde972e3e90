"""How the status of all jobs is written: Markdown for people, text for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tieline.markdown import cell, table
from tieline.status import JobStatus, read_status

if TYPE_CHECKING:
    from tieline.store import Store

COLUMNS = (
    "job",
    "run",
    "state",
    "good",
    "fails",
    "waits",
    "skipped",
    "read",
    "next",
)


def age(since: datetime | None, now: datetime) -> str:
    """Return how long ago a moment was, in its largest unit: 40s, 12m, 3h, 2d."""
    return "" if since is None else _span(now - since)


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{sign}{seconds // length}{unit}"
    return f"{sign}{seconds}s"


def _told(count: int, grown: int) -> str:
    words = [short(count)] if count else []
    if grown:
        words.append(f"{'+' if grown > 0 else '-'}{short(abs(grown), 1000)}")
    return " ".join(words)


def short(number: int, most: int = 10_000) -> str:
    """Return a number in at most four characters; from `most` on in thousands."""
    if number < most:
        return str(number)
    return f"{number // 1000}k" if number < 1_000_000 else f"{number // 1_000_000}M"


def row(status: JobStatus, now: datetime) -> tuple[str, ...]:
    """Return the cells of a job; the counts with what they grew by since yesterday."""
    last, trend = status.last, status.trend(now)
    counts = status.counts.as_dict()
    grown = {} if trend is None else trend[1].as_dict()
    told = [_told(count, grown.get(name, 0)) for name, count in counts.items()]
    marks = status.watermarks.values()
    coming = status.next_run
    return (
        status.job,
        age(last.ended if last else None, now),
        status.word,
        age(last.succeeded if last else None, now),
        *told,
        age(min(marks, default=None), now),
        "" if coming is None else _span(coming - now) if coming > now else "due",
    )


def to_do(status: JobStatus) -> str:
    """Return what to do about a job, "" where nothing is."""
    last = status.last
    if status.is_broken and last is not None:
        return last.message or f"The last run ended as {last.state}: look at its log."
    if status.counts.failing:
        return f"`tieline errors {status.job}` says why records fail."
    if status.counts.skipped:
        return f"`tieline errors {status.job} --skipped` says what is left out."
    return ""


def markdown(jobs: Sequence[JobStatus], now: datetime) -> str:
    """Return the page `tieline-status`: a table for each company, what to do below."""
    lines = [
        f"As of {now:%Y-%m-%d %H:%M} UTC. *run*, *good*: how long ago a run ended, and "
        "one that worked; *fails*, *waits*, *skipped*: records, with their growth "
        "since the day before; *read*: age of the older watermark, the newest change "
        "that was read; *next*: time until the next run."
    ]
    for company in dict.fromkeys(status.company for status in jobs):
        own = [status for status in jobs if status.company == company]
        lines += ["", f"## {cell(company)}", ""]
        lines += table(COLUMNS, [row(status, now) for status in own])
        advice = [(status.job, to_do(status)) for status in own]
        told = [f"- **{job}**: {cell(text)}" for job, text in advice if text]
        lines += ["", *(told or ["Nothing needs attention."])]
    return "\n".join(lines)


Sample = Callable[[JobStatus], Iterator[tuple[dict[str, str], float]]]


def metrics(store: Store) -> str:
    """Return the status of all jobs as Prometheus text, from the store alone.

    Times are seconds since 1970; a job that never ran has no times. Raises
    StoreError.
    """
    return exposition(read_status(store))


def exposition(jobs: Sequence[JobStatus]) -> str:
    """Return the text format 0.0.4 of these jobs' figures."""
    lines: list[str] = []
    for name, help_text, samples in _FIGURES:
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
        for status in jobs:
            own = {"company": status.company, "job": status.job}
            for more, value in samples(status):
                labels = ",".join(f'{k}="{_label(v)}"' for k, v in (own | more).items())
                lines.append(f"{name}{{{labels}}} {value:.15g}")
    return "\n".join([*lines, ""])


def _ended(status: JobStatus) -> Iterator[tuple[dict[str, str], float]]:
    if status.last is not None:
        yield {}, status.last.ended.timestamp()


def _succeeded(status: JobStatus) -> Iterator[tuple[dict[str, str], float]]:
    if status.last is not None and status.last.succeeded is not None:
        yield {}, status.last.succeeded.timestamp()


def _broken(status: JobStatus) -> Iterator[tuple[dict[str, str], float]]:
    yield {}, float(status.is_broken)


def _records(status: JobStatus) -> Iterator[tuple[dict[str, str], float]]:
    for name, count in status.counts.as_dict().items():
        yield {"state": name}, float(count)


def _watermarks(status: JobStatus) -> Iterator[tuple[dict[str, str], float]]:
    for direction, value in status.watermarks.items():
        yield {"direction": direction}, value.astimezone(UTC).timestamp()


_FIGURES: tuple[tuple[str, str, Sample], ...] = (
    ("tieline_last_run_timestamp_seconds", "When the last run ended.", _ended),
    ("tieline_last_success_timestamp_seconds", "When a run last worked.", _succeeded),
    ("tieline_broken", "1 where the last run could not do its work.", _broken),
    ("tieline_records", "Records that do not go through.", _records),
    ("tieline_watermark_timestamp_seconds", "Newest change read.", _watermarks),
)


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
