"""Subscriptions on both services: made, kept alive, removed; and what they bring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from emulator.business_central import subscriptions as bc_rules
from emulator.server import serve
from flows.jobs import MAPPINGS
from tests.world import World
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.settings import load_settings
from tieline.wake_up.notices import Notice
from tieline.wake_up.receiver import create_receiver
from tieline.wake_up.targets import targets_of
from tieline.wake_up.upkeep import Row, Standing, Upkeep

KEY = "secret"
TARGETS = targets_of(MAPPINGS.values())
LIMIT_S = 30


class Bench:
    """A receiver that both services reach, and its upkeep."""

    def __init__(self, world: World, url: str, taken: list[Notice]) -> None:
        self.world = world
        self.url = url
        self.taken = taken
        self.upkeep = Upkeep(TARGETS, url, KEY)

    @property
    def entries(self):
        return self.world.bc.subscriptions.entries

    def keep_bc(self, *, anew: bool = False) -> dict[str, Row]:
        async def work() -> list[Row]:
            async with await BusinessCentral.connect(load_settings().bc) as side:
                now = self.world.bc.clock.now()
                return await self.upkeep.keep_bc(side, now, anew=anew)

        return {row.table: row for row in asyncio.run(work())}

    def on_bc(self, name: str):
        async def work():
            async with await BusinessCentral.connect(load_settings().bc) as side:
                return await getattr(self.upkeep, name)(side)

        return asyncio.run(work())

    def on_dataverse(self, name: str = "keep_dataverse"):
        async def work():
            async with await Dataverse.connect(load_settings().dataverse) as side:
                return await getattr(self.upkeep, name)(side)

        return asyncio.run(work())

    def deliver(self) -> None:
        """Let Business Central's half minute pass."""
        self.world.bc.clock.advance(31)
        self.world.bc.subscriptions.deliver()


@pytest.fixture
def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(bc_rules, "PAUSE_S", 3600)
    taken: list[Notice] = []
    app = create_receiver(taken.extend, KEY, dict)
    with serve(app) as running:
        yield Bench(world, running.url, taken)
        world.bc.subscriptions.entries.clear()
        world.dv.registrations.steps.clear()


def until(check: Callable[[], bool]) -> None:
    pause, end = Event(), datetime.now(UTC) + timedelta(seconds=LIMIT_S)
    while not check():
        assert datetime.now(UTC) < end
        pause.wait(0.02)


def test_each_table_of_the_company_is_subscribed_once(bench):
    """A second round makes nothing; every one carries the key."""
    rows = bench.keep_bc()
    watched = {one.table for one in TARGETS.watched if one.system == "bc"}
    assert watched == set(rows)
    assert {Standing.ACTIVE} == {row.standing for row in rows.values()}
    made = dict(bench.entries)
    assert (len(watched), {KEY}) == (len(made), {one.state for one in made.values()})
    bench.keep_bc()
    assert set(made) == set(bench.entries)


