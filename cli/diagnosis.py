"""What is wrong with an installation, and what to do: rules over what was looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tieline.errors import SYSTEM_TITLES
from tieline.positions import shown
from tieline.wording import counted

if TYPE_CHECKING:
    from tasks.health import Health, Stray
    from tieline.status import JobStatus
    from tieline.store import ErrorRow
    from tieline.wake_up.upkeep import Row

PROBLEM, HINT = "problem", "hint"
WORST_SKEW_S = 30
LEAST_FREE = 1_000_000_000
LARGE_STORE = 5_000_000_000
NO_SUCCESS = timedelta(hours=2)
LONG_FAILING = timedelta(days=1)
NAMED = 3
"""So many runs of a kind are named; the rest is counted."""
GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: a sentence, and what to do.

    A `problem` keeps something from working, a `hint` may be as somebody wants it.
    """

    about: str
    message: str
    advice: str
    level: str = PROBLEM

    def as_dict(self) -> dict[str, str]:
        """Return the finding as the JSON of `tieline doctor` has it."""
        return dict(vars(self))


def of_store(present: str | None, newest: str) -> Iterator[Finding]:
    """Judge the schema's revision; a store of a newer version is an error elsewhere."""
    if present is None:
        yield Finding(
            "store",
            "There is no store yet.",
            "The first run makes it; if there were runs, correct TIELINE_STORE__URL.",
            HINT,
        )
    elif present < newest:
        yield Finding(
            "store",
            f"The store was of revision {present} and is migrated to {newest} now.",
            "Nothing to do; older versions of Tieline cannot use it any more.",
            HINT,
        )


