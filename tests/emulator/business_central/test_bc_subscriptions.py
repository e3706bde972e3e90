"""Webhooks of the emulated Business Central: handshake, renewal, notices, refusals."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from emulator.business_central import BusinessCentralState, create_business_central
from emulator.business_central import subscriptions as rules
from emulator.server import serve


class Receiver:
    """Echoes validation tokens, keeps notices, and answers them as it is told."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.echoes = True
        self.notices: list[dict[str, str]] = []

    async def __call__(self, request: Request) -> Response:
        token = request.query_params.get("validationToken")
        if token is not None:
            return PlainTextResponse(token if self.echoes else "no")
        if self.status < 300:
            self.notices += (await request.json())["value"]
        return Response(status_code=self.status)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    async def notify(request: Request) -> Response:
        return await made(request)

    with serve(Starlette(routes=[Route("/notify", notify, methods=["POST"])])) as at:
        made.url = f"{at.url}/notify"
        yield made


class Bench:
    """A company with a customer, and what subscribes to its changes."""

    def __init__(self, root: str, state: BusinessCentralState) -> None:
        self.state = state
        self.company = state.add_company("CRONUS", local_currency="EUR")
        self.customer = self.company.insert("customers", {"displayName": "Adatum"})
        self.http = httpx.Client(base_url=f"{root}/api/v2.0", timeout=30)

    def subscribe(self, url: str, set_: str = "customers", **more: str):
        resource = f"/api/v2.0/companies({self.company.id})/{set_}"
        body = {"notificationUrl": url, "resource": resource, **more}
        return self.http.post("/subscriptions", json=body)

    def later(self, seconds: float) -> None:
        self.state.clock.advance(seconds)
        self.state.subscriptions.deliver()

    def rename(self, name: str) -> None:
        self.company.update("customers", self.customer["id"], {"displayName": name})


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Notices are delivered when the test says so, not by the courier."""
    monkeypatch.setattr(rules, "PAUSE_S", 3600)
    state = BusinessCentralState()
    with serve(create_business_central(state)) as running:
        made = Bench(running.url, state)
        with made.http:
            yield made
        state.subscriptions.entries.clear()


def test_a_receiver_that_echoes_the_token_is_subscribed_for_three_days(bench, receiver):
    """201 with a key, a tag, and the day of expiry."""
    answer = bench.subscribe(receiver.url, clientState="secret")
    made = answer.json()
    assert 201 == answer.status_code
    assert made["@odata.etag"] == answer.headers["ETag"]
    assert "secret" == made["clientState"]
    (listed,) = bench.http.get("/subscriptions").json()["value"]
    assert made["subscriptionId"] == listed["subscriptionId"]
    bench.later(3 * 86400)
    assert [] == bench.http.get("/subscriptions").json()["value"]


def test_a_receiver_that_does_not_echo_is_refused(bench, receiver):
    """Nor one that cannot be reached: 400, and nothing is made."""
    receiver.echoes = False
    for url in (receiver.url, "http://127.0.0.1:9/none"):
        assert 400 == bench.subscribe(url).status_code
    assert {} == bench.state.subscriptions.entries


@pytest.mark.parametrize("set_", ["contacts", "nonsense", "currencyExchangeRates"])
def test_sets_without_webhooks_are_refused(bench, receiver, set_):
    """Those have to be polled."""
    assert 400 == bench.subscribe(receiver.url, set_).status_code


def test_one_subscription_for_each_receiver_and_set(bench, receiver):
    """The second one of the same kind is refused, another set's is not."""
    answers = [bench.subscribe(receiver.url, s) for s in ("customers", "customers")]
    answers.append(bench.subscribe(receiver.url, "items"))
    assert [201, 400, 201] == [one.status_code for one in answers]


def test_renewal_and_deletion_need_the_tag(bench, receiver):
    """PATCH shakes hands again and gives three more days; both are guarded."""
    made = bench.subscribe(receiver.url).json()
    at = f"/subscriptions('{made['subscriptionId']}')"
    tag = {"If-Match": made["@odata.etag"]}
    body = {"notificationUrl": receiver.url}
    assert 400 == bench.http.patch(at, json=body).status_code
    bench.state.clock.advance(2 * 86400)
    renewed = bench.http.patch(at, json=body, headers=tag)
    assert 200 == renewed.status_code
    bench.later(2 * 86400)
    assert 200 == bench.http.get(at).status_code
    assert 409 == bench.http.delete(at, headers=tag).status_code
    now = {"If-Match": renewed.json()["@odata.etag"]}
    assert 204 == bench.http.delete(at, headers=now).status_code
    assert 404 == bench.http.get(at).status_code


def test_a_burst_is_told_once_half_a_minute_after_it_began(bench, receiver):
    """One notice a row: created, updated, deleted; none of a change taken back."""
    made = bench.subscribe(receiver.url, clientState="s").json()
    bench.rename("A")
    bench.rename("B")
    new = bench.company.insert("customers", {"displayName": "New"})
    bench.company.update("customers", new["id"], {"city": "London"})
    bench.company.insert("items", {"displayName": "no subscriber"})
    bench.later(29)
    assert [] == receiver.notices
    bench.later(1)
    root = f"api/v2.0/companies({bench.company.id})/customers"
    assert {
        (f"{root}({bench.customer['id']})", "updated"),
        (f"{root}({new['id']})", "created"),
    } == {(one["resource"], one["changeType"]) for one in receiver.notices}
    assert {(made["subscriptionId"], "s")} == {
        (one["subscriptionId"], one["clientState"]) for one in receiver.notices
    }
    bench.later(60)
    assert 2 == len(receiver.notices)
    bench.company.delete("customers", new["id"])
    bench.later(30)
    assert "deleted" == receiver.notices[-1]["changeType"]


def test_many_changes_are_told_as_one_collection(bench, receiver, monkeypatch):
    """Beyond the limit the notice names the set and since when."""
    monkeypatch.setattr(rules, "MOST_CHANGES", 3)
    bench.subscribe(receiver.url)
    for number in range(4):
        bench.company.insert("customers", {"displayName": str(number)})
    bench.later(30)
    (notice,) = receiver.notices
    assert "collection" == notice["changeType"]
    assert "customers?$filter=lastDateTimeModified%20gt%20" in notice["resource"]


@pytest.mark.parametrize(
    ("status", "is_kept"), [(503, True), (429, True), (410, False)]
)
def test_a_receiver_in_trouble_is_tried_again_one_that_refuses_is_dropped(
    bench, receiver, status, is_kept
):
    """408, 429 and 5xx for 36 hours; any other code ends the subscription."""
    bench.subscribe(receiver.url)
    receiver.status = status
    bench.rename("A")
    bench.later(30)
    assert is_kept == bool(bench.state.subscriptions.entries)
    receiver.status = 200
    bench.later(60)
    assert is_kept == bool(receiver.notices)


def test_no_more_than_the_service_allows(bench, receiver, monkeypatch):
    """The subscription beyond the limit is refused."""
    monkeypatch.setattr(rules, "MOST", 1)
    assert 201 == bench.subscribe(receiver.url, "items").status_code
    assert 400 == bench.subscribe(receiver.url).status_code


def test_what_is_taken_back_is_not_told(bench, receiver):
    """A change inside a transaction that fails was never made."""
    bench.subscribe(receiver.url)
    journal = bench.company.journal
    with pytest.raises(RuntimeError), journal.transaction():
        bench.rename("A")
        raise RuntimeError
    bench.later(60)
    assert [] == receiver.notices
