"""`tieline status`: what runs leave behind is told without asking the services."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prefect.artifacts import Artifact

from tests.cli.conftest import document
from tieline.errors import SettingsError

RUN = ("run", "CUSTOMER", "--direction", "to-dataverse", "--create-new", "--json")


def job(told, name):
    """The status of one job of the only company."""
    (company,) = told["companies"]
    (found,) = [one for one in company["jobs"] if one["job"] == name]
    return found


def page(key="tieline-status"):
    """The newest page of this key in Prefect."""
    return asyncio.run(Artifact.aget(key)).data


def test_before_the_first_run_there_is_nothing_to_say(folder, invoke):
    """Neither services nor Prefect are asked for."""
    told = invoke("status")
    assert (True, 0) == (told.stdout.startswith("No run has come"), told.exit_code)
    assert [] == document(invoke("status", "--json"))["companies"]


def test_a_run_is_told(services, prefect_server, invoke):
    """State, success and failing records, on the terminal and in Prefect's page."""
    services.company.insert("customers", {"displayName": "Adatum"})
    services.company.insert("salespeoplePurchasers", {"code": "XX"})
    values = {"displayName": "Litware", "salespersonCode": "XX"}
    services.company.insert("customers", values)
    run = document(invoke(*RUN))
    told = job(document(invoke("status", "--json")), "CUSTOMER")
    assert (run["flow_run_id"], "CompletedWithErrors", (0, 1)) == (
        told["last_run"]["flow_run_id"],
        told["last_run"]["state"],
        (told["failing"], told["waiting"]),
    )
    assert told["last_success"] == told["last_run"]["ended"]
    shown = invoke("status").stdout.splitlines()
    assert max(map(len, shown)) <= 80
    (line,) = [one for one in shown if one.startswith("CUSTOMER ")]
    assert ["CUSTOMER", "errors"] == [line.split()[0], line.split()[2]]
    assert "| CUSTOMER |" in page()
    summary = page("customer-summary")
    assert "| to-dataverse | 1 | 1 |" in summary
    assert "| 1 | TL-301 | The salesperson XX must be coupled" in summary
    text = invoke("status", "--prometheus").stdout
    own = 'company="CRONUS",job="CUSTOMER"'
    assert f'tieline_records{{{own},state="waiting"}} 1' in text.splitlines()


def test_a_run_that_breaks_is_told_with_its_reason(
    services, prefect_server, invoke, monkeypatch
):
    """The last success stays; the sentence stands below the table and in the page."""
    invoke(*RUN)
    good = job(document(invoke("status", "--json")), "CUSTOMER")["last_success"]
    with monkeypatch.context() as patch:
        patch.setenv("TIELINE_DATAVERSE__URL", "http://127.0.0.1:9")
        assert 1 == invoke(*RUN).exit_code
    told = job(document(invoke("status", "--json")), "CUSTOMER")
    assert (good, "Failed") == (told["last_success"], told["last_run"]["state"])
    assert "CUSTOMER: TL-202: " in invoke("status").stdout
    assert "**CUSTOMER**: TL-202: " in page()


@pytest.mark.parametrize("extra", [("--dry-run",), ("--record", "C1")])
def test_a_run_of_less_than_the_job_is_no_run_of_the_job(
    services, prefect_server, invoke, extra
):
    """A dry run and one of named records say nothing of when the job last worked."""
    services.company.insert("customers", {"number": "C1", "displayName": "Adatum"})
    invoke(*RUN, *extra)
    assert None is job(document(invoke("status", "--json")), "CUSTOMER")["last_run"]


def test_next_runs_come_from_prefect(services, prefect_server, invoke, monkeypatch):
    """The schedule's starts are told where a server answers; elsewhere it is said."""
    invoke(*RUN)
    start = datetime.now(UTC) + timedelta(minutes=12, seconds=30)

    async def starts(_client):
        return [("CUSTOMER", None, start)]

    monkeypatch.setattr("tasks.schedule.next_starts", starts)
    shown = invoke("status").stdout.splitlines()
    (line,) = [one for one in shown if one.startswith("CUSTOMER ")]
    assert "12m" == line.split()[-1]

    async def away():
        raise SettingsError("Away.")

    monkeypatch.setattr("cli.prefect_ready.require_answer", away)
    told = document(invoke("status", "--json"))
    assert "Away. When jobs run next is not known." == told["schedule"]


def test_one_form_at_a_time(folder, invoke):
    """Prometheus text is no JSON."""
    assert 2 == invoke("status", "--prometheus", "--json").exit_code
