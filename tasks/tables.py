"""The tables that a run leaves in Prefect: counters, failures, plan, comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect.artifacts import TableArtifact

from tasks.artifact_keys import artifact_key
from tieline.errors import SystemName
from tieline.mapping import Direction, TableMapping
from tieline.markdown import cell, table_row
from tieline.report import SHOWN, JobReport, PlannedChange, RecordFailure
from tieline.session import Session
from tieline.verification import Verification
from tieline.wording import counted

TO = Direction.TO_DATAVERSE


def artifacts_of(log: RunLog) -> Iterator[TableArtifact]:
    """Yield the tables of a run: counters, failures, and what a dry run would do."""
    report = log.report
    if report.verification is not None:
        yield TableArtifact(
            key=artifact_key(report, "verify"),
            table=[*map(table_row, log.verification_rows(report.verification))],
            description=f"{report.job}: {report.verification.sentence()}",
        )
        return
    if not report.is_preview:
        yield TableArtifact(
            key=artifact_key(report, "counters"),
            table=_counter_rows(report),
            description=f"Counters of {report.job}, company {cell(report.company)}",
        )
    if report.errors:
        shown = report.errors[:SHOWN]
        yield TableArtifact(
            key=artifact_key(report, "errors"),
            table=[table_row(log.error_row(error)) for error in shown],
            description=(
                f"{len(shown)} of {counted(len(report.errors), 'failed record')}; "
                f"`tieline errors {report.job}` shows all that fail or wait now"
            ),
        )
    if report.plan_id is not None or report.changes:
        changes = report.changes[:SHOWN]
        yield TableArtifact(
            key=artifact_key(report, "plan"),
            table=[table_row(log.plan_row(*one)) for one in _flat(changes)],
            description=_plan_description(report),
        )


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
