"""Writes a run into the sync log: Prefect's run history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Completed, Failed

from tasks.artifact_keys import artifact_key as artifact_key
from tasks.artifact_keys import name_company
from tasks.overview import keep_note, write_status, write_summary
from tasks.tables import RunLog as RunLog
from tasks.tables import _plan_description as _plan_description
from tasks.tables import artifacts_of
from tieline.errors import RunError, TielineError
from tieline.report import (
    Counters,
    JobReport,
    counts_of,
    preview_summary,
    summary,
)

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


def leave_out_ends_of_tasks() -> None:
    """Keep "Finished in state Completed()" of every stage out of a run's log.

    What the stages did is said by the run itself; their warnings are kept.
    """
    logging.getLogger("prefect.task_runs").setLevel(logging.WARNING)


async def mark_run(report: JobReport) -> None:
    """Give the flow run its tags and a telling name as soon as both are known."""
    async with unless_refused("the tags"), get_client() as client:
        await _mark(client, report)


@task(name="log", cache_policy=NO_CACHE, persist_result=False)
async def write_log(log: RunLog) -> None:
    """Write labels and the counters, errors and plan artifacts of one run."""
    name_failures(log.report)
    state, message = _ending(log.report)
    if log.session is not None:
        name_company(log.report, log.session)
    jobs = keep_note(log.report, log.session, state=state, message=message)
    async with unless_refused("the labels or artifacts"), get_client() as client:
        writes: list[Awaitable[object]] = [write_status(client, jobs)]
        if log.report.flow_run_id:
            writes.append(_write_labels(client, log.report))
        if log.report.state != IDLE:
            writes.append(write_summary(client, log, state, message))
            # The newest counters stay those of a run that looked.
            writes += [made.acreate(client) for made in artifacts_of(log)]
        # Together: one after the other they are the longest part of a small run.
        await asyncio.gather(*writes)


def _ending(report: JobReport) -> tuple[str, str]:
    """Return name and message of the state in which a run ends, or has ended."""
    if report.error_code:
        return "Failed", report.message
    if report.state:
        return report.state, report.message
    state = end_state(report)
    return state.name or "", state.message or ""


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
    run_id = UUID(report.flow_run_id)
    await client.update_flow_run_labels(run_id, labels_of(report))
    name = f"{_run_name(report, FlowRunContext.get())}: {outcome_in_words(report)}"
    await client.update_flow_run(run_id, name=name)


def outcome_in_words(report: JobReport) -> str:
    """Return what a run came to, in the few words that its name has room for."""
    if report.error_code:
        return f"broken, {report.error_code}"
    if report.verification is not None:
        return "drift" if report.verification.has_drifted else "equal"
    total = Counters()
    for counters in report.directions.values():
        total.add(counters)
    total.unchanged = total.skipped = 0
    return counts_of(total)
