"""prefect.yaml names every flow that is to run by itself, and runs it in order."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml

from flows.full_synchronization import full_synchronization
from flows.jobs import FLOWS, MAPPINGS
from flows.synchronize import synchronize
from tests.deployments.conftest import ROOT

ALL = {
    **FLOWS,
    "SYNCHRONIZE": synchronize,
    "FULL-SYNCHRONIZATION": full_synchronization,
}
HALF_HOUR = 30


@pytest.fixture(scope="module")
def declared() -> dict[str, dict[str, Any]]:
    """The deployments of the file, by name."""
    text = (ROOT / "prefect.yaml").read_text(encoding="utf-8")
    return {item["name"]: item for item in yaml.safe_load(text)["deployments"]}


def minutes(deployment: dict[str, Any]) -> list[int]:
    """Return the minutes of the hour at which a deployment runs."""
    (schedule,) = deployment["schedules"]
    first, *rest = schedule["cron"].split()
    assert ["*"] * 4 == rest
    return [int(minute) for minute in first.split(",")]


def test_every_job_is_deployed(declared: dict[str, dict[str, Any]]) -> None:
    """One deployment per job, named as the job, and the two flows of all jobs."""
    assert set(ALL) == set(declared)


def test_entry_points(declared: dict[str, dict[str, Any]]) -> None:
    """Entry points are dotted, and each leads to the flow of its name.

    A path instead would put the folder flows/ first among the places that Python
    imports from, where a job's file can hide a module of the standard library.
    """
    for name, deployment in declared.items():
        module, _, attribute = deployment["entrypoint"].partition(":")
        assert "/" not in module
        assert ALL[name] is getattr(importlib.import_module(module), attribute)


def test_descriptions(declared: dict[str, dict[str, Any]]) -> None:
    """Each deployment says in words of its own what it does."""
    texts = {deployment["description"] for deployment in declared.values()}
    assert len(declared) == len(texts)
    assert all(len(text) > 40 for text in texts)


def test_each_half_hour(declared: dict[str, dict[str, Any]]) -> None:
    """Each job runs twice an hour, half an hour apart; a full run never by itself."""
    for name, deployment in declared.items():
        if name == "FULL-SYNCHRONIZATION":
            assert [] == deployment["schedules"]
        else:
            first, second = minutes(deployment)
            assert HALF_HOUR == second - first


def test_staggered_in_dependency_order(declared: dict[str, dict[str, Any]]) -> None:
    """A job starts after those it waits for, and no two start together."""
    starts = {name: minutes(declared[name])[0] for name in MAPPINGS}
    assert len(starts) == len(set(starts.values()))
    for name, mapping in MAPPINGS.items():
        for other in set(mapping.waits_for) & set(starts):
            assert starts[other] < starts[name], f"{name} waits for {other}"


def test_jobs_do_not_run_twice(declared: dict[str, dict[str, Any]]) -> None:
    """The schedule of all jobs as one is off while each has its own."""
    (schedule,) = declared["SYNCHRONIZE"]["schedules"]
    assert schedule["active"] is False


def test_one_run_at_a_time(declared: dict[str, dict[str, Any]]) -> None:
    """A run that starts while its job runs is cancelled, not queued up."""
    limit = {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    for name, deployment in declared.items():
        assert limit == deployment["concurrency_limit"], name
