"""Writes a run into the sync log: Prefect's run history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import get_client, get_run_logger, task
from prefect.artifacts import TableArtifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Failed

from tasks.artifact_keys import artifact_key as artifact_key
from tasks.artifact_keys import name_company
from tasks.overview import keep_note, write_status, write_summary
from tieline.errors import RunError, SystemName, TielineError
from tieline.mapping import Direction, TableMapping
from tieline.markdown import cell, table_row
from tieline.report import (
    SHOWN,
    JobReport,
    PlannedChange,
    RecordFailure,
    preview_summary,
    summary,
)
from tieline.session import Session
from tieline.verification import Verification
from tieline.wording import counted

TO = Direction.TO_DATAVERSE
WITH_ERRORS = "CompletedWithErrors"
WITH_SKIPPED = "CompletedWithSkipped"
PLANNED = "Planned"
NAMED = 10
"""How many records that failed a run's log names; the artifact has more."""
IDLE = "Idle"
PREFECT_GONE = (PrefectHTTPStatusError, httpx.TransportError)
"""What Prefect's client raises when its server is away; ours wraps its own errors."""


def labels_of(report: JobReport) -> dict[str, Any]:
    """Return the flow-run labels: job, company and every counter; none of dry runs."""
    labels: dict[str, Any] = {
        "tieline.job": report.job,
        "tieline.company": report.company,
    }
    if report.operation:
        labels["tieline.operation"] = report.operation
    if report.is_preview:
        # What was not written is not counted as if it were.
        return labels | {"tieline.dry_run": True}
    for prefix, directions in (
        ("tieline", report.directions),
        ("tieline.lines", report.lines),
    ):
        for direction, counters in directions.items():
            name = f"{prefix}.{direction.replace('-', '_')}"
            labels |= {f"{name}.{k}": v for k, v in counters.as_dict().items()}
    if report.verification is not None:
        counts = report.verification.counts()
        labels |= {f"tieline.verify.{name}": count for name, count in counts.items()}
    return labels


def end_state(report: JobReport) -> State[Any]:
    """Return the state that ends a run that came to its end.

    Its name goes by the records that fail or are skipped now, not by those alone that
    this run met: one record's retry does not turn a job red and green.
    """
    if report.verification is not None:
        name = WITH_ERRORS if report.verification.has_drifted else None
        return Completed(name=name, message=report.verification.sentence())
    if report.is_preview:
        return Completed(name=PLANNED, message=preview_summary(report.directions))
    message = summary(report.directions)
    stands = report.standing.sentence() if report.standing is not None else ""
    if stands:
        message = f"{message}; {stands}" if message else stands
    if report.fails_now:
        return Completed(name=WITH_ERRORS, message=message)
    if report.standing is not None and report.standing.skipped:
        return Completed(name=WITH_SKIPPED, message=message)
    return Completed(message=message)


def idle_state(until: datetime) -> State[Any]:
    """Return the state of a scheduled run that its sleeping job left out."""
    message = (
        f"Nothing to do in the last run: the job sleeps until {until:%Y-%m-%d %H:%M} "
        "UTC. A run started by hand wakes it."
    )
    return Completed(name=IDLE, message=message)


@asynccontextmanager
async def unless_refused(what: str) -> AsyncIterator[None]:
    """Let a run go on without something that Prefect's server does not take.

    Prefect's client asks for a minute before it gives up, because a server on
    SQLite answers 503 while its database is locked. What the run did with the
    records is done all the same, and its state tells it.
    """
    try:
        yield
    except PREFECT_GONE as error:
        reason = type(error).__name__
        if isinstance(error, PrefectHTTPStatusError):
            reason = f"status {error.response.status_code}"
        get_run_logger().warning(
            "Prefect's server does not take %s of this run: %s.", what, reason
        )


def as_told(error: Exception) -> TielineError:
    """Return the error that broke a run; one of Prefect's server names Prefect."""
    if isinstance(error, TielineError):
        return error
    return RunError(
        f"Prefect's server went away during the run ({type(error).__name__}).",
        advice="What was counted is done and stored: look at Prefect, and run again.",
    )


def broken_state(report: JobReport, raised: Exception) -> State[Any]:
    """Return the state of a run that an error broke, and note it in the report."""
    error = as_told(raised)
    get_run_logger().error("%s: %s", error.code, error)
    report.error_code = error.code
    report.exit_code = error.exit_code
    report.message = f"{error.code}: {error}"
    # A plan is kept only when it is whole.
    report.plan_id = None
    return Failed(message=report.message)