def test_a_subscription_is_renewed_before_its_third_day(bench):
    """Not as long as it lasts; the renewed one has its three days again."""
    bench.keep_bc()
    began = {id_: one.expires for id_, one in bench.entries.items()}
    bench.world.bc.clock.advance(30 * 3600)
    bench.keep_bc()
    assert began == {id_: one.expires for id_, one in bench.entries.items()}
    bench.world.bc.clock.advance(10 * 3600)
    rows = bench.keep_bc()
    later = {id_: one.expires for id_, one in bench.entries.items()}
    assert set(began) == set(later)
    assert all(later[id_] > began[id_] for id_ in began)
    assert {row.expires for row in rows.values()} == {
        one.replace(microsecond=one.microsecond // 1000 * 1000)
        for one in later.values()
    }


def test_an_expired_subscription_is_made_again(bench):
    """The service has dropped it."""
    bench.keep_bc()
    count = len(bench.entries)
    bench.world.bc.clock.advance(4 * 86400)
    bench.world.bc.subscriptions.deliver()
    assert 0 == len(bench.entries)
    bench.keep_bc()
    assert count == len(bench.entries)


def test_another_key_reaches_the_subscriptions_that_exist(bench):
    """Anew: the client state of each is the key of now."""
    bench.keep_bc()
    bench.on_dataverse()
    bench.upkeep = Upkeep(TARGETS, bench.url, "another")
    bench.keep_bc(anew=True)
    bench.on_dataverse()
    assert {"another"} == {one.state for one in bench.entries.values()}
    endpoints = bench.world.dv.registrations.endpoints.values()
    assert ["another"] == [one["authvalue"] for one in endpoints]


def test_a_table_without_webhooks_is_polled(bench):
    """The standard API tells nothing of contacts, and lacks some tables."""
    bench.world.bc.companion = False
    rows = bench.keep_bc()
    assert (Standing.ACTIVE, Standing.POLLED, Standing.POLLED) == tuple(
        rows[one].standing for one in ("customers", "contacts", "resources")
    )
    assert "no webhooks" in rows["contacts"].reason
    assert "companion app" in rows["resources"].reason
    assert [*rows.values()] == bench.on_bc("show_bc")


def test_a_table_that_the_service_refuses_is_polled(bench, monkeypatch):
    """It has the last word; the others are subscribed all the same."""
    monkeypatch.setattr(bc_rules, "MOST", 2)
    rows = bench.keep_bc()
    states = [row.standing for row in rows.values()]
    assert [Standing.ACTIVE] * 2 == states[:2]
    assert {Standing.POLLED} == set(states[2:])
    assert all("2 subscriptions" in row.reason for row in [*rows.values()][2:])


def test_what_is_no_longer_watched_is_removed_what_is_others_stays(bench):
    """Of this receiver only."""
    bench.keep_bc()
    bench.on_dataverse()
    fewer = targets_of([MAPPINGS["CURRENCY"], MAPPINGS["CUSTOMER"]])
    own = bench.upkeep
    bench.upkeep = Upkeep(fewer, bench.url, KEY)
    assert {"currencies", "customers"} == set(bench.keep_bc())
    assert 2 == len(bench.entries)
    bench.on_dataverse()
    steps = bench.world.dv.registrations.steps.values()
    tables = {one["sdkmessagefilterid"]["primaryobjecttypecode"] for one in steps}
    assert {"account"} == tables
    bench.upkeep = Upkeep(TARGETS, "http://127.0.0.1:9", KEY)
    assert (0, 0) == (bench.on_bc("remove_bc"), bench.on_dataverse("remove_dataverse"))
    bench.upkeep = own
    assert (2, 1) == (bench.on_bc("remove_bc"), bench.on_dataverse("remove_dataverse"))
    assert {} == bench.entries
    assert {} == bench.world.dv.registrations.endpoints


def test_dataverse_has_one_webhook_with_three_steps_a_table(bench):
    """A second round makes nothing; a step that was switched off is on again."""
    bench.on_dataverse()
    steps = bench.world.dv.registrations.steps
    watched = {one.table for one in TARGETS.watched if one.system == "dataverse"}
    expected = {(t, m) for t in watched for m in ("Create", "Update", "Delete")}
    assert expected == {
        (
            one["sdkmessagefilterid"]["primaryobjecttypecode"],
            one["sdkmessageid"]["name"],
        )
        for one in steps.values()
    }
    next(iter(steps.values()))["statecode"] = 1
    missing = {
        row.table
        for row in bench.on_dataverse("show_dataverse")
        if row.standing is Standing.MISSING
    }
    assert 1 == len(missing)
    ids = set(steps)
    rows = bench.on_dataverse()
    assert (ids, {Standing.ACTIVE}) == (set(steps), {row.standing for row in rows})
    assert {0} == {one["statecode"] for one in steps.values()}


def test_an_edit_on_either_side_reaches_the_receiver(bench):
    """From the subscription to the notice that wakes the job."""
    company = bench.world.company
    krone = company.insert("currencies", {"code": "NOK", "displayName": "Krone"})
    account = bench.world.account("Adatum")
    bench.keep_bc()
    bench.on_dataverse()
    company.update("currencies", krone["id"], {"displayName": "Norwegian krone"})
    bench.deliver()
    bench.world.edit_account(account, address1_city="Paris")
    until(lambda: len(bench.taken) == 2)
    told = [Notice("bc", "currencies", company.id), Notice("dataverse", "account")]
    assert told == bench.taken
    assert [("CURRENCY",), ("CUSTOMER",)] == [TARGETS.woken_by(one) for one in told]
    assert [] == bench.world.dv.courier.failed
