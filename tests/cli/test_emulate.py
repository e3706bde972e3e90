"""`tieline emulate`: are both services there, at the addresses it prints?"""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import httpx

from tests.cli.conftest import sentence

COMMAND = [sys.executable, "-c", "from cli.main import main; main()", "emulate"]


def test_both_services_answer():
    """One line of JSON, then both are ready and full of the sample's records."""
    ports = ["--bc-port", "0", "--dataverse-port", "0"]
    with subprocess.Popen([*COMMAND, *ports], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            roots = json.loads(process.stdout.readline())
            assert {"bc", "dataverse"} == set(roots)
            companies = httpx.get(f"{roots['bc']}/api/v2.0/companies")
            accounts = httpx.get(f"{roots['dataverse']}/api/data/v9.2/accounts?$top=1")
        finally:
            process.kill()
    assert len(companies.json()["value"]) > 0
    assert 1 == len(accounts.json()["value"])


def test_a_port_that_is_taken(invoke):
    """The port and the option that changes it are named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = invoke("emulate", "--bc-port", port)
    assert 2 == result.exit_code
    assert sentence(result).startswith(f"The port {port} cannot be used: ")
    assert sentence(result).endswith("Choose another with --bc-port.")
