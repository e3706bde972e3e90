"""Signing in: once, in time, and never to be seen."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from pydantic import SecretStr

from tests.odata.fakes import ROOT, Time, client
from tieline.business_central.refusals import classify
from tieline.errors import SettingsError, SignInRefused, Unavailable
from tieline.settings import BusinessCentralSettings

SECRET = "s3cret-value"
SETTINGS = BusinessCentralSettings(
    url=ROOT,
    client_id="app",
    client_secret=SecretStr(SECRET),
    token_url=f"{ROOT}/token",
)


class Service:
    """Gives out numbered tokens and refuses the ones listed."""

    def __init__(self, lifetime_s: int = 3600) -> None:
        self.lifetime_s = lifetime_s
        self.given = 0
        self.refused: set[str] = set()
        self.used: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            self.given += 1
            body = {"access_token": f"t{self.given}", "expires_in": self.lifetime_s}
            return httpx.Response(200, json=body)
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.used.append(token)
        return httpx.Response(401 if token in self.refused else 200, json={})


async def test_one_sign_in_serves_many_requests() -> None:
    """Requests that start together share one token."""
    service = Service()
    async with client(service, classify, settings=SETTINGS) as sender:
        await asyncio.gather(*(sender.get(f"{ROOT}/x") for _ in range(6)))
    assert (1, {"t1"}) == (service.given, set(service.used))


async def test_a_token_is_replaced_before_it_expires() -> None:
    """A long run signs in again in time."""
    service, time = Service(lifetime_s=3600), Time()
    async with client(service, classify, time=time, settings=SETTINGS) as sender:
        await sender.get(f"{ROOT}/x")
        await time.sleep(3400)
        await sender.get(f"{ROOT}/x")
    assert service.used == ["t1", "t2"]


async def test_a_refused_token_is_replaced_once() -> None:
    """A 401 asks for a new token and the request goes again."""
    service = Service()
    service.refused = {"t1"}
    async with client(service, classify, settings=SETTINGS) as sender:
        await sender.get(f"{ROOT}/x")
        assert service.used == ["t1", "t2"]
        service.refused = {"t2", "t3"}
        with pytest.raises(SignInRefused):
            await sender.get(f"{ROOT}/x")
    assert service.given == 3


async def test_refused_credentials_say_so_without_the_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The error names the endpoint's code; secret and token are nowhere."""

    def handler(request: httpx.Request) -> httpx.Response:
        text = f"AADSTS7000215: Invalid client secret {SECRET}"
        body = {"error": "invalid_client", "error_description": text}
        return httpx.Response(401, json=body)

    with caplog.at_level(logging.DEBUG):
        async with client(handler, classify, settings=SETTINGS) as sender:
            with pytest.raises(SignInRefused) as caught:
                await sender.get(f"{ROOT}/x?$filter=name eq 'ACME'")
    assert "invalid_client, AADSTS7000215" in str(caught.value)
    assert SECRET not in str(caught.value) + caplog.text


async def test_a_token_endpoint_that_cannot_be_reached_is_given_up_soon() -> None:
    """Its address may be wrong: nobody waits a minute to learn that."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    time = Time()
    async with client(handler, classify, time=time, settings=SETTINGS) as sender:
        with pytest.raises(Unavailable) as caught:
            await sender.get(f"{ROOT}/x")
    text = str(caught.value)
    assert "The token endpoint for Business Central at" in text
    assert text.endswith("Check the network and TIELINE_BC__TOKEN_URL.")
    assert sum(time.slept) <= 10


async def test_logs_hold_no_token_and_no_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Debug logs show the path only."""
    with caplog.at_level(logging.DEBUG):
        async with client(Service(), classify, settings=SETTINGS) as sender:
            await sender.get(f"{ROOT}/x?$filter=name%20eq%20'ACME'")
    assert "/x" in caplog.text
    assert not [word for word in ("ACME", "t1", SECRET) if word in caplog.text]


def test_without_client_id_only_this_machine_is_accepted() -> None:
    """No credentials: allowed for loopback, refused elsewhere, address or none."""
    for url in ("https://api.example.com", ""):
        settings = BusinessCentralSettings(url=url)
        with pytest.raises(SettingsError):
            client(Service(), classify, settings=settings)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"tenant_id": "t"}, "The client secret for Business Central is missing."),
        (
            {"client_secret": SecretStr(SECRET)},
            "The tenant that signs in to Business Central is missing.",
        ),
    ],
)
def test_half_of_the_credentials_is_refused_before_any_request(given, missing) -> None:
    """What is missing is named; nobody waits for a sign-in that cannot work."""
    settings = BusinessCentralSettings(
        url="http://localhost:1", client_id="app", **given
    )
    with pytest.raises(SettingsError, match=missing):
        client(Service(), classify, settings=settings)


async def test_an_address_that_is_no_token_endpoint_is_told_by_its_status() -> None:
    """A service's own error body is not mistaken for a sign-in's code."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"error": {"code": "x", "message": "y"}})

    async with client(handler, classify, settings=SETTINGS) as sender:
        with pytest.raises(SignInRefused, match=r"refused \(status 404\)") as caught:
            await sender.get(f"{ROOT}/x")
    assert "Check TIELINE_BC__TOKEN_URL" in str(caught.value)
