"""`tieline emulate` serves both services at the addresses that it prints."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx

from tests.cli.conftest import sentence

COMMAND = [sys.executable, "-c", "from cli.main import main; main()", "emulate"]


PORTS = ["--bc-port", "0", "--dataverse-port", "0"]
COMPANION = "/api/tieline/sync/v1.0/companies"


@contextlib.contextmanager
def _emulators(*options: str) -> Iterator[dict[str, str]]:
    with subprocess.Popen(
        [*COMMAND, *PORTS, *options], stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def test_both_services_answer():
    """One line of JSON, then both are ready and full of the sample's records."""
    with _emulators() as roots:
        assert {"bc", "dataverse"} == set(roots)
        companies = httpx.get(f"{roots['bc']}/api/v2.0/companies")
        accounts = httpx.get(f"{roots['dataverse']}/api/data/v9.2/accounts?$top=1")
        companion = httpx.get(f"{roots['bc']}{COMPANION}")
    assert len(companies.json()["value"]) > 0
    assert 1 == len(accounts.json()["value"])
    assert 200 == companion.status_code


def test_the_companion_app_can_be_left_out():
    """Business Central then has its standard API only."""
    with _emulators("--no-companion") as roots:
        companies = httpx.get(f"{roots['bc']}/api/v2.0/companies")
        companion = httpx.get(f"{roots['bc']}{COMPANION}")
    assert (200, 404) == (companies.status_code, companion.status_code)


def test_the_solutions_of_the_integration_can_be_left_out():
    """Dataverse then knows neither its tables nor its columns, but has all others."""
    with _emulators("--no-solutions") as roots:
        root = f"{roots['dataverse']}/api/data/v9.2"
        account = httpx.get(f"{root}/accounts?$top=1").json()["value"][0]
        statuses = [
            httpx.get(f"{root}/{path}").status_code
            for path in (
                "bcbi_companies",
                "nav_accountstatisticses",
                "accounts?$select=_bcbi_companyid_value",
            )
        ]
    assert [404, 404, 400] == statuses
    assert [] == [name for name in account if "bcbi_" in name or "nav_" in name]


def test_a_port_that_is_taken(invoke):
    """The port and the option that changes it are named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("emulate", "--bc-port", port)
    assert 2 == result.exit_code
    assert sentence(result).startswith(f"The port {port} cannot be used: ")
    assert sentence(result).endswith("Choose another with --bc-port.")
