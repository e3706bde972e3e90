"""The service's own limits, sign-in and faults, over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from emulator.business_central import (
    BusinessCentralState,
    create_business_central,
)
from emulator.faults import Fault
from emulator.server import serve
from tests.emulator.business_central.conftest import Bench, error_of


async def test_the_window_of_requests(bench: Bench) -> None:
    """Beyond the window's number of requests comes 429, without Retry-After."""
    limits = bench.state.limits
    limits.enabled, limits.per_window = True, 3
    answers = [await bench.ask("GET", "currencies") for _ in range(4)]
    assert [200, 200, 200, 429] == [answer.status_code for answer in answers]
    assert (429, "Application_TooManyRequests") == error_of(answers[-1])
    assert "Retry-After" not in answers[-1].headers


async def test_few_run_at_once_some_wait_the_rest_is_refused(bench: Bench) -> None:
    """Two run, two queue and are served, the fifth gets 429."""
    limits = bench.state.limits
    limits.enabled, limits.concurrent, limits.queued = True, 2, 2
    bench.state.faults.add(Fault("latency", seconds=0.05))
    answers = await asyncio.gather(*(bench.ask("GET", "currencies") for _ in range(5)))
    assert [200] * 4 + [429] == sorted(answer.status_code for answer in answers)
    assert 200 == (await bench.ask("GET", "currencies")).status_code


async def test_who_waits_too_long_gets_503(bench: Bench) -> None:
    """A queued request gives up after the wait, told when to come back."""
    limits = bench.state.limits
    limits.enabled, limits.concurrent, limits.queue_wait_s = True, 1, 0.02
    bench.state.faults.add(Fault("latency", seconds=0.2, count=1))
    answers = await asyncio.gather(*(bench.ask("GET", "currencies") for _ in range(2)))
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "1" == refused.headers["Retry-After"]
    assert 200 == (await bench.ask("GET", "currencies")).status_code


async def test_limits_are_off_by_default(bench: Bench) -> None:
    """Unless enabled, nobody is refused."""
    bench.state.limits.per_window = 1
    answers = [await bench.ask("GET", "currencies") for _ in range(3)]
    assert {200} == {answer.status_code for answer in answers}


async def test_a_token_is_asked_for_once_credentials_are_set(bench: Bench) -> None:
    """401 with the service's code until a token from the endpoint is shown."""
    tokens = bench.state.tokens
    tokens.client_id, tokens.client_secret = "app", "s3cret"
    refused = await bench.ask("GET", "currencies")
    assert (401, "Authentication_InvalidCredentials") == error_of(refused)
    form = {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": "https://api.businesscentral.dynamics.com/.default",
    }
    endpoint = "http://bc.example/tenant/oauth2/v2.0/token"
    token = (await bench.client.post(endpoint, data=form)).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    answer = await bench.ask("GET", "currencies", headers=bearer)
    assert 200 == answer.status_code
    tokens.revoke()
    answer = await bench.ask("GET", "currencies", headers=bearer)
    assert 401 == answer.status_code


@pytest.fixture
def live() -> Iterator[tuple[BusinessCentralState, httpx.Client]]:
    state = BusinessCentralState()
    state.add_company("CRONUS")
    with (
        serve(create_business_central(state)) as server,
        httpx.Client(base_url=f"{server.url}/api/tieline/sync/v1.0") as client,
    ):
        yield state, client


@pytest.mark.parametrize(("kind", "rows"), [("reset-before", 0), ("reset-after", 1)])
def test_a_write_before_a_reset_is_kept_or_not(
    live: tuple[BusinessCentralState, httpx.Client], kind: str, rows: int
) -> None:
    """Over a real socket the client cannot tell, the data can."""
    state, client = live
    state.faults.add(Fault(kind, method="POST", count=1))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/currencies", json={"code": "EUR"})
    assert rows == len(state.company().rows("currencies"))
    assert rows == len(client.get("/currencies").json()["value"])


def test_another_user_edits_in_the_middle_of_a_run(
    live: tuple[BusinessCentralState, httpx.Client],
) -> None:
    """The edit lands before the second request, so the tag of the first is stale."""
    state, client = live
    row = client.post("/currencies", json={"code": "EUR"}).json()
    company = state.company()
    change = {"displayName": "Theirs"}
    state.faults.add(
        Fault(
            "edit",
            method="PATCH",
            count=1,
            edit=lambda: company.update("currencies", row["id"], change) and None,
        )
    )
    tag = {"If-Match": row["@odata.etag"]}
    path = f"/currencies({row['id']})"
    answer = client.patch(path, json={"displayName": "Ours"}, headers=tag)
    assert (409, "Theirs") == (
        answer.status_code,
        client.get(path).json()["displayName"],
    )
