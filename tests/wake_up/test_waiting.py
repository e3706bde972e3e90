"""When a job is started: bursts, runs under way, order, and starts that fail."""

from __future__ import annotations

import asyncio

import pytest

from tieline.errors import RunError
from tieline.wake_up.desk import Desk
from tieline.wake_up.notices import Notice
from tieline.wake_up.targets import Job, Targets
from tieline.wake_up.waiting import Waiting, WaitingJobs

CURRENCY, CUSTOMERS = Notice("bc", "currencies", "c1"), Notice("bc", "customers", "c1")
ACCOUNTS, CONTACTS = Notice("dataverse", "account"), Notice("dataverse", "contact")
PRODUCTS = Notice("dataverse", "product")
TARGETS = Targets(
    [
        Job("CURRENCY", "currencies", None),
        Job("CUSTOMER", "customers", "account", "lock", ("CURRENCY",)),
        Job("CONTACT", "contacts", "contact", "lock", ("CUSTOMER",)),
        Job("ITEM-PRODUCT", "items", "product"),
        Job("RESOURCE-PRODUCT", "resources", "product"),
        Job("STATISTICS", None, None, "lock"),
    ]
)


def waiting(*notices: tuple[float, Notice]) -> WaitingJobs:
    made = WaitingJobs(TARGETS, collapse_s=5)
    for at, notice in notices:
        made.notice(notice, at)
    return made


@pytest.mark.parametrize(
    ("notices", "now", "running", "due"),
    [
        # A burst: one start, so many seconds after its first notice.
        ([(0, CUSTOMERS), (4, CUSTOMERS), (4, ACCOUNTS)], 4.9, (), []),
        ([(0, CUSTOMERS), (4, CUSTOMERS), (4, ACCOUNTS)], 5, (), ["CUSTOMER"]),
        # It does not wait for the burst to end.
        ([(at, CUSTOMERS) for at in range(100)], 5, (), ["CUSTOMER"]),
        # A table of two jobs wakes both.
        ([(0, PRODUCTS)], 5, (), ["ITEM-PRODUCT", "RESOURCE-PRODUCT"]),
        # A run under way is waited for: it may have read the table before.
        ([(0, CUSTOMERS)], 99, ("CUSTOMER",), []),
        # So is a run that holds the same lock.
        ([(0, CUSTOMERS)], 99, ("STATISTICS",), []),
        ([(0, CURRENCY)], 99, ("CUSTOMER",), ["CURRENCY"]),
        # What a job needs goes first, whether it runs or waits.
        ([(0, CUSTOMERS)], 99, ("CURRENCY",), []),
        ([(0, CUSTOMERS), (3, CURRENCY)], 5, (), []),
        ([(0, CUSTOMERS), (3, CURRENCY)], 8, (), ["CURRENCY"]),
        ([(0, CONTACTS), (0, CUSTOMERS)], 5, (), ["CUSTOMER"]),
        # A table that nobody watches, and a service without such a table.
        ([(0, Notice("bc", "vendors", "c1"))], 99, (), []),
        ([(0, Notice("dataverse", "customers"))], 99, (), []),
        ([(0, Notice("bc", "CUSTOMERS", "c1"))], 99, (), ["CUSTOMER"]),
    ],
)
def test_when_jobs_are_due(notices, now, running, due):
    """In dependency order, one start for a burst, none beside a run of its own."""
    assert due == waiting(*notices).due(now, running)


def test_a_notice_after_the_start_asks_for_another_run():
    """What was taken is forgotten; what comes then waits anew."""
    jobs = waiting((0, CUSTOMERS), (1, CUSTOMERS))
    assert 2 == jobs.take("CUSTOMER").notices
    assert [] == jobs.due(99, ())
    jobs.notice(CUSTOMERS, 6)
    assert ([], ["CUSTOMER"]) == (jobs.due(10, ()), jobs.due(11, ()))


def test_companies_are_kept_apart():
    """Business Central names its company, Dataverse concerns all."""
    jobs = waiting((0, CUSTOMERS), (0, Notice("bc", "customers", "c2")))
    assert Waiting("CUSTOMER", 0, 2, {"c1", "c2"}) == jobs.take("CUSTOMER")
    jobs = waiting((0, CUSTOMERS), (0, ACCOUNTS))
    assert Waiting("CUSTOMER", 0, 2, {"c1"}, for_all=True) == jobs.take("CUSTOMER")


class Runs:
    """Starts nothing; fails as long as `is_away`."""

    def __init__(self) -> None:
        self.under_way: set[str] = set()
        self.started: list[str] = []
        self.is_away = False
        self.news: asyncio.Queue[str] = asyncio.Queue()

    async def running(self) -> set[str]:
        return self.under_way

    async def start(self, waiting: Waiting) -> None:
        if self.is_away:
            msg = "The server is away."
            raise RunError(msg)
        self.started.append(waiting.job)
        self.news.put_nowait(waiting.job)


class Bench:
    """A desk whose time the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.runs = Runs()
        self.desk = Desk(TARGETS, self.runs, collapse_s=5, clock=lambda: self.now)

    async def at(self, now: float) -> list[str]:
        """Return what was started by then."""
        self.now = now
        await self.desk.step()
        return self.runs.started


async def test_a_notice_during_a_run_is_followed_by_another_run():
    """It is kept until the run has ended, however long that takes."""
    bench = Bench()
    bench.runs.under_way = {"CUSTOMER"}
    bench.desk.take([CUSTOMERS])
    assert [] == await bench.at(3600)
    bench.runs.under_way = set()
    assert ["CUSTOMER"] == await bench.at(3601)
    assert ["CUSTOMER"] == await bench.at(9999)


async def test_a_start_that_fails_is_tried_again(caplog):
    """Nothing is lost while the server is away; the trouble is told once."""
    bench = Bench()
    bench.runs.is_away = True
    bench.desk.take([CUSTOMERS])
    for now in (5, 7, 9):
        assert [] == await bench.at(now)
    assert ["The server is away. Notices are kept."] == caplog.messages
    bench.runs.is_away = False
    assert ["CUSTOMER"] == await bench.at(11)
    assert ("", 0, 1) == (
        bench.desk.trouble,
        len(bench.desk.waiting),
        bench.desk.started,
    )


async def test_all_watched_jobs_are_woken_at_the_beginning():
    """Notices of the time before reached nobody."""
    bench = Bench()
    bench.desk.catch_up()
    expected = ["CURRENCY", "ITEM-PRODUCT", "RESOURCE-PRODUCT"]
    assert expected == await bench.at(5)
    assert [*expected, "CUSTOMER"] == await bench.at(7)
    assert [*expected, "CUSTOMER", "CONTACT"] == await bench.at(9)


async def test_the_loop_starts_what_is_noticed_while_it_runs():
    """Two notices one after the other, each started without anybody asking."""
    runs = Runs()
    desk = Desk(TARGETS, runs, collapse_s=0)
    looping = asyncio.ensure_future(desk.run())
    try:
        for notice, count in ((CUSTOMERS, 1), (PRODUCTS, 2)):
            desk.take([notice])
            async with asyncio.timeout(30):
                for _ in range(count):
                    await runs.news.get()
    finally:
        looping.cancel()
    assert ["CUSTOMER", "ITEM-PRODUCT", "RESOURCE-PRODUCT"] == runs.started
