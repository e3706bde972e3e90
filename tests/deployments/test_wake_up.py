"""A change on either side reaches the other by itself: no schedule is waited for."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from cli.wake_up import PrefectStarter
from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.dataverse import DataverseState, create_dataverse
from tests.deployments.conftest import PREFECT, ROOT, Server, until
from tests.world import Ground
from tieline.errors import RunError
from tieline.wake_up.waiting import Waiting

TIELINE = [sys.executable, "-c", "from cli.main import main; main()"]
JOBS = ("CURRENCY", "CUSTOMER")
START_LIMIT_S = 240
ARRIVAL_LIMIT_S = 120
TOML = "\n".join(f"[mappings.{job}]\nsynch_only_coupled = false" for job in JOBS)


@dataclass
class Scene:
    """Both services, and the server whose worker and receiver are running."""

    server: Server
    bc: BusinessCentralState
    company: LiveCompany
    dataverse: DataverseState
    customer: str

    def runs(self, job: str) -> list[dict[str, Any]]:
        """Return the runs that the automation started and that came to their end."""
        deployment = self.server.deployments()[job]["id"]
        found = self.server.runs(
            deployment_id={"any_": [deployment]},
            state={"type": {"any_": ["COMPLETED"]}},
        )
        return [run for run in found if run["created_by"]["type"] == "AUTOMATION"]

    def accounts(self) -> list[dict[str, Any]]:
        return [
            row for row in self.dataverse.rows("account") if row["name"] == "Adatum"
        ]


@contextmanager
def running(
    command: list[str], environment: dict[str, str], log: Path
) -> Iterator[None]:
    """Run a command beside the test; what it said is shown when the test fails."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=sink, stderr=sink
        )
        try:
            yield
        except BaseException:
            print(log.read_text(encoding="utf-8", errors="replace")[-5000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def on_server(deployed: Server) -> Iterator[Server]:
    """This process speaks to the server; its one automation that acts is ours."""
    with temporary_settings({PREFECT_API_URL: deployed.url}):
        yield deployed


async def test_the_event_has_the_deployment_run(on_server: Server) -> None:
    """The automation that ships starts it; the job counts as running from then on."""
    starter = PrefectStarter(["UNITOFMEASURE", "CURRENCY"])
    assert "UNITOFMEASURE" not in await starter.running()
    await starter.start(Waiting("UNITOFMEASURE", 0.0, notices=3, for_all=True))
    deployment = on_server.deployments()["UNITOFMEASURE"]["id"]

    def started() -> list[dict[str, Any]]:
        found = on_server.runs(deployment_id={"any_": [deployment]})
        return [run for run in found if run["created_by"]["type"] == "AUTOMATION"]

    (run,) = until("The run", started, ARRIVAL_LIMIT_S)
    assert run["auto_scheduled"] is False
    assert "UNITOFMEASURE" in await starter.running()
    ended = {"state": {"type": "CANCELLED"}, "force": True}
    on_server.post(f"/flow_runs/{run['id']}/set_state", ended).raise_for_status()
    assert "UNITOFMEASURE" not in await starter.running()


async def test_a_server_that_is_away_is_said_in_one_sentence() -> None:
    """The notice is kept by whoever asked."""
    starter = PrefectStarter(["CURRENCY"])
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(RunError, match=r"The Prefect server gives no answer"),
    ):
        await starter.running()


@pytest.fixture
def scene(deployed: Server, base: Ground, tmp_path: Path) -> Iterator[Scene]:
    """Two jobs only; the schedules of all are off."""
    bc, dataverse = BusinessCentralState(), DataverseState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    customer = company.insert("customers", {"displayName": "Adatum"})["id"]
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dataverse)
    config = tmp_path / "tieline.toml"
    config.write_text(TOML, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = deployed.environment | {
        "TIELINE_BC__URL": base.bc_url,
        "TIELINE_BC__COMPANY": "CRONUS",
        "TIELINE_DATAVERSE__URL": base.dataverse_url,
        "TIELINE_STORE__URL": f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}",
        "TIELINE_CONFIG": str(config),
        "TIELINE_WAKE_UP__PORT": str(port),
        "TIELINE_WAKE_UP__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TIELINE_WAKE_UP__KEY": "planted-secret",
        "TIELINE_WAKE_UP__COLLAPSE_S": "1",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }
    others = [
        f"/deployments/{item['id']}"
        for name, item in deployed.deployments().items()
        if name not in JOBS
    ]
    for path in others:
        deployed.post(f"{path}/pause_deployment").raise_for_status()
    receiver, worker = tmp_path / "receiver.log", tmp_path / "worker.log"
    with ExitStack() as stack:
        for path in others:
            stack.callback(deployed.post, f"{path}/resume_deployment")
        command = [*PREFECT, "worker", "start", "--pool", "tieline"]
        stack.enter_context(running(command, environment, worker))
        stack.enter_context(running([*TIELINE, "listen"], environment, receiver))
        until(
            "The subscriptions",
            lambda: (
                bc.subscriptions.entries and len(dataverse.registrations.steps) >= 3
            ),
            START_LIMIT_S,
        )
        yield Scene(deployed, bc, company, dataverse, customer)
        told = receiver.read_text(encoding="utf-8", errors="replace")
        assert "planted-secret" not in told
    bc.subscriptions.entries.clear()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_change_of_either_side_reaches_the_other(scene: Scene) -> None:
    """From the notice over the event and the automation to the job's run.

    First the receiver has every job run once, as nobody listened before. Then a
    currency of Business Central appears in Dataverse, and an account's new telephone
    number at its customer.
    """
    until("What was there", lambda: scene.accounts(), START_LIMIT_S)
    until("The end of that run", lambda: scene.runs("CUSTOMER"), START_LIMIT_S)
    scene.company.insert("currencies", {"code": "NOK", "displayName": "Krone"})
    scene.company.set_rate("NOK", date(2026, 1, 1), exchange=10, relational=1)
    scene.bc.clock.advance(31)

    def arrived() -> bool:
        rows = scene.dataverse.rows("transactioncurrency")
        return "NOK" in {row["isocurrencycode"] for row in rows}

    until("The currency", arrived, ARRIVAL_LIMIT_S)
    (account,) = scene.accounts()
    person = scene.dataverse.add_user("Ann Person", "ann@example.com")
    values = {"telephone1": "+45 1234"}
    scene.dataverse.edit_as(person, "account", account["accountid"], values)

    def number() -> Any:
        row = scene.company.row("customers", scene.customer)
        return row is not None and row["phoneNumber"] == "+45 1234"

    until("The telephone number", number, ARRIVAL_LIMIT_S)
    assert len(scene.runs("CURRENCY")) >= 2
    assert [] == scene.dataverse.courier.failed
