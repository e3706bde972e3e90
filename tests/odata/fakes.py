"""What stands for time and for a service while the client is tested."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx

from tieline.errors import TielineError
from tieline.odata.client import Client
from tieline.odata.wire import Wire
from tieline.settings import BusinessCentralSettings, ServiceSettings

ROOT = "http://127.0.0.1:1"

Handler = Callable[[httpx.Request], httpx.Response]


class Time:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def wire(handler: Handler, time: Time | None = None, **more: float) -> Wire:
    """A wire that ends at `handler`, in a time that takes none."""
    time = time or Time()
    return Wire(
        transport=httpx.MockTransport(handler),
        sleep=time.sleep,
        clock=time.clock,
        **more,  # type: ignore[arg-type]
    )


def client(
    handler: Handler,
    classify: Callable[..., TielineError],
    *,
    time: Time | None = None,
    settings: ServiceSettings | None = None,
    **more: float,
) -> Client:
    """A client of Business Central that talks to `handler`."""
    return Client(
        settings or BusinessCentralSettings(url=ROOT),
        system="bc",
        scope="scope",
        classify=classify,
        max_lanes=5,
        headers={},
        wire=wire(handler, time, **more),
    )
