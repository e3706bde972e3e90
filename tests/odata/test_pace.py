"""Concurrency and pace follow what the service answers."""

from __future__ import annotations

import asyncio

from tests.odata.fakes import Time
from tieline.odata.pace import REMAINING, REQUESTS_PER_WINDOW, WINDOW_S, Pace


def pace(time: Time, max_lanes: int = 5) -> Pace:
    return Pace(max_lanes=max_lanes, clock=time.clock, sleep=time.sleep)


async def test_lanes_grow_to_the_limit_and_halve_when_throttled() -> None:
    """Additive increase up to the bound, halved once per refusal."""
    time = Time()
    one = pace(time)
    assert one.lanes == 2
    for _ in range(100):
        one.succeeded({})
    assert one.lanes == 5
    one.throttled(10)
    one.throttled(10)
    assert one.lanes == 2


async def test_no_more_run_than_there_are_lanes() -> None:
    """Requests beyond the lanes wait for one to end."""
    one = pace(Time())
    running = most = 0

    async def work() -> None:
        nonlocal running, most
        async with one.lane():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 2


async def test_the_window_of_the_service_is_never_passed() -> None:
    """However many requests there are, no window holds more than the limit."""
    time = Time()
    one = pace(time)
    sent: list[float] = []
    for _ in range(9000):
        async with one.lane():
            sent.append(time.now)
    most = max(
        sum(1 for other in sent[at : at + 6001] if other < start + WINDOW_S)
        for at, start in list(enumerate(sent))[::300]
    )
    assert most <= REQUESTS_PER_WINDOW + 1


async def test_nothing_passes_while_the_service_wants_a_pause() -> None:
    """After a refusal every request waits, not only the refused one."""
    time = Time()
    one = pace(time)
    one.throttled(30)
    async with one.lane():
        assert time.now >= 1030.0


async def test_the_announced_remainder_is_respected() -> None:
    """A nearly used-up allowance slows us down before it is gone."""
    time = Time()
    one = pace(time)
    one.succeeded({REMAINING: "1"})
    for _ in range(3):
        async with one.lane():
            pass
    assert time.now > 1000.0


async def test_a_cancelled_waiter_leaves_its_place() -> None:
    """A request that is given up while it waits blocks nobody."""
    one = pace(Time(), max_lanes=1)

    async def hold() -> None:
        async with one.lane():
            pass

    async with one.lane():
        waiting = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.wait([waiting])
    await hold()
    assert waiting.cancelled()
