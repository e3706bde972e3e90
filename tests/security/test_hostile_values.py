"""What a record holds is shown as text wherever a run is told about."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from prefect import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.logging.handlers import APILogHandler

from cli.main import tieline
from emulator.business_central import BusinessCentralState, create_business_central
from emulator.dataverse import DataverseState, create_dataverse
from tests.world import Ground

NAME = "<script>x</script> [a](javascript:b) | \x1b[31m\nError: *forged*"
SHOWN = "<script>x</script> [a](javascript:b) | \\x1b[31m Error: *forged*"
MARKDOWN = (
    "&lt;script&gt;x&lt;/script&gt; \\[a\\](javascript:b) \\| \\\\x1b\\[31m "
    "Error: \\*forged\\*"
)


async def told(run_id: str) -> tuple[dict[str, Any], list[str]]:
    """Return a run's artifacts by the end of their key, and its log."""
    ids = [UUID(run_id)]
    await APILogHandler.aflush()
    async with get_client() as client:
        artifacts = await client.read_artifacts(
            artifact_filter=ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=ids)
            )
        )
        logs = await client.read_logs(
            LogFilter(flow_run_id=LogFilterFlowRunId(any_=ids))
        )
    tables = [one for one in artifacts if one.type == "table"]
    found = {(one.key or "").rpartition("-")[2]: one for one in tables}
    return {
        key: (json.loads(str(one.data)), one.description) for key, one in found.items()
    }, [log.message for log in logs]


@pytest.fixture
def customers(
    base: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefect_server: str
) -> None:
    """A customer whose name is hostile and whose salesperson is coupled to nobody."""
    for name in list(os.environ):
        if name.startswith("TIELINE_"):
            monkeypatch.delenv(name)
    bc = BusinessCentralState()
    company = bc.add_company("[CRONUS](javascript:c)", local_currency="EUR")
    company.insert("salespeoplePurchasers", {"code": "XX"})
    company.insert("customers", {"displayName": NAME, "salespersonCode": "XX"})
    company.insert("customers", {"displayName": f"Good {NAME}"})
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(DataverseState())
    monkeypatch.setenv("TIELINE_BC__URL", base.bc_url)
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", base.dataverse_url)
    store = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    monkeypatch.setenv("TIELINE_STORE__URL", store)


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(tieline, arguments)
    return result.stdout, result.stderr


def test_artifacts_log_and_terminal_show_the_text(customers: None) -> None:
    """No markup, no link, no escape sequence and no line of its own comes through."""
    plan, _ = run("run", "CUSTOMER", "--create-new", "--dry-run", "--json")
    artifacts, _ = asyncio.run(told(json.loads(plan)["flow_run_id"]))
    values = [
        row["to"] for row in artifacts["plan"][0] if row["field"] == "displayName"
    ]
    assert [f"Good {MARKDOWN}"] == values

    result, _ = run("run", "CUSTOMER", "--create-new", "--json")
    run_id = json.loads(result)["flow_run_id"]
    artifacts, log = asyncio.run(told(run_id))
    (row,) = artifacts["errors"][0]
    assert row["record"].endswith(MARKDOWN)
    assert "company \\[CRONUS\\](javascript:c)" in artifacts["counters"][1]
    assert 1 == len([one for one in log if SHOWN in one])
    assert not set("\x1b\n") & set("".join(log))

    (error,) = json.loads(run("errors", "--run", run_id, "--json")[0])
    assert error["record"].endswith(SHOWN)
    for command in (
        ["errors"],
        ["errors", "--run", run_id],
        ["run", "CUSTOMER", "--dry-run"],
        ["couplings", "CUSTOMER"],
        ["status"],
        ["log"],
    ):
        for stream in run(*command):
            assert "\x1b" not in stream, command
            assert not [one for one in stream.splitlines() if one[:6] == "Error:"]