def of_disk(free: int, size: int, folder: str) -> Iterator[Finding]:
    """Judge the room that the store has; bytes."""
    if free < max(LEAST_FREE, size // 2):
        yield Finding(
            "disk",
            f"{folder} has {free / GIGABYTE:.1f} GB left for a store of "
            f"{size / GIGABYTE:.1f} GB.",
            "Make room, or move the store to a larger disk or to PostgreSQL.",
        )
    if size > LARGE_STORE:
        yield Finding(
            "store",
            f"The store takes {size / GIGABYTE:.1f} GB.",
            "Remove old entries of the journal with tieline prune.",
            HINT,
        )


def of_subscriptions(rows: Sequence[Row]) -> Iterator[Finding]:
    """Judge what is missing or expired; a hint where a service tells of some tables."""
    for system, title in SYSTEM_TITLES.items():
        own = [one for one in rows if one.system == system]
        lost = [one.table for one in own if one.standing == "missing"]
        if lost:
            yield Finding(
                "subscriptions",
                f"{title} does not tell of changes of {', '.join(lost)}.",
                "Start `tieline listen`, or run `tieline subscribe --create`.",
                HINT if any(one.standing == "active" for one in own) else PROBLEM,
            )


def of_services(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge what `tieline check` found: clocks, roles, positions, and every job."""
    for side, title in (
        ("business_central", "Business Central"),
        ("dataverse", "Dataverse"),
    ):
        ahead_s = document[side].get("clock_ahead_s", 0)
        if abs(ahead_s) > WORST_SKEW_S:
            way = "ahead of" if ahead_s > 0 else "behind"
            yield Finding(
                "clock",
                f"The clock of {title} is {abs(ahead_s)} s {way} this machine's.",
                "Let this machine take its time from a time server.",
            )
    if document["dataverse"].get("roles") == []:
        yield Finding(
            "roles",
            "The user that Tieline signs in as has no security role in Dataverse.",
            "Give it one, unless its teams have roles that suffice.",
            HINT,
        )
    for sentence in document.get("positions_ahead", ()):
        yield Finding("watermark", sentence, "See docs/backup.md for what it means.")
    broken = any(
        "error" in document[side] for side in ("business_central", "dataverse")
    )
    for job in document["jobs"]:
        if not job["ready"] and not broken:
            advice = "`tieline check` says the same; the job cannot run until then."
            yield Finding(job["job"], job["reason"], advice)
        for note in job.get("notes", ()):
            yield Finding(
                job["job"], note, "Records that need it fail until then.", HINT
            )
        if job["off"]:
            yield Finding(
                job["job"],
                f"Off, because a service does not offer them: {', '.join(job['off'])}.",
                "Install the companion app or the solution, or leave it so.",
                HINT,
            )


def of_jobs(jobs: Sequence[JobStatus], now: datetime) -> Iterator[Finding]:
    """Judge the last runs of all jobs that had one."""
    for one in jobs:
        last = one.last
        if last is None:
            continue
        about = f"{one.company}: {one.job}"
        if one.is_broken:
            yield Finding(
                about,
                f"The last run ended as {last.state}: {last.message}",
                "Its code is explained in docs/errors.md.",
            )
        elif last.succeeded is None or now - last.succeeded > NO_SUCCESS:
            yield Finding(
                about,
                f"No run worked since {shown(last.succeeded or last.ended)}.",
                "If the job should run by schedule, look at its deployment.",
                HINT,
            )


def of_errors(rows: Iterable[ErrorRow], now: datetime) -> Iterator[Finding]:
    """Judge the records that fail by themselves, waiting for nothing, for long."""
    old: dict[str, int] = {}
    for row in rows:
        if row.waiting_mapping is None and now - row.first_at > LONG_FAILING:
            old[row.mapping] = old.get(row.mapping, 0) + 1
    for job, count in old.items():
        fails = "fails" if count == 1 else "fail"
        yield Finding(
            job,
            f"{counted(count, 'record')} {fails} for more than a day.",
            f"`tieline errors {job}` says why.",
        )


def of_prefect(health: Health) -> Iterator[Finding]:
    """Judge deployments, workers and runs that do not go on."""
    if _minor(health.server) != _minor(health.client):
        yield Finding(
            "versions",
            f"Prefect's server is {health.server}, Prefect here {health.client}.",
            "Give both the versions of constraints.txt.",
        )
    if not health.deployed:
        yield Finding(
            "schedule",
            "Nothing is deployed, so nothing runs by schedule.",
            "Run deployments/set_up.py; docs/deploy.md says how.",
        )
        return
    if not any(one.is_scheduled for one in health.deployed):
        yield Finding(
            "schedule",
            "Every deployment is paused or has its schedule off.",
            "Switch on in Prefect's UI what should run.",
        )
    if any(one.is_scheduled and not one.is_ready for one in health.deployed):
        yield Finding(
            "schedule",
            "No worker asks for the runs that are due.",
            "Start one: prefect worker start --pool tieline.",
        )
    strays: tuple[tuple[str, tuple[Stray, ...], str], ...] = (
        ("late", health.late, "Start a worker, or cancel them in Prefect's UI."),
        (
            "pending",
            health.pending,
            "Cancel them in Prefect's UI: until then they hold their job's only slot.",
        ),
        (
            "running without heartbeats",
            health.silent,
            "Their process is gone: set them to Crashed in Prefect's UI.",
        ),
    )
    for word, runs, advice in strays:
        if runs:
            yield _stray(word, runs, advice)
    if not health.watches_lost_runs:
        yield Finding(
            "automation",
            "The automation tieline-lost-runs is missing or off: a run whose process "
            "was killed would hold back its job for good.",
            "Run deployments/set_up.py, or switch it on.",
        )


def _stray(word: str, runs: Sequence[Stray], advice: str) -> Finding:
    named = ", ".join(one.name for one in runs[:NAMED])
    more = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
    is_or_are = "is" if len(runs) == 1 else "are"
    since = shown(min(one.since for one in runs))
    sentence = f"{counted(len(runs), 'run')} {is_or_are} {word}, since {since}: "
    return Finding("runs", f"{sentence}{named}{more}.", advice)


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
