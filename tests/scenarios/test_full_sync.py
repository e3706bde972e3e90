"""FULL-SYNCHRONIZATION and the order of jobs."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

import flows.job
from flows.full_synchronization import full_synchronization
from flows.jobs import MAPPINGS
from flows.synchronize import run_in_order
from tieline.errors import Busy
from tieline.report import JobReport, collecting_reports

TO, FROM = "to-dataverse", "from-dataverse"
HOLDER = """
import sys
from tieline.store import Store

with Store.open(sys.argv[1]) as store:
    with store.lock("CUSTOMER and CONTACT", company=sys.argv[2]):
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.mark.scenario(
    "CRMFullSynchronization/T101_Wave1PlusHaveNotBlankDependencyFilter"
)
def test_who_waits_for_whom():
    """The jobs of the default mappings; what is no job here is left out."""
    assert {
        "CUSTOMER": {"SALESPEOPLE", "CURRENCY"},
        "CONTACT": {"CUSTOMER"},
        "ITEM-PRODUCT": {"UNITOFMEASURE"},
        "RESOURCE-PRODUCT": {"UNITOFMEASURE"},
        "CUSTPRCGRP-PRICE": {"CURRENCY", "ITEM-PRODUCT"},
        "SALESPRC-PRODUCTPRICE": {"CUSTPRCGRP-PRICE", "ITEM-PRODUCT"},
        "POSTEDSALESINV-INV": {"CUSTOMER", "ITEM-PRODUCT", "RESOURCE-PRODUCT"},
        "CUSTOMER-STATISTICS": {"CUSTOMER"},
    } == {name: set(one.waits_for) for name, one in MAPPINGS.items() if one.waits_for}


def in_order(*broken: str) -> tuple[list[str], dict[str, str]]:
    """Run all jobs, some of which break; returns who ran and how each ended."""
    started: list[str] = []

    async def run(name: str) -> JobReport:
        started.append(name)
        if name in broken:
            return JobReport(name, state="Failed", exit_code=1)
        return JobReport(name, state="Completed")

    with collecting_reports() as reports:
        asyncio.run(run_in_order(MAPPINGS, run))
    return started, {one.job: one.state for one in reports}


@pytest.mark.scenario(
    "CRMFullSynchronization/T157_StartSyncWhenBothParentsAreFinished",
    "CRMFullSynchronization/T158_StartSyncWhenWave1And2ParentsAreFinished",
)
@pytest.mark.parametrize(
    ("broken", "left_out"),
    [
        ((), set()),
        (
            ("UNITOFMEASURE",),
            {
                "ITEM-PRODUCT",
                "RESOURCE-PRODUCT",
                "CUSTPRCGRP-PRICE",
                "SALESPRC-PRODUCTPRICE",
                "POSTEDSALESINV-INV",
            },
        ),
        (
            ("SALESPEOPLE",),
            {"CUSTOMER", "CONTACT", "POSTEDSALESINV-INV", "CUSTOMER-STATISTICS"},
        ),
    ],
)
def test_a_job_starts_when_all_it_waits_for_have_run(broken, left_out):
    """Those that one of them keeps waiting are left out, and nobody else."""
    started, states = in_order(*broken)
    assert left_out == set(MAPPINGS) - set(started)
    assert left_out == {name for name, state in states.items() if state == "NotRun"}
    for name in started:
        before = started[: started.index(name)]
        assert set(MAPPINGS[name].waits_for) <= set(before)


@pytest.mark.scenario(
    "CRMFullSynchronization/T127_FullSynchJobInheritsFiltersAndProcessesNotCoupledRecs"
)
def test_a_full_run_creates_within_the_filters(world):
    """Uncoupled records of the filter get a counterpart; the mapping stays as it is."""
    world.customer("Adatum")
    world.customer("Blocked", blocked="All")
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"])
    assert ("full", 1) == (report.recommendation, report.counters(TO).inserted)
    assert ["Adatum"] == [row["name"] for row in world.dv.rows("account")]
    world.customer("Litware")
    assert 0 == world.run("CUSTOMER").counters(TO).inserted
    assert 1 == len(world.coupled())


@pytest.fixture
def held(world, monkeypatch):
    """Another process that runs CUSTOMER, and jobs that do not wait for it."""
    monkeypatch.setattr(flows.job, "LOCK_WAIT_S", 0.0)
    world.customer("Adatum")
    world.run("CURRENCY")
    command = [sys.executable, "-c", HOLDER, world.store_url, world.company.id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            assert "held\n" == process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.mark.scenario(
    "CRMFullSynchronization/T130_CRMJobQueueEntryIsOnHoldDuringFullSynchronization",
    "CRMFullSynchronization/T165_AnyActiveSessionDisablesStartAction",
    "CRMFullSynchronization/T166_AllInactiveSessionsEnablesStartAction",
)
def test_a_job_never_runs_twice_at_once(world, held):
    """Not while the other run lives; at once when its process is gone."""
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"])
    assert (Busy.code, 1, {}) == (
        report.error_code,
        report.exit_code,
        world.coupled(),
    )
    assert Busy.code == world.run("CONTACT").error_code
    assert "" == world.run("UNITOFMEASURE").error_code
    held.kill()
    held.wait()
    (report,) = world.run_flow(full_synchronization, jobs=["CUSTOMER"])
    assert ("", 1) == (report.error_code, len(world.coupled()))


@pytest.mark.scenario("CRMFullSynchronization/T152_CRMFullSynchReviewPageOpenedTwice")
def test_every_start_looks_at_all_jobs_anew(world):
    """There is no stored plan that could lack a job."""
    world.run_flow(full_synchronization, jobs=["CURRENCY"])
    reports = world.run_flow(full_synchronization)
    assert list(MAPPINGS) == [one.job for one in reports]
    assert all(one.recommendation for one in reports)
