"""COUPLE: couples records by hand, or by what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, new_run, run_job
from flows.jobs import MAPPINGS, job_name
from tasks.stages import couple_matches, couple_pairs
from tieline import availability
from tieline.availability import fit_mapping
from tieline.conversions import column_of
from tieline.engine.named import name_ids
from tieline.engine.never_common import left_by_filling
from tieline.engine.options import RunOptions
from tieline.engine.pairs import report_unmatched
from tieline.engine.run import JobRun
from tieline.errors import SettingsError, SystemName
from tieline.mapping import (
    Direction,
    FieldMapping,
    TableMapping,
    UpdateConflictPolicy,
)
from tieline.matching import criteria_of
from tieline.overrides import with_overrides
from tieline.policies import InitialSync
from tieline.report import JobReport, PlannedChange
from tieline.session import Session


@flow(name="COUPLE", persist_result=False)
async def couple(
    job: str,
    pairs: list[str] | None = None,
    match: list[str] | None = None,
    create_new: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
    sync: InitialSync = "none",
    company: str | None = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002
) -> State[Any]:
    """Couple records of a job.

    Args:
        job: The job, for example CUSTOMER.
        pairs: Pairs BC_ID=DATAVERSE_ID; a BC number or code will do for BC_ID.
        match: Match-based coupling by FIELD, FIELD:PRIORITY or
            FIELD:PRIORITY:case; lower priorities first. Empty together with
            pairs: the mapping's own match fields.
        create_new: Create in Dataverse what found no counterpart.
        sync: The direction in which the coupled records are synchronized at
            once; fill-blanks fills what is blank on one side from the other and
            leaves fields in which both hold a value; none leaves both sides as
            they are.
        company: The Business Central company; empty for the one in the settings.
        dry_run: List what would be coupled and written, and change nothing.
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        mapping = with_overrides(declared, session.settings)
        initial = direction_of(sync)
        require_offered(mapping, initial, create_new=create_new)
        if dry_run:
            session, report.is_dry = session.for_dry_run(), True
        require_setting(mapping, session)
        fitted = (await fit_mapping(mapping, session)).mapping
        options = RunOptions.of(mapping, dry_run=dry_run)
        run = new_run(fitted, options, session, report)
        created: list[str] = []
        with job_lock(session, mapping):
            if pairs:
                done = await couple_pairs(run, await parse_pairs(run, pairs))
            else:
                matches = await couple_matches(run, criteria_of(fitted, match or []))
                done = [bc_id for bc_id, _ in matches.pairs]
                if create_new:
                    created = list(matches.unmatched)
                else:
                    report_unmatched(run, matches)
        if created:
            await _synchronize(run, mapping, created, Direction.TO_DATAVERSE)
        if done and sync == "fill-blanks":
            await _fill_blanks(run, mapping, done)
        elif done and initial is not None:
            await _synchronize(run, mapping, done, initial)

    return await logged_run(
        name, work, company=company, tables=(declared.bc, declared.dataverse)
    )


def direction_of(sync: InitialSync) -> Direction | None:
    """Return the one direction of a first synchronization, None when it has none."""
    return None if sync in ("none", "fill-blanks") else Direction(sync)


def require_offered(
    mapping: TableMapping, initial: Direction | None, *, create_new: bool
) -> None:
    """Raise SettingsError when the job does not go that way."""
    if initial is not None and not mapping.direction.covers(initial):
        msg = f"{mapping.name} does not run {initial}."
        raise SettingsError(msg, advice=f"It offers {mapping.direction}.")
    if create_new and not mapping.direction.covers(Direction.TO_DATAVERSE):
        msg = f"{mapping.name} never creates records in Dataverse."
        raise SettingsError(msg, advice="Leave out create_new.")


def require_setting(mapping: TableMapping, session: Session) -> None:
    """Raise SettingsError when the company's settings have no use for couplings."""
    availability.require_setting(mapping, session.choices.ownership)


async def parse_pairs(run: JobRun, texts: list[str]) -> list[tuple[str, str]]:
    """Return the pairs as ids; a BC record may be named by its number or code.

    Raises:
        SettingsError: a pair is malformed.
        UnknownRecord: no BC record has the number or code.
    """
    split = split_pairs(texts)
    ids = await name_ids(run, [bc_name for bc_name, _ in split])
    return [(ids[bc_name], dataverse_id) for bc_name, dataverse_id in split]


def split_pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return both names of each pair BC_ID=DATAVERSE_ID. Raises SettingsError."""
    split: list[tuple[str, str]] = []
    for text in texts:
        bc_name, separator, dataverse_id = text.partition("=")
        if not separator or not bc_name.strip() or not dataverse_id.strip():
            msg = f"The pair {text} is malformed."
            raise SettingsError(msg, advice="Write BC_ID=DATAVERSE_ID.")
        split.append((bc_name.strip(), dataverse_id.strip().strip("{}").lower()))
    return split


async def _synchronize(
    run: JobRun, mapping: TableMapping, bc_ids: list[str], direction: Direction
) -> None:
    """Run just these records in one direction, their initial synchronization."""
    options = run.options.but(
        direction=direction,
        records=tuple(bc_ids),
        only_coupled=False,
        force=True,
    )
    await run_job(mapping, options, run.session, run.report)


async def _fill_blanks(run: JobRun, mapping: TableMapping, bc_ids: list[str]) -> None:
    """Fill what one side lacks from the other, and list what is left."""
    options = run.options.but(
        records=tuple(bc_ids),
        only_coupled=True,
        update_conflict=UpdateConflictPolicy.MERGE,
        fill_blanks=True,
    )
    before, run.report.changes = run.report.changes, []
    await run_job(mapping, options, run.session, run.report)
    fields = {row.name: row for row in run.mapping.fields}
    planned = [
        part for change in run.report.changes for part in _as_fills(change, fields)
    ]
    run.report.changes = [*before, *planned, *left_by_filling(run.session)]


def _as_fills(
    change: PlannedChange, fields: Mapping[str, FieldMapping]
) -> list[PlannedChange]:
    """Split a change into what fills blanks and what overwrites values."""
    if change.action != "modify":
        return [change]
    side: SystemName = (
        "dataverse" if change.direction == Direction.TO_DATAVERSE else "bc"
    )
    parts: dict[str, list[dict[str, Any]]] = {}
    for item in change.fields:
        row = fields.get(item["field"])
        now = item["from"]
        is_blank = now is None or now == ""
        if row is not None:
            is_blank = bool(row.conversion.blank(side, column_of([now]))[0])
        parts.setdefault("fill" if is_blank else "overwrite", []).append(item)
    return [
        replace(change, action=action, fields=tuple(items))
        for action, items in parts.items()
    ]
