"""`verify`, `apply`, `undo` and `explain`, through a real Prefect server."""

from __future__ import annotations

import asyncio

import pytest
from prefect import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from tests.cli.conftest import document, sentence

TO = "to-dataverse"


@pytest.fixture
def pair(services, invoke, prefect_server):
    """A customer and its account, synchronized; with the run that did it."""
    customer = services.company.insert("customers", {"displayName": "Adatum"})
    told = document(invoke("run", "CUSTOMER", "--create-new", "--json"))
    (account,) = services.dataverse.rows("account")
    return customer["id"], account["accountid"], told["flow_run_id"]


def _artifacts(key):
    async def read():
        async with get_client() as client:
            return await client.read_artifacts(
                artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
            )

    return asyncio.run(read())


def test_verify(pair, services, invoke):
    """Agreement is 0, drift is 3; both are runs with an artifact."""
    result = invoke("verify", "customer", "--json")
    assert 0 == result.exit_code
    assert {
        "job": "CUSTOMER",
        "equal": 1,
        "different": [],
        "only_bc": [],
        "only_dataverse": [],
    } == document(result)
    services.company.update("customers", pair[0], {"displayName": "Adatum Ltd"})
    result = invoke("verify", "customer", "--json")
    assert 3 == result.exit_code
    assert [
        {"bc_id": pair[0], "dataverse_id": pair[1], "fields": ["displayName"]}
    ] == document(result)["different"]
    assert "1 different" in invoke("verify", "customer").stdout
    assert any("displayName" in found.data for found in _artifacts("customer-verify"))
    newest = document(invoke("log", "CUSTOMER", "--json"))[0]
    assert "CompletedWithErrors" == newest["state"]
    assert "1 different" in newest["message"]


def test_apply_and_undo(pair, services, invoke):
    """The plan of a dry run is applied once, and what it did is put back."""
    services.company.update("customers", pair[0], {"displayName": "Adatum Ltd"})
    plan = document(invoke("run", "CUSTOMER", "--dry-run", "--json"))["plan_id"]
    applied = document(invoke("apply", plan, "--json"))
    assert ("CUSTOMER", "Completed") == (applied["job"], applied["state"])
    assert 1 == applied["directions"][0]["modified"]
    assert "Adatum Ltd" == services.dataverse.row("account", pair[1])["name"]
    again = invoke("apply", plan)
    assert 2 == again.exit_code
    assert "applied already" in sentence(again)
    undone = invoke("undo", applied["flow_run_id"], "--field", "displayName", "--json")
    assert 0 == undone.exit_code
    assert "Adatum" == services.dataverse.row("account", pair[1])["name"]


def test_what_is_not_there(services, invoke, prefect_server):
    """Unknown plans, runs, jobs and records are wrong arguments."""
    for arguments in (
        ("apply", "nothing"),
        ("undo", "nothing"),
        ("verify", "nothing"),
        ("explain", "nothing", "10000"),
        ("explain", "CUSTOMER", "NONESUCH"),
    ):
        result = invoke(*arguments)
        assert 2 == result.exit_code
        assert sentence(result)
        assert "error" in document(invoke(*arguments, "--json"))


def test_verify_tells_why_it_broke(services, invoke, prefect_server):
    """The code stands beside the sentence, not in it."""
    result = invoke("verify", "CUSTOMER", "--company", "Nobody", "--json")
    assert 2 == result.exit_code
    error = document(result)["error"]
    assert "TL-103" == error["code"]
    assert error["message"].startswith("Business Central has no company called")


def test_explain(pair, invoke):
    """All keys are there, and people get the advice as a sentence."""
    told = document(invoke("explain", "CUSTOMER", pair[1], "--json"))
    assert [
        "job",
        "bc_id",
        "dataverse_id",
        "coupled",
        "in_filter",
        "last_result",
        "blocker",
        "next_try",
        "advice",
    ] == list(told)
    result = invoke("explain", "CUSTOMER", pair[1])
    assert 0 == result.exit_code
    assert told["advice"] in result.stdout


def test_explain_needs_both_services(services, invoke, monkeypatch):
    """Only they can say whether a record is in a filter; no Prefect is needed."""
    monkeypatch.delenv("TIELINE_DATAVERSE__URL")
    result = invoke("explain", "CUSTOMER", "10000")
    assert 2 == result.exit_code
    assert "TIELINE_DATAVERSE__URL" in sentence(result)
