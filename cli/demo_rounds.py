"""Course of the demo: all jobs, edits on both sides, all jobs again.

Imported only when the environment is the demo's own: Prefect reads its settings
when it is imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from cli.demo_edits import Edits, edit_both_sides
from cli.history import read_runs
from emulator.business_central import BusinessCentralState
from emulator.dataverse import DataverseState
from flows.couple import couple
from flows.jobs import FLOWS, MAPPINGS
from flows.verify import verify
from tieline.errors import TielineError
from tieline.mapping import Direction
from tieline.report import JobReport, collecting_reports
from tieline.settings import load_settings
from tieline.store import Store
from tieline.verification import Verification

Say = Callable[[str], None]
HAND_OVER_S = 10.0

MATCHED: dict[str, tuple[list[str], Direction]] = {
    "SALESPEOPLE": (["email"], Direction.FROM_DATAVERSE),
    "CUSTOMER": (["displayName:1", "email:2"], Direction.TO_DATAVERSE),
}
"""Jobs whose records are on both sides already: what couples them, who is right."""

COMPARED = "CUSTOMER"
"""The job whose sides are edited, and compared at the end."""


@dataclass
class Play:
    """All that the demo did."""

    runs: list[tuple[str, JobReport]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    edits: Edits = field(default_factory=lambda: Edits((), ""))
    verification: Verification = field(default_factory=lambda: Verification(COMPARED))
    names: dict[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether every job ran and every coupled customer is equal."""
        ran = all(not report.exit_code for _, report in self.runs)
        found = self.verification
        return ran and found.equal > 0 and not found.different

    def steps(self) -> dict[str, str]:
        """Return which part of the demo each flow run belongs to."""
        return {report.flow_run_id: step for step, report in self.runs}


def play(bc: BusinessCentralState, dataverse: DataverseState, say: Say) -> Play:
    """Play both rounds, and compare the two sides at the end.

    Hands over what Prefect has queued for its server: whoever stops that server
    afterwards would make this process wait for it in vain. A run that crashes
    does not keep the others from running.
    """
    try:
        return asyncio.run(_play(bc, dataverse, say))
    finally:
        EventsWorker.drain_all(timeout=HAND_OVER_S)
        APILogWorker.drain_all(timeout=HAND_OVER_S)


async def _play(bc: BusinessCentralState, dataverse: DataverseState, say: Say) -> Play:
    done = Play()

    async def run(step: str, flow: Any, **parameters: Any) -> None:
        with collecting_reports() as reports:
            state = await flow(**parameters, return_state=True)
        report = reports[0] if reports else _crashed(parameters, flow, state)
        done.runs.append((step, report))
        say(f"  {step}: {report.job}: {report.message or report.state}")

    say(f"Round 1: {', '.join(MAPPINGS)}")
    for name in MAPPINGS:
        if name in MATCHED:
            match, sync = MATCHED[name]
            await run(
                "couple",
                couple,
                job=name,
                match=match,
                sync=sync.value,
                create_new=sync is Direction.TO_DATAVERSE,
            )
        await run("round 1", FLOWS[name], full=True, create_new=True)
    done.edits = edit_both_sides(bc, dataverse, _coupled(bc.company().id))
    say("Edits on both sides")
    for sentence in done.edits.sentences:
        say(f"  {sentence}")
    say("Round 2")
    for name in MAPPINGS:
        await run("round 2", FLOWS[name], create_new=True)
    say("A decision: Business Central is right about the two e-mail addresses")
    await run(
        "decide",
        FLOWS[COMPARED],
        records=[done.edits.contested],
        direction=Direction.TO_DATAVERSE.value,
        force=True,
    )
    say("Reading both sides anew to compare them")
    with collecting_reports() as reports:
        await verify(job=COMPARED, return_state=True)
    if reports and reports[0].verification is not None:
        done.verification, done.names = reports[0].verification, reports[0].names
    comparison = 1
    done.log = await read_runs(list(MAPPINGS), limit=len(done.runs) + comparison)
    done.log.reverse()
    return done


def _coupled(company_id: str) -> dict[str, str]:
    """Return the account of every coupled customer."""
    pairs: dict[str, str] = {}
    with Store.open(load_settings().store.address) as store:
        for frame in store.each_coupling(company_id, COMPARED):
            rows = frame.reset_index()
            pairs |= dict(zip(rows["bc_id"], rows["dataverse_id"], strict=True))
    return pairs


def _crashed(parameters: dict[str, Any], flow: Any, state: Any) -> JobReport:
    """Return the report of a run that broke off before it could report."""
    return JobReport(
        parameters.get("job", flow.name),
        state=state.name,
        message=f"broke off: {state.message}",
        exit_code=1,
        error_code=TielineError.code,
    )
