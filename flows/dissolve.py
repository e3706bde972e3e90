"""What hangs on dissolved couplings in other jobs is dissolved with them."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.job_run import JobRun
from tasks.uncouple import uncouple_rows
from tieline.availability import fit_mapping
from tieline.mapping import TableMapping
from tieline.overrides import with_overrides
from tieline.report import JobReport


async def dissolve_dependents(
    run: JobRun, pairs: Mapping[str, str], declared: Mapping[str, TableMapping]
) -> None:
    """Dissolve what the mapping says hangs on these pairs (BC id to Dataverse id).

    `declared` holds the mappings of all jobs by name. The counts are those of lines.
    """
    hook = run.mapping.hooks.uncoupled
    if hook is None or not pairs:
        return
    session = run.session
    for name, ids in (await hook(dict(pairs), session)).items():
        mapping = with_overrides(declared[name], session.settings)
        fitted = (await fit_mapping(mapping, session)).mapping
        report = JobReport(name)
        other = JobRun(fitted, run.options, session, report, run.log)
        rows = session.store.couplings(
            session.company_id, name, side="dataverse", ids=ids
        )
        done = await uncouple_rows(other, rows)
        further = dict(zip(done["bc_id"], done["dataverse_id"], strict=True))
        await dissolve_dependents(other, further, declared)
        for direction, counters in report.directions.items():
            run.report.lines.setdefault(direction, type(counters)()).add(counters)
        run.report.errors += report.errors
        run.report.changes += report.changes
