"""`tieline subscribe` and `tieline listen`: what they print, and how they fail."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cli import prefect_ready
from cli.main import tieline
from emulator.business_central import subscriptions as bc_rules
from emulator.server import serve
from tests.world import World
from tieline.wake_up.receiver import create_receiver

AWAY = "http://127.0.0.1:9"


def typed(*words: str) -> Result:
    return CliRunner().invoke(tieline, words, catch_exceptions=False)


def states(result: Result) -> dict[tuple[str, str], str]:
    rows = json.loads(result.stdout)["subscriptions"]
    return {(one["system"], one["table"]): one["state"] for one in rows}


@pytest.fixture
def receiver(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A receiver that the settings name."""
    monkeypatch.setattr(bc_rules, "PAUSE_S", 3600)
    monkeypatch.setenv("TIELINE_WAKE_UP__KEY", "planted-secret")
    with serve(create_receiver(lambda _: None, "planted-secret", dict)) as running:
        monkeypatch.setenv("TIELINE_WAKE_UP__PUBLIC_URL", running.url)
        yield running.url
        world.bc.subscriptions.entries.clear()


def test_subscriptions_are_shown_made_and_removed(world: World, receiver: str) -> None:
    """Missing, then active on both sides with the day of expiry, then missing again."""
    shown = states(typed("subscribe", "--json"))
    assert {"missing", "polled"} == set(shown.values())
    # Statistics are worked out from other records: there is nothing to subscribe to.
    assert "polled" == shown["bc", ""]
    result = typed("subscribe", "--create", "--json")
    made = states(result)
    assert {"active"} == {state for key, state in made.items() if key[1]}
    document = json.loads(result.stdout)
    assert receiver == document["receiver"]
    row = next(r for r in document["subscriptions"] if r["table"] == "customers")
    assert ["CUSTOMER"] == row["jobs"]
    assert row["expires"].endswith("Z")
    assert made == states(typed("subscribe", "--json"))
    table = typed("subscribe")
    assert "customers" in table.stdout
    for one in (result, table):
        assert "planted-secret" not in one.output
    assert shown == states(typed("subscribe", "--remove", "--json"))
    assert {} == world.dv.registrations.endpoints


@pytest.mark.usefixtures("world")
def test_a_receiver_that_does_not_answer_is_said(monkeypatch) -> None:
    """What the service says, and what to do."""
    monkeypatch.setattr(bc_rules, "PAUSE_S", 3600)
    result = typed("subscribe", "--create", "--url", AWAY)
    assert 1 == result.exit_code
    assert "Business Central refused each subscription" in result.stderr
    assert "tieline listen" in result.stderr


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["subscribe"], "Set wake_up.public_url, or give --url."),
        (["subscribe", "--url", "nonsense"], "--url is wrong"),
        (["subscribe", "--url", AWAY, "--create", "--remove"], "exclude one another"),
        (["subscribe", "--url", "https://r.example.com"], "wake_up.key is missing"),
        (["listen", "--host", "0.0.0.0"], "wake_up.key is missing"),
        (["listen"], "PREFECT_API_URL is not set"),
    ],
)
def test_what_is_refused_at_once(words: list[str], said: str, monkeypatch) -> None:
    """Arguments and settings: status 2."""
    monkeypatch.setattr(prefect_ready, "has_own_server", lambda: True)
    result = typed(*words)
    assert (2, True) == (result.exit_code, said in result.stderr), result.output


def test_one_service_that_fails_leaves_the_other_alone(
    world: World, receiver: str, monkeypatch
) -> None:
    """Its rows are missing, its error is told, the other's rows are there."""
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", AWAY)
    result = typed("subscribe", "--create", "--json")
    document = json.loads(result.stdout)
    assert (1, "TL-202") == (result.exit_code, document["error"]["code"])
    assert {"bc"} == {one["system"] for one in document["subscriptions"]}
    assert world.bc.subscriptions.entries
