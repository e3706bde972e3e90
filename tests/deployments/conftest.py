"""A Prefect server as users run it, with everything deployed to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from prefect.client.base import PrefectHttpxSyncClient

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 120
PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]


@dataclass(frozen=True)
class Server:
    """Its address, and the environment of a command that talks to it."""

    url: str
    environment: dict[str, str]

    def post(self, path: str, body: Any = None) -> httpx.Response:
        """Ask as the Prefect UI does, but as patiently as Prefect's own client.

        A busy server on SQLite answers 503 when its database is locked: nothing was
        done, and the same request succeeds a little later.
        """
        with PrefectHttpxSyncClient(timeout=60, raise_on_all_errors=False) as client:
            return client.post(f"{self.url}{path}", json=body or {})

    def deployments(self) -> dict[str, dict[str, Any]]:
        """Return what is deployed, by name."""
        found = self.post("/deployments/filter").raise_for_status().json()
        return {item["name"]: item for item in found}

    def runs(self, **criteria: Any) -> list[dict[str, Any]]:
        """Return the flow runs that fulfil the criteria."""
        answer = self.post("/flow_runs/filter", {"flow_runs": criteria, "limit": 200})
        return list(answer.raise_for_status().json())


def until(what: str, check: Callable[[], Any], limit_s: float) -> Any:
    """Return the first answer of `check` that is true; fails when none comes."""
    pause, end = Event(), time.monotonic() + limit_s
    while not (answer := check()):
        assert time.monotonic() < end, f"{what}: not within {limit_s} s"
        pause.wait(0.3)
    return answer


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that nothing was ever in."""
    return tmp_path_factory.mktemp("prefect-home")


@pytest.fixture(scope="session")
def server(prefect_home: Path) -> Iterator[Server]:
    """A server with all its services, the scheduler above all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    ours = ("PREFECT_", "TIELINE_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment |= {
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = prefect_home / "server.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command, env=environment, stdout=sink, stderr=sink, cwd=prefect_home
        )
        try:
            until("Prefect's server", lambda: _answers(process, url), START_LIMIT_S)
            yield Server(url, environment)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "Prefect's server ended by itself"
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def deployed(server: Server) -> Server:
    """The server after the one command of docs/deploy.md."""
    command = [sys.executable, "deployments/set_up.py"]
    done = subprocess.run(
        command, env=server.environment, cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return server
