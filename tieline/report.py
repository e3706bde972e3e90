"""What a run did, in the words of the sync log. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any

from tieline.verification import Verification
from tieline.wording import one_line

SHOWN = 200
"""So many failures, changes or pairs are listed for people; JSON has all."""


@dataclass
class Counters:
    """The counters of one direction, as the built-in integration has them."""

    inserted: int = 0
    modified: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    deleted: int = 0
    coupled: int = 0
    uncoupled: int = 0

    def as_dict(self) -> dict[str, int]:
        """Return the counters by name, in the order of the log."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @property
    def touched(self) -> int:
        """How many records came through without failing."""
        return sum(self.as_dict().values()) - self.failed

    def add(self, other: Counters) -> None:
        """Add another count to this one."""
        for name, value in other.as_dict().items():
            setattr(self, name, getattr(self, name) + value)


@dataclass(frozen=True)
class Standing:
    """How the records of a job stand after a run, however it went with this one.

    `uncoupled` are those that runs leave alone because they are not coupled.
    """

    waiting: int = 0
    failing: int = 0
    skipped: int = 0
    uncoupled: int = 0

    def sentence(self) -> str:
        """Return what stands, such as "79 wait, 5 fail, 12 skipped"; "" for nothing."""
        words = (
            (self.waiting, "waits" if self.waiting == 1 else "wait"),
            (self.failing, "fails" if self.failing == 1 else "fail"),
            (self.skipped, "skipped"),
            (self.uncoupled, "not coupled"),
        )
        return ", ".join(f"{count} {word}" for count, word in words if count)


@dataclass(frozen=True)
class RecordFailure:
    """One record that failed in one run.

    `job` is the one that the record belongs to, a line's own for a line; `name` what
    people know the record by, its number or title.
    """

    direction: str
    source_id: str
    destination_id: str | None
    code: str
    message: str
    job: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        """Keep text of the services to its line of a log or a table."""
        object.__setattr__(self, "message", one_line(self.message))

    def as_dict(self) -> dict[str, Any]:
        """Return the failure as the JSON of `tieline run` has it."""
        document = {item.name: getattr(self, item.name) for item in fields(self)}
        document["record"] = document.pop("name")
        return document