def name_failures(report: JobReport) -> None:
    """Name the first records that failed or wait in the run's log, with the reason."""
    log = get_run_logger()
    kinds = (("failed", "failed", report.errors), ("waits", "wait", report.waiting))
    for word, many, failures in kinds:
        for one in failures[:NAMED]:
            name = report.name_of(one) or one.source_id
            job = one.job or report.job
            log.warning("%s: %s %s: %s: %s", job, name, word, one.code, one.message)
        if len(failures) > NAMED:
            log.warning("%s: %d more %s", report.job, len(failures) - NAMED, many)


async def mark_run(report: JobReport) -> None:
    """Give the flow run its tags and a telling name as soon as both are known."""
    async with unless_refused("the tags"), get_client() as client:
        await _mark(client, report)


@task(name="log", cache_policy=NO_CACHE, persist_result=False)
async def write_log(log: RunLog) -> None:
    """Write labels and the counters, errors and plan artifacts of one run."""
    name_failures(log.report)
    state, message = log.ending
    if log.session is not None:
        name_company(log.report, log.session)
    jobs = keep_note(log.report, log.session, state=state, message=message)
    async with unless_refused("the labels or artifacts"), get_client() as client:
        if log.report.flow_run_id:
            await _write_labels(client, log.report)
        if log.report.state != IDLE:
            await write_summary(client, log, state, message)
            # The newest counters stay those of a run that looked.
            await _write_artifacts(client, log)
        await write_status(client, jobs)


async def _mark(client: PrefectClient, report: JobReport) -> None:
    """Set tags and name; the company is not known to a run that broke early."""
    context = FlowRunContext.get()
    report.operation = operation_of(report.job)
    run = None if context is None else context.flow_run
    tags = [] if run is None else list(run.tags)
    tags.append(f"job:{report.job}")
    if report.company:
        tags.append(f"company:{report.company}")
    await client.update_flow_run(
        UUID(report.flow_run_id),
        tags=list(dict.fromkeys(tags)),
        name=_run_name(report, context),
    )
    report.is_marked = True


def _run_name(report: JobReport, context: FlowRunContext | None) -> str:
    """Return what a run is called: the operation, the job, the company."""
    name = " ".join(
        part for part in (report.operation, report.job, report.company) if part
    )
    is_dry = ((context and context.parameters) or {}).get("dry_run")
    return f"{name} (dry run)" if is_dry else name


def operation_of(job: str) -> str:
    """Return the operation that is run on a job, "" for a run of the job itself."""
    context = FlowRunContext.get()
    if context is None or context.flow is None or context.flow.name == job:
        return ""
    words = [context.flow.name, (context.parameters or {}).get("action")]
    return " ".join(str(word) for word in words if word)


async def _write_labels(client: PrefectClient, report: JobReport) -> None:
    if not report.is_marked:
        await _mark(client, report)
    await client.update_flow_run_labels(UUID(report.flow_run_id), labels_of(report))


async def _write_artifacts(client: PrefectClient, log: RunLog) -> None:
    report = log.report
    if report.verification is not None:
        await TableArtifact(
            key=artifact_key(report, "verify"),
            table=[*map(table_row, log.verification_rows(report.verification))],
            description=f"{report.job}: {report.verification.sentence()}",
        ).acreate(client)
        return
    if not report.is_preview:
        await TableArtifact(
            key=artifact_key(report, "counters"),
            table=_counter_rows(report),
            description=f"Counters of {report.job}, company {cell(report.company)}",
        ).acreate(client)
    if report.errors:
        shown = report.errors[:SHOWN]
        await TableArtifact(
            key=artifact_key(report, "errors"),
            table=[table_row(log.error_row(error)) for error in shown],
            description=(
                f"{len(shown)} of {counted(len(report.errors), 'failed record')}; "
                f"`tieline errors {report.job}` shows all that fail or wait now"
            ),
        ).acreate(client)
    if report.plan_id is not None or report.changes:
        changes = report.changes[:SHOWN]
        await TableArtifact(
            key=artifact_key(report, "plan"),
            table=[table_row(log.plan_row(*one)) for one in _flat(changes)],
            description=_plan_description(report),
        ).acreate(client)


def _plan_description(report: JobReport) -> str:
    """Say what a plan is good for; a run that stopped itself has none to apply."""
    changes = counted(len(report.changes), "change")
    if report.is_dry:
        return f"{changes} that would be made; nothing was written"
    if report.plan_id is None and not report.error_code:
        return f"{counted(len(report.changes), 'record')} left as they are"
    if report.plan_id is None:
        return f"{changes} before which the run stopped"
    return (
        f"Plan {report.plan_id}: {changes}; "
        f"`tieline apply {report.plan_id}` carries it out"
    )


