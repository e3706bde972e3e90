"""What the shared surface promises: faults, sign-in, clock, admin, real sockets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from emulator.faults import Fault, Faults, read_fault
from emulator.server import serve
from emulator.surface import Ground, Surface
from emulator.token import token_route


class Service:
    """A service that only counts what it carried out."""

    def __init__(self) -> None:
        self.done = 0
        self.ground = Ground(lambda status: b'{"error":%d}' % status)
        self.app = Starlette(
            routes=[
                token_route(self.ground.tokens),
                Route("/{rest:path}", self.work, methods=["GET", "POST"]),
            ],
            middleware=[Middleware(Surface, ground=self.ground)],
        )

    async def work(self, request: Request) -> PlainTextResponse:
        await request.body()
        self.done += 1
        return PlainTextResponse("done")


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with (
        serve(service.app) as server,
        httpx.Client(base_url=server.url, timeout=5) as client,
    ):
        yield client


def test_a_server_answers_soon_after_it_was_asked_for(service: Service) -> None:
    """Starting costs little, and the first request needs no waiting loop."""
    began = time.perf_counter()
    with serve(service.app) as server:
        assert "done" == httpx.get(f"{server.url}/x").text
        assert time.perf_counter() - began < 1.0


@pytest.mark.parametrize(("kind", "done"), [("reset-before", 0), ("reset-after", 1)])
def test_a_reset_ends_the_connection_without_an_answer(
    service: Service, client: httpx.Client, kind: str, done: int
) -> None:
    """The client sees a broken connection; the work is done only in `after`."""
    service.ground.faults.add(Fault(kind, count=1))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/x", content=b"body")
    assert done == service.done
    assert "done" == client.post("/x", content=b"body").text


def test_a_timeout_after_the_commit_stays_silent(
    service: Service, client: httpx.Client
) -> None:
    """The work is done, the client runs into its own time limit."""
    service.ground.faults.add(Fault("timeout-after", count=1))
    with pytest.raises(httpx.ReadTimeout):
        client.post("/x", timeout=0.2)
    assert 1 == service.done


@pytest.mark.parametrize(("kind", "status"), [("throttle", 429), ("unavailable", 503)])
def test_refusals_do_no_work_and_say_when_to_return(
    service: Service, client: httpx.Client, kind: str, status: int
) -> None:
    """429 and 503 come with Retry-After when the rule has one."""
    service.ground.faults.add(Fault(kind, count=1, retry_after=2))
    answer = client.get("/x")
    assert (status, "2", 0) == (
        answer.status_code,
        answer.headers["Retry-After"],
        service.done,
    )


def test_latency_delays(service: Service, client: httpx.Client) -> None:
    """A late answer is an answer all the same."""
    service.ground.faults.add(Fault("latency", seconds=0.15))
    began = time.perf_counter()
    assert "done" == client.get("/x").text
    assert 0.15 <= time.perf_counter() - began


def test_an_edit_happens_before_the_request_it_was_set_for(
    service: Service, client: httpx.Client
) -> None:
    """Another user's edit lands before request n, once."""
    seen: list[int] = []
    service.ground.faults.add(
        Fault("edit", nth=2, count=1, edit=lambda: seen.append(service.done))
    )
    for _ in range(3):
        client.get("/x")
    assert [1] == seen


def test_a_rule_picks_by_method_path_and_order() -> None:
    """Only fitting requests count towards nth; count ends the rule."""
    faults = Faults()
    faults.add(Fault("throttle", method="^POST$", path="customers", nth=2, count=1))
    calls = [("GET", "/customers"), *[("POST", "/customers")] * 3, ("POST", "/items")]
    assert [0, 0, 1, 0, 0] == [len(faults.due(*call)) for call in calls]


def test_dice_fall_the_same_from_the_same_seed() -> None:
    """Probability is reproducible, and really between never and always."""
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        faults.add(Fault("throttle", probability=0.3))
        runs.append([bool(faults.due("GET", "/")) for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "earthquake"},
        {"kind": "edit"},
        {"kind": "throttle", "edit": "x"},
        {"kind": "throttle", "path": "("},
        {"kind": "latency", "operation": True},
        {},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(values: dict[str, str]) -> None:
    """Nothing is silently ignored in a rule sent as JSON."""
    with pytest.raises(ValueError, match=r"."):
        read_fault(values)


def test_other_processes_turn_faults_and_read_counters(client: httpx.Client) -> None:
    """The admin surface sets rules, counts, and resets both."""
    rule = [{"kind": "unavailable", "count": 5}]
    assert 204 == client.post("/_emulator/faults", json=rule).status_code
    assert 503 == client.get("/x").status_code
    assert 1 == client.get("/_emulator/counters").json()["received"]
    assert 204 == client.post("/_emulator/reset").status_code
    assert 200 == client.get("/x").status_code
    assert 1 == client.get("/_emulator/counters").json()["received"]
    bad = client.post("/_emulator/faults", json=[{"kind": "earthquake"}])
    assert 400 == bad.status_code


@pytest.mark.parametrize("skew_s", [300, -300])
def test_the_date_header_follows_the_skewed_clock(
    service: Service, client: httpx.Client, skew_s: int
) -> None:
    """There is one Date header and it is the service's own time."""
    client.post("/_emulator/clock", json={"skew_s": skew_s})
    answer = client.get("/x")
    dates = answer.headers.get_list("date")
    told = parsedate_to_datetime(dates[0])
    real = service.ground.clock.now() - timedelta(seconds=skew_s)
    assert 1 == len(dates)
    assert abs((told - real).total_seconds() - skew_s) < 5


FORM = {
    "grant_type": "client_credentials",
    "client_id": "app",
    "client_secret": "s3cret",
    "scope": "https://api.example/.default",
}


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": ""}, 400, "invalid_request"),
        ({"scope": "user.read"}, 400, "invalid_scope"),
    ],
)
def test_a_wrong_token_request_is_refused(
    service: Service,
    client: httpx.Client,
    change: dict[str, str],
    status: int,
    error: str,
) -> None:
    """Each wrong part has its own error, and the secret never comes back."""
    service.ground.tokens.client_id = "app"
    service.ground.tokens.client_secret = "s3cret"
    answer = client.post("/tenant/oauth2/v2.0/token", data=FORM | change)
    assert (status, error) == (answer.status_code, answer.json()["error"])
    assert "AADSTS" in answer.json()["error_description"]
    assert "s3cret" not in answer.text + repr(service.ground.tokens)


def test_a_token_opens_the_service_until_it_expires(
    service: Service, client: httpx.Client
) -> None:
    """No token, a made-up one and an old one are refused with 401."""
    tokens = service.ground.tokens
    tokens.client_id, tokens.client_secret = "app", "s3cret"
    body = client.post("/tenant/oauth2/v2.0/token", data=FORM).json()
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert ("Bearer", tokens.lifetime_s) == (body["token_type"], body["expires_in"])
    assert 401 == client.get("/x").status_code
    assert 401 == client.get("/x", headers={"Authorization": "Bearer x"}).status_code
    assert 200 == client.get("/x", headers=bearer).status_code
    service.ground.clock.advance(tokens.lifetime_s + 1)
    assert 401 == client.get("/x", headers=bearer).status_code