@dataclass(frozen=True)
class PlannedChange:
    """One insert or change that a dry run would do, field by field.

    `source_id` is None of a row that several records share, as a price list. `name` is
    what people know the record by, where the run read it.
    """

    direction: str
    action: str
    source_id: str | None
    destination_id: str | None
    fields: tuple[dict[str, Any], ...]
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the change as the JSON of `tieline run` has it."""
        return {
            "direction": self.direction,
            "action": self.action,
            "source_id": self.source_id,
            "destination_id": self.destination_id,
            "fields": list(self.fields),
        }


@dataclass
class JobReport:
    """All that one flow run reports.

    `is_marked` once the flow run has its tags and its name. `operation` names what
    was run, where that is not the job itself. `is_dry` when an
    operation only lists in `changes` what it would do; it leaves no plan. `standing`
    is how the job's records stand after a run that came to its end, `are_named`
    whether the run was about some records only. `names` says by id, `codes` by field
    and option value, how people know what the report lists. `waiting` are records that
    were looked at and wait on, which is no failure. `key_company` is the company's part
    in the keys of artifacts, "" for the one in the settings.
    """

    job: str
    company: str = ""
    flow_run_id: str = ""
    is_marked: bool = False
    state: str = ""
    message: str = ""
    directions: dict[str, Counters] = field(default_factory=dict)
    lines: dict[str, Counters] = field(default_factory=dict)
    errors: list[RecordFailure] = field(default_factory=list)
    changes: list[PlannedChange] = field(default_factory=list)
    plan_id: str | None = None
    operation: str = ""
    is_dry: bool = False
    are_named: bool = False
    standing: Standing | None = None
    verification: Verification | None = None
    waiting: list[RecordFailure] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[Any, str]] = field(default_factory=dict)
    recommendation: str = ""
    warning: str = ""
    key_company: str = ""
    error_code: str = ""
    exit_code: int = 0

    def counters(self, direction: str) -> Counters:
        """Return the counters of a direction, made on first use."""
        return self.directions.setdefault(direction, Counters())

    def name_of(self, listed: RecordFailure | PlannedChange) -> str:
        """Return what people know a listed record by, on one line, "" if unknown."""
        known = listed.name or self.known_as(listed.source_id, listed.destination_id)
        return one_line(known)

    def known_as(self, *ids: str | None) -> str:
        """Return the name of the first of these ids that has one, "" if none has."""
        return next((self.names[id_] for id_ in ids if id_ in self.names), "")

    def shown(self, field: str, value: Any) -> Any:
        """Return a value of a planned change for people: by code instead of id."""
        if isinstance(value, str):
            return self.names.get(value, value)
        codes = self.codes.get(field, {})
        return codes.get(value, value) if isinstance(value, int) else value

    @property
    def failed(self) -> int:
        """How many records failed, in all directions, lines among them."""
        return sum(counters.failed for counters in self.directions.values())

    @property
    def is_preview(self) -> bool:
        """Whether the run only said what it would do, and wrote nothing."""
        return self.is_dry or self.plan_id is not None

    @property
    def fails_now(self) -> bool:
        """Whether records of the job fail, in this run or since earlier ones."""
        standing = self.standing
        return bool(self.failed or (standing is not None and standing.failing))

    @property
    def touched(self) -> int:
        """How many records came through, in all directions."""
        return sum(c.touched for c in self.directions.values())

    @property
    def reason(self) -> str:
        """Why the job broke, without the code that Prefect's state begins with."""
        return self.message.removeprefix(f"{self.error_code}: ")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as the JSON of `tieline run` has it."""
        document: dict[str, Any] = {
            "job": self.job,
            "flow_run_id": self.flow_run_id,
            "state": self.state,
            "directions": [
                {"direction": name, **counters.as_dict()}
                for name, counters in self.directions.items()
            ],
            "errors": [error.as_dict() for error in self.errors],
            "changes": [change.as_dict() for change in self.changes],
        }
        if self.plan_id is not None:
            document["plan_id"] = self.plan_id
        if self.recommendation:
            document["recommendation"] = self.recommendation
        if self.error_code:
            document["error"] = {"code": self.error_code, "message": self.reason}
        return document


def summary(directions: dict[str, Counters]) -> str:
    """Return the short state message: only counters that are not zero."""
    parts = [f"{way}: {counts_of(counters)}" for way, counters in directions.items()]
    return "; ".join(parts)


def preview_summary(directions: dict[str, Counters]) -> str:
    """Return the state message of a dry run, which wrote nothing of what it counts."""
    parts = [f"{way}: {_would(counters)}" for way, counters in directions.items()]
    return "; ".join(parts)


def _would(counters: Counters) -> str:
    words = {
        "inserted": "insert",
        "modified": "modify",
        "deleted": "delete",
        "coupled": "couple",
        "uncoupled": "uncouple",
    }
    counts = counters.as_dict()
    done = [f"{verb} {counts[name]}" for name, verb in words.items() if counts[name]]
    said = [f"would {', '.join(done)}"] if done else []
    said += [f"{counters.failed} would fail"] if counters.failed else []
    others = ("unchanged", "skipped")
    said += [f"{counts[name]} {name}" for name in others if counts[name]]
    return ", ".join(said) or "nothing to do"


def counts_of(counters: Counters) -> str:
    """Return the counters of one direction in words."""
    counts = [f"{n} {name}" for name, n in counters.as_dict().items() if n]
    return ", ".join(counts) or "nothing to do"


_collected: ContextVar[list[JobReport] | None] = ContextVar("reports", default=None)


@contextmanager
def collecting_reports() -> Iterator[list[JobReport]]:
    """Collect the reports of the flow runs that this process makes meanwhile."""
    reports: list[JobReport] = []
    token = _collected.set(reports)
    try:
        yield reports
    finally:
        _collected.reset(token)


def publish(report: JobReport) -> None:
    """Hand a report to whoever collects in this process."""
    reports = _collected.get()
    if reports is not None:
        reports.append(report)