class RunLog:
    """A finished report and what turns its ids into links."""

    def __init__(
        self,
        report: JobReport,
        session: Session | None,
        tables: Any,
        others: Mapping[str, TableMapping] | None = None,
    ) -> None:
        """Take the report; `tables` is (BC set, Dataverse table) or None.

        `others` are the mappings of all jobs, by name: lines have tables of their own.
        """
        self.report = report
        self._others = others or {}
        self.session = session
        self._tables = tables

    @property
    def ending(self) -> tuple[str, str]:
        """Name and message of the state that the run ends in."""
        report = self.report
        if report.error_code:
            return "Failed", report.message
        if report.state:
            return report.state, report.message
        state = end_state(report)
        return state.name or "", state.message or ""

    def error_row(self, error: RecordFailure) -> dict[str, Any]:
        """Return one row of the errors artifact, with links to both records."""
        source, destination = _sides(error.direction)
        return {
            "record": self.report.name_of(error),
            "job": error.job or self.report.job,
            "direction": error.direction,
            "code": error.code,
            "message": error.message,
            "source": self.link(source, error.source_id, error.job),
            "destination": self.link(destination, error.destination_id, error.job),
        }

    def plan_row(self, change: PlannedChange, field: dict[str, Any]) -> dict[str, Any]:
        """Return one row of the plan artifact: one field of one record."""
        source, destination = _sides(change.direction)
        shown = self.report.shown
        return {
            "record": self.report.name_of(change),
            "direction": change.direction,
            "action": change.action,
            "field": field["field"],
            "from": shown(field["field"], field["from"]),
            "to": shown(field["field"], field["to"]),
            "source": self.link(source, change.source_id),
            "destination": self.link(destination, change.destination_id),
        }

    def verification_rows(self, found: Verification) -> list[dict[str, Any]]:
        """Return the artifact of a comparison: its counts, then what disagrees."""
        columns = ("record", "result", "count", "fields", "bc", "dataverse")
        rows = [
            dict.fromkeys(columns, "") | {"result": name, "count": count}
            for name, count in found.counts().items()
        ]
        listed: list[tuple[str, str | None, str | None, str]] = [
            ("different", pair.bc_id, pair.dataverse_id, ", ".join(pair.fields))
            for pair in found.different[:SHOWN]
        ]
        listed += [("only_bc", id_, None, "") for id_ in found.only_bc[:SHOWN]]
        listed += [
            ("only_dataverse", None, id_, "") for id_ in found.only_dataverse[:SHOWN]
        ]
        return rows + [
            {
                "record": self.report.known_as(bc_id, dataverse_id),
                "result": result,
                "count": "",
                "fields": fields,
                "bc": self.link("bc", bc_id),
                "dataverse": self.link("dataverse", dataverse_id),
            }
            for result, bc_id, dataverse_id, fields in listed
        ]

    def link(self, side: SystemName, id_: str | None, job: str = "") -> str:
        """Return a link to a record, as Markdown; its id where there is none."""
        if not id_ or self.session is None or self._tables is None:
            return id_ or ""
        bc_set, dataverse_table = self._tables
        if job in self._others:
            bc_set, dataverse_table = self._others[job].bc, self._others[job].dataverse
        table = bc_set if side == "bc" else dataverse_table
        page = self.session.side(side).address(table, id_)
        return f"[{id_}]({page})" if page else id_


def _counter_rows(report: JobReport) -> list[dict[str, Any]]:
    rows = [
        {"direction": direction, **counters.as_dict()}
        for direction, counters in report.directions.items()
    ]
    rows += [
        {"direction": f"{direction} (lines)", **counters.as_dict()}
        for direction, counters in report.lines.items()
    ]
    return rows or [{"direction": "none"}]


def _sides(direction: str) -> tuple[SystemName, SystemName]:
    """Return the side that is read and the side that is written."""
    return ("bc", "dataverse") if direction == TO else ("dataverse", "bc")


def _flat(
    changes: Sequence[PlannedChange],
) -> Iterator[tuple[PlannedChange, dict[str, Any]]]:
    """Yield each change with each of its fields; one without any stands once."""
    for change in changes:
        for field in change.fields or ({"field": "", "from": None, "to": None},):
            yield change, field
