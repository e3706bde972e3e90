"""Dissolves what hangs on dissolved couplings in other jobs."""

from __future__ import annotations

from collections.abc import Mapping

from tieline.availability import fit_mapping
from tieline.engine.run import JobRun
from tieline.engine.uncouple import uncouple_rows
from tieline.overrides import with_overrides
from tieline.report import Counters, JobReport


async def dissolve_dependents(run: JobRun, pairs: Mapping[str, str]) -> None:
    """Dissolve what the table's rule says hangs on these pairs (BC id to Dataverse id).

    The counts are those of lines.
    """
    hook = run.hooks.dependents
    if hook is None or not pairs:
        return
    session = run.session
    for name, ids in (await hook(pairs, session)).items():
        mapping = with_overrides(run.mappings[name], session.settings)
        fitted = (await fit_mapping(mapping, session)).mapping
        report = JobReport(name)
        other = JobRun(
            fitted, run.options, session, report, run.log, mappings=run.mappings
        )
        rows = other.store.couplings(side="dataverse", ids=ids)
        done = await uncouple_rows(other, rows)
        further = dict(zip(done["bc_id"], done["dataverse_id"], strict=True))
        await dissolve_dependents(other, further)
        for direction, counters in report.directions.items():
            run.report.lines.setdefault(direction, Counters()).add(counters)
        run.report.errors += report.errors
        run.report.changes += report.changes
