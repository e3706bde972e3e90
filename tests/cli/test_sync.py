"""`sync` and `full-sync`: all jobs in order, and what their runs come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.report import exit_code_of_all
from flows.full_synchronization import full_synchronization
from flows.jobs import MAPPINGS
from flows.synchronize import synchronize
from tests.cli.conftest import document, sentence
from tieline.errors import SettingsError
from tieline.report import Counters, JobReport, RecordFailure

BROKEN = JobReport("A", exit_code=1)
WRONG = JobReport("B", exit_code=2)
FAILED = JobReport("C", directions={"to-dataverse": Counters(failed=1)})
GOOD = JobReport("D")


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([GOOD], 0),
        ([GOOD, FAILED], 3),
        ([FAILED, BROKEN], 1),
        ([BROKEN, WRONG, FAILED], 2),
    ],
)
def test_the_worst_decides(reports, expected):
    """Wrong settings come before broken jobs, and those before failed records."""
    assert expected == exit_code_of_all(reports)


def test_full_sync(services, invoke, prefect_server):
    """A side that is empty is filled; the document is a list, one of each job."""
    services.company.insert("customers", {"displayName": "Adatum"})
    result = invoke("full-sync", "--json")
    told = {one["job"]: one for one in document(result)}
    assert (0, list(MAPPINGS)) == (result.exit_code, list(told))
    assert "full" == told["CUSTOMER"]["recommendation"]
    assert 1 == told["CUSTOMER"]["directions"][0]["inserted"]


def test_sync_for_people(services, invoke, monkeypatch):
    """All jobs are one table; failures and what did not run follow."""
    asked = []

    async def ran(flow, **parameters):
        asked.append((flow.name, parameters))
        failure = RecordFailure("to-dataverse", "1", None, "TL-301", "It waits.")
        failed = JobReport("CUSTOMER", state="CompletedWithErrors", errors=[failure])
        failed.counters("to-dataverse").failed = 1
        return [failed, replace(BROKEN, error_code="TL-402", message="It broke.")]

    monkeypatch.setattr("cli.sync.run_flows", ran)
    result = invoke("sync", "--dry-run", "--company", "CRONUS")
    assert [("SYNCHRONIZE", {"company": "CRONUS", "dry_run": True})] == asked
    assert 1 == result.exit_code
    assert "CompletedWithErrors" in result.stdout
    assert "It waits." in result.stdout
    assert "It broke." == sentence(result)


def test_unknown_jobs_are_refused(world):
    """A job that is not there is no wish to run nothing."""
    with pytest.raises(SettingsError, match="There is no job NOPE"):
        world.run_flow(synchronize, jobs=["NOPE"])
    reports = world.run_flow(synchronize, jobs=["unit of measure"])
    assert ["UNITOFMEASURE"] == [one.job for one in reports]


def test_settings_that_are_missing(invoke):
    """Nothing begins without addresses."""
    result = invoke("sync", "--json")
    assert (2, "TL-101") == (result.exit_code, document(result)["error"]["code"])
    assert "TIELINE_BC__URL" in sentence(result)


def test_a_job_that_breaks_holds_back_its_dependents(world):
    """Each job that could not run says why; what waits for it names it."""
    world.bc.companion = False
    reports = {one.job: one for one in world.run_flow(synchronize)}
    groups, prices = reports["CUSTPRCGRP-PRICE"], reports["SALESPRC-PRODUCTPRICE"]
    assert ("Failed", "TL-402") == (groups.state, groups.error_code)
    assert ("NotRun", "TL-400") == (prices.state, prices.error_code)
    assert "waits for CUSTPRCGRP-PRICE, which could not run" in prices.message
    assert ("Completed", 0) == (
        reports["CUSTOMER"].state,
        reports["CUSTOMER"].exit_code,
    )


@pytest.mark.parametrize("flow", [synchronize, full_synchronization])
def test_an_unknown_company_is_told_by_every_job(world, flow):
    """Each job's document has the reason; none is lost."""
    reports = world.run_flow(flow, company="Nope")
    assert list(MAPPINGS) == [one.job for one in reports]
    assert {"TL-103", "TL-400"} == {one.error_code for one in reports}
    assert 2 == exit_code_of_all(reports)
