"""What is deployed is scheduled, and a worker runs it to the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.business_central import (
    BusinessCentralState,
    create_business_central,
)
from emulator.dataverse import DataverseState, create_dataverse
from tests.deployments.conftest import PREFECT, ROOT, Server, until
from tests.deployments.test_prefect_yaml import ALL
from tests.world import Ground

POOL = "tieline"
SCHEDULED_LIMIT_S = 60
RUN_LIMIT_S = 120


@pytest.fixture
def calm(deployed: Server) -> Iterator[Server]:
    """Nothing starts by itself, so that a worker runs just what a test starts."""
    paths = [f"/deployments/{item['id']}" for item in deployed.deployments().values()]
    for path in paths:
        deployed.post(f"{path}/pause_deployment").raise_for_status()
    yield deployed
    for path in paths:
        deployed.post(f"{path}/resume_deployment").raise_for_status()


@pytest.fixture
def dataverse(base: Ground) -> DataverseState:
    """Both services; Business Central has one currency to send."""
    bc, dataverse = BusinessCentralState(), DataverseState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    company.insert("currencies", {"code": "NOK", "displayName": "Krone"})
    company.set_rate("NOK", date(2026, 1, 1), exchange=10, relational=1)
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dataverse)
    return dataverse


@pytest.fixture
def worker_environment(calm: Server, base: Ground, tmp_path: Path) -> dict[str, str]:
    """What a worker needs to know: Prefect's server, both services, the store."""
    return calm.environment | {
        "TIELINE_BC__URL": base.bc_url,
        "TIELINE_BC__COMPANY": "CRONUS",
        "TIELINE_DATAVERSE__URL": base.dataverse_url,
        "TIELINE_STORE__URL": f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}",
    }


def test_scheduled_runs_appear(deployed: Server) -> None:
    """Each deployment with an active schedule gets runs from the scheduler.

    Some versions of SQLAlchemy stop Prefect's scheduler and nothing else.
    """
    scheduled = {
        item["id"]: name
        for name, item in deployed.deployments().items()
        if any(schedule["active"] for schedule in item["schedules"])
    }
    assert set(ALL) - {"SYNCHRONIZE", "FULL-SYNCHRONIZATION"} == set(scheduled.values())

    def with_runs() -> bool:
        runs = deployed.runs(state={"type": {"any_": ["SCHEDULED"]}})
        seen = {run["deployment_id"] for run in runs if run["auto_scheduled"]}
        return seen >= set(scheduled)

    until("A scheduled run of each", with_runs, SCHEDULED_LIMIT_S)


def test_one_run_at_a_time_on_the_server(deployed: Server) -> None:
    """The server knows the limit of each deployment and what happens at it."""
    for name, item in deployed.deployments().items():
        assert 1 == item["global_concurrency_limit"]["limit"], name
        options = item["concurrency_options"]
        assert "CANCEL_NEW" == options["collision_strategy"], name


def test_the_run_form_describes_its_parameters(deployed: Server) -> None:
    """The form offers the parameters of a job, each with a sentence."""
    schema = deployed.deployments()["CUSTOMER"]["parameter_openapi_schema"]
    properties: dict[str, dict[str, Any]] = schema["properties"]
    expected = {
        "company",
        "direction",
        "records",
        "full",
        "create_new",
        "force",
        "update_conflict",
        "deletion_conflict",
        "dry_run",
    }
    assert expected == set(properties)
    assert all(item.get("description") for item in properties.values())


def test_the_form_refuses_a_wrong_value(calm: Server) -> None:
    """A value that a parameter does not have starts nothing."""
    deployment = calm.deployments()["CURRENCY"]
    answer = calm.post(
        f"/deployments/{deployment['id']}/create_flow_run",
        {"parameters": {"direction": "sideways"}},
    )
    assert 409 == answer.status_code
    assert "sideways" in answer.text


def test_a_worker_runs_what_the_form_started(
    calm: Server, dataverse: DataverseState, worker_environment: dict[str, str]
) -> None:
    """A run with parameters ends Completed, and its record has arrived."""
    deployment = calm.deployments()["CURRENCY"]
    parameters = {"direction": "to-dataverse", "records": ["NOK"], "create_new": True}
    run = calm.post(
        f"/deployments/{deployment['id']}/create_flow_run",
        {"parameters": parameters, "state": {"type": "SCHEDULED"}},
    ).raise_for_status()
    command = [*PREFECT, "worker", "start", "--pool", POOL, "--run-once"]
    done = subprocess.run(
        command,
        env=worker_environment,
        cwd=ROOT,
        capture_output=True,
        timeout=RUN_LIMIT_S,
        check=False,
    )
    (ended,) = calm.runs(id={"any_": [run.json()["id"]]})
    told = done.stdout.decode() + done.stderr.decode()
    assert ("COMPLETED", "Completed") == (ended["state_type"], ended["state_name"]), (
        told
    )
    assert parameters == {key: ended["parameters"][key] for key in parameters}
    assert {"tieline", "job:CURRENCY", "company:CRONUS"} <= set(ended["tags"])
    codes = {row["isocurrencycode"] for row in dataverse.rows("transactioncurrency")}
    assert "NOK" in codes


@pytest.mark.long
def test_a_sleeping_job_leaves_scheduled_runs_out(
    calm: Server, dataverse: DataverseState, worker_environment: dict[str, str]
) -> None:
    """The scheduler's second run finds the job asleep; one by hand wakes it."""
    del dataverse
    id_ = calm.deployments()["UNITOFMEASURE"]["id"]
    environment = worker_environment | {"TIELINE_INACTIVITY__ENABLED": "true"}

    def ended(path: str, body: dict[str, Any]) -> list[str]:
        """Start one run, let a worker take it, and return all runs' states."""
        calm.post(f"/deployments/{id_}/{path}", body).raise_for_status()
        done = subprocess.run(
            [*PREFECT, "worker", "start", "--pool", POOL, "--run-once"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            timeout=RUN_LIMIT_S,
            check=False,
        )
        assert 0 == done.returncode, done.stdout.decode() + done.stderr.decode()
        runs = calm.runs(deployment_id={"any_": [id_]}, start_time={"is_null_": False})
        runs.sort(key=lambda run: str(run["start_time"]))
        return [run["state_name"] for run in runs]

    now = datetime.now(UTC)
    hours = [now - timedelta(hours=back) for back in (2, 1)]
    scheduled = [
        {
            "start_time": hour.isoformat(),
            "end_time": (hour + timedelta(minutes=30)).isoformat(),
            "min_runs": 1,
            "max_runs": 1,
        }
        for hour in hours
    ]
    assert ["Completed"] == ended("schedule", scheduled[0])
    assert ["Completed", "Idle"] == ended("schedule", scheduled[1])
    by_hand = {"state": {"type": "SCHEDULED"}}
    assert ["Completed", "Idle", "Completed"] == ended("create_flow_run", by_hand)
