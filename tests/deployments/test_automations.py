"""Lost runs are given up: those of Tieline, and no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent, RelatedResource

from deployments.set_up import AUTOMATIONS, ensure_automations, ensure_pool
from tasks import log
from tests.deployments.conftest import Server, until

DECLARED = {
    item["name"]: item
    for item in yaml.safe_load(AUTOMATIONS.read_text(encoding="utf-8"))["automations"]
}
LOST, NEVER_BEGAN = "tieline-lost-runs", "tieline-runs-that-never-began"
OURS = {log.WITH_ERRORS, log.WITH_SKIPPED, log.PLANNED, log.IDLE}
ENDS = {"Completed", "Failed", "TimedOut", "Cancelled", "Crashed"} | OURS
AGAIN = {"Scheduled", "Late", "AwaitingRetry", "AwaitingConcurrencySlot"}
FIRED_LIMIT_S = 90


def trigger(name: str) -> EventTrigger:
    return EventTrigger.model_validate(DECLARED[name]["trigger"])


@pytest.mark.parametrize(
    ("name", "after", "expected", "within_s"),
    [
        (LOST, {"heartbeat"}, ENDS | {"heartbeat"}, 3 * 180),
        (
            NEVER_BEGAN,
            {"Pending", "Submitting", "InfrastructurePending"},
            ENDS | AGAIN | {"Running", "Retrying", "heartbeat"},
            600,
        ),
    ],
)
def test_silence_alone_fires(
    name: str, after: set[str], expected: set[str], within_s: int
) -> None:
    """Every state in which a run ends is a sign of life, those of ours as well."""
    found = trigger(name)
    assert (True, False) == (found.meets_threshold(0), found.meets_threshold(1))
    assert within_s == found.within.total_seconds()
    assert {f"prefect.flow-run.{one}" for one in after} == found.after
    assert {f"prefect.flow-run.{one}" for one in expected} == found.expect


@pytest.mark.parametrize("name", [LOST, NEVER_BEGAN])
@pytest.mark.parametrize(
    ("tags", "expected"),
    [(["tieline", "job:CUSTOMER"], True), ([], False), (["tieline-other"], False)],
)
def test_other_projects_are_left_alone(
    name: str, tags: list[str], expected: bool
) -> None:
    """On a server that several projects share, the tag tells whose run it is."""
    run = {"prefect.resource.id": f"prefect.flow-run.{uuid4()}"}
    related = [
        RelatedResource.model_validate(
            {"prefect.resource.id": f"prefect.{kind}", "prefect.resource.role": role}
        )
        for kind, role in [("flow.1", "flow"), *((f"tag.{tag}", "tag") for tag in tags)]
    ]
    found = trigger(name)
    event = ReceivedEvent(
        occurred=datetime.now(UTC),
        event=min(found.after),
        resource=run,
        related=related,
        id=uuid4(),
    )
    assert expected is found.covers_resources(event.resource, event.related)


def test_setting_up_again_changes_nothing(deployed: Server) -> None:
    """A second time the pool is left as it is and each automation stays one."""
    with SyncPrefectClient(api=deployed.url) as client:
        ensure_pool(client, "tieline")
        ensure_automations(client)
        found = client.read_automations()
    assert set(DECLARED) == {item.name for item in found}
    assert [True] * len(DECLARED) == [item.enabled for item in found]


def test_a_run_that_never_began_frees_its_job(deployed: Server) -> None:
    """It ends as Crashed; a run of somebody else's in the same state stays.

    The automation is the one that ships, but for its patience.
    """
    values: dict[str, Any] = DECLARED[NEVER_BEGAN] | {"name": "impatient"}
    values["trigger"] = values["trigger"] | {"within": 10}
    flow = deployed.post("/flows/", {"name": "somebody-elses"}).json()
    with SyncPrefectClient(api=deployed.url) as client:
        made = client.create_automation(AutomationCore.model_validate(values))
    try:
        deployment = deployed.deployments()["CURRENCY"]["id"]
        ours = deployed.post(f"/deployments/{deployment}/create_flow_run").json()["id"]
        theirs = deployed.post("/flow_runs/", {"flow_id": flow["id"]}).json()["id"]
        for run in (theirs, ours):
            pending = {"state": {"type": "PENDING"}, "force": False}
            deployed.post(f"/flow_runs/{run}/set_state", pending).raise_for_status()

        def states() -> dict[str, str]:
            runs = deployed.runs(id={"any_": [ours, theirs]})
            return {run["id"]: run["state_name"] for run in runs}

        until("The end", lambda: states()[ours] == "Crashed", FIRED_LIMIT_S)
        assert "Pending" == states()[theirs]
    finally:
        with SyncPrefectClient(api=deployed.url) as client:
            client.delete_automation(made)
