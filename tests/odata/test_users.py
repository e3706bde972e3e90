"""Several application users of a service: requests are spread, limits add up."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from pydantic import SecretStr

from tests.odata.fakes import ROOT, Time, client
from tests.world import World
from tieline.business_central.refusals import classify
from tieline.errors import SettingsError
from tieline.service_settings import BusinessCentralSettings, UserSettings
from tieline.settings import load_settings

TOKEN_URL = f"{ROOT}/token"


def two_users(**more: object) -> BusinessCentralSettings:
    """Settings with the users app and second."""
    return BusinessCentralSettings(
        url=ROOT,
        token_url=TOKEN_URL,
        client_id="app",
        client_secret=SecretStr("one"),
        users=[UserSettings(client_id="second", client_secret=SecretStr("two"))],
        **more,
    )


class Service:
    """Knows each user by the token, and refuses the ones it is told to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.refused: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            (user,) = [
                part.removeprefix("client_id=")
                for part in request.content.decode().split("&")
                if part.startswith("client_id=")
            ]
            return httpx.Response(200, json={"access_token": user, "expires_in": 3600})
        self.seen.append(request.headers["Authorization"].removeprefix("Bearer "))
        if self.seen[-1] in self.refused:
            return httpx.Response(429, headers={"Retry-After": "30"}, json={})
        return httpx.Response(200, json={})


async def test_requests_are_spread_over_the_users() -> None:
    """Requests that run together go to the users in equal shares."""
    service = Service()
    async with client(service, classify, settings=two_users()) as sender:
        await asyncio.gather(*(sender.get(f"{ROOT}/x") for _ in range(8)))
    assert {"app": 4, "second": 4} == Counter(service.seen)


async def test_a_user_that_is_slowed_down_is_passed_over() -> None:
    """A 429 for one user costs no pause while another one is free."""
    service, time = Service(), Time()
    service.refused = {"app"}
    async with client(service, classify, time=time, settings=two_users()) as sender:
        for _ in range(3):
            await sender.get(f"{ROOT}/x")
    assert ["app", "second", "second", "second"] == service.seen
    assert [] == time.slept


def test_a_further_user_needs_a_secret() -> None:
    """Half of a further user is refused with its name."""
    settings = two_users()
    settings.users.append(UserSettings(client_id="third"))
    with pytest.raises(SettingsError, match="the user third of Business Central"):
        client(Service(), classify, settings=settings)


def test_further_users_sign_in_with_secrets_only() -> None:
    """A managed identity is one identity: there is no second one to spread over."""
    with pytest.raises(SettingsError, match="sign in with a client secret only"):
        client(Service(), classify, settings=two_users(auth="managed-identity"))


def test_further_users_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list is one variable, as JSON."""
    monkeypatch.setenv(
        "TIELINE_DATAVERSE__USERS", '[{"client_id": "b", "client_secret": "s3cret"}]'
    )
    (user,) = load_settings().dataverse.users
    assert ("b", "s3cret") == (user.client_id, user.client_secret.get_secret_value())
    assert "s3cret" not in repr(user)


@pytest.mark.timeout(120)
def test_the_limits_of_two_users_add_up(world: World) -> None:
    """A run that asks for more than one user may goes through with two, unrefused."""
    tokens, limits = world.dv.ground.tokens, world.dv.limits
    tokens.client_id, tokens.client_secret = "app", "one"
    tokens.others = {"second": "two"}
    root = load_settings().dataverse.url
    for name, value in {
        "CLIENT_ID": "app",
        "CLIENT_SECRET": "one",
        "TOKEN_URL": f"{root}/t/oauth2/v2.0/token",
        "USERS": '[{"client_id": "second", "client_secret": "two"}]',
    }.items():
        world.environment.setenv(f"TIELINE_DATAVERSE__{name}", value)
    for number in range(30):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    counters = world.dv.ground.counters
    asked = []
    for round_ in range(2):
        for row in world.company.rows("customers"):
            world.edit_customer(row["id"], phoneNumber=str(round_))
        world.bc.clock.advance(600)
        world.dv.clock.advance(600)
        counters.reset()
        report = world.run("CUSTOMER")
        assert {"modified": 30} == world.counts(report, "to-dataverse")
        asked.append(counters.received)
        limits.enabled, limits.requests = True, counters.received // 2 + 1
    assert asked[1] > limits.requests > 2
    assert {"app", "second"} == set(tokens.holders.values())
