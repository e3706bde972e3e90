"""COUPLE: couples records by hand, or by what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.job import job_lock, logged_run, options_for, run_passes
from flows.jobs import MAPPINGS, job_name
from tasks.job_run import JobRun
from tasks.named import name_ids
from tasks.pairs import couple_matches, couple_pairs, report_unmatched
from tieline import availability
from tieline.availability import fit_mapping
from tieline.errors import SettingsError
from tieline.mapping import Direction, TableMapping
from tieline.matching import criteria_of
from tieline.overrides import with_overrides
from tieline.report import JobReport
from tieline.session import Session

InitialSync = Literal["to-dataverse", "from-dataverse", "none"]


@flow(name="COUPLE", persist_result=False)
async def couple(
    job: str,
    pairs: list[str] | None = None,
    match: list[str] | None = None,
    create_new: bool = False,  # noqa: FBT001, FBT002 - parameters of the run form
    sync: InitialSync = "none",
    company: str | None = None,
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
            once; none leaves both sides as they are.
        company: The Business Central company; empty for the one in the settings.
    """
    name = job_name(job)
    declared = MAPPINGS[name]

    async def work(session: Session, report: JobReport) -> None:
        mapping = with_overrides(declared, session.settings)
        initial = None if sync == "none" else Direction(sync)
        require_offered(mapping, initial, create_new=create_new)
        require_setting(mapping, session)
        fitted = (await fit_mapping(mapping, session)).mapping
        run = JobRun(fitted, options_for(mapping), session, report, get_run_logger())
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
                    report_unmatched(run, len(matches.unmatched))
        if created:
            await _synchronize(
                mapping, created, Direction.TO_DATAVERSE, session, report
            )
        if done and initial is not None:
            await _synchronize(mapping, done, initial, session, report)

    return await logged_run(
        name, work, company=company, tables=(declared.bc, declared.dataverse)
    )


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
    mapping: TableMapping,
    bc_ids: list[str],
    direction: Direction,
    session: Session,
    report: JobReport,
) -> None:
    """Run just these records in one direction, their initial synchronization."""
    options = replace(
        options_for(mapping),
        direction=direction,
        records=tuple(bc_ids),
        only_coupled=False,
        force=True,
    )
    await run_passes(mapping, options, session, report)
