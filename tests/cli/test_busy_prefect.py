"""A run whose Prefect server is too busy to take its log still ends and reports."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from tests.cli.conftest import document

TO = "to-dataverse"
OF_THE_LOG = ("/labels", "/artifacts/", "/artifacts/filter", "/flow_runs/filter")


class Busy:
    """Answers the requests of the log as a server on SQLite does that is busy."""

    def __init__(self, patch: pytest.MonkeyPatch, *, times: int) -> None:
        """Refuse each of them `times` times."""
        self.asked: Counter[str] = Counter()
        send = httpx.AsyncClient.send

        async def refuse(client, request, **options):
            path = request.url.path
            ours = path.startswith("/api/") and path.endswith(OF_THE_LOG)
            tags = request.method == "PATCH" and path.startswith("/api/flow_runs/")
            if not (ours or tags):
                return await send(client, request, **options)
            name = f"{request.method} {path}"
            self.asked[name] += 1
            if self.asked[name] > times:
                return await send(client, request, **options)
            return httpx.Response(503, headers={"Retry-After": "0"}, request=request)

        patch.setattr(httpx.AsyncClient, "send", refuse)


@pytest.fixture
def customer(services, prefect_server):
    """A customer whose salesperson is coupled to nobody, and one that is fine."""
    services.company.insert("salespeoplePurchasers", {"code": "XX"})
    services.company.insert("customers", {"displayName": "Adatum"})
    services.company.insert(
        "customers", {"displayName": "Litware", "salespersonCode": "XX"}
    )


RUN = ("run", "CUSTOMER", "--direction", TO, "--create-new", "--json")


def test_a_busy_server_is_asked_again(customer, invoke, monkeypatch):
    """503 is no answer: tags, labels and artifacts are written, the log is read."""
    busy = Busy(monkeypatch, times=2)
    told = document(invoke(*RUN))
    assert "CompletedWithErrors" == told["state"]
    newest = document(invoke("log", "CUSTOMER", "--json"))[0]
    assert (told["flow_run_id"], told["directions"], "CRONUS") == (
        newest["flow_run_id"],
        newest["directions"],
        newest["company"],
    )
    of_run = document(invoke("errors", "--run", told["flow_run_id"], "--json"))
    assert ["TL-301"] == [error["code"] for error in of_run]
    assert min(busy.asked.values()) > 2


def test_a_log_that_is_refused_for_good_loses_no_run(
    customer, services, invoke, monkeypatch
):
    """The run ends as its records say, and reports; only the log lacks a part."""
    Busy(monkeypatch, times=10_000)
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        result = invoke(*RUN)
    told = document(result)
    assert (3, "CompletedWithErrors") == (result.exit_code, told["state"])
    assert [(1, 1)] == [(d["inserted"], d["failed"]) for d in told["directions"]]
    (account,) = services.dataverse.rows("account")
    assert "Adatum" == account["name"]
