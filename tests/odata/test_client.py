"""What is repeated, what is not, and how long a request waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from tests.odata.fakes import ROOT, Time, client
from tieline.business_central.refusals import classify
from tieline.errors import NotFound, Throttled, Unavailable
from tieline.odata.links import next_address, same_service
from tieline.odata.wire import Request

OK = httpx.Response(200, json={"value": []})
DOWN_LATER = (OK, httpx.ConnectError("down"))


def scripted(*steps: httpx.Response | Exception) -> Callable[..., httpx.Response]:
    """A service that gives these answers, the last one for ever."""
    script: Iterator[httpx.Response | Exception] = itertools.chain(
        steps, itertools.repeat(steps[-1])
    )

    def handler(request: httpx.Request) -> httpx.Response:
        step = next(script)
        if isinstance(step, Exception):
            raise step
        return httpx.Response(
            step.status_code, headers=step.headers, content=step.content
        )

    return handler


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(503),
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("reset"),
        httpx.ConnectError("down"),
    ],
)
async def test_reads_are_repeated(trouble: httpx.Response | Exception) -> None:
    """A read survives any passing trouble."""
    async with client(scripted(trouble, trouble, OK), classify) as service:
        answer = await service.get(f"{ROOT}/x")
    assert answer.body == {"value": []}
    assert (service.counters.requests, service.counters.retries) == (3, 2)


async def test_an_address_that_nobody_answers_is_given_up_soon() -> None:
    """Who could not be reached yet is tried for seconds, who could for long."""
    for steps, longest in (((httpx.ConnectError("down"),), 5.0), (DOWN_LATER, 40.0)):
        time = Time()
        async with client(scripted(*steps), classify, time=time) as service:
            with pytest.raises(Unavailable):
                for _ in steps:
                    await service.get(f"{ROOT}/x")
        assert longest / 4 < sum(time.slept) <= longest


async def test_retry_after_is_honoured() -> None:
    """A request waits at least as long as the service asks."""
    time = Time()
    throttled = httpx.Response(429, headers={"Retry-After": "42"})
    async with client(scripted(throttled, OK), classify, time=time) as service:
        await service.get(f"{ROOT}/x")
    assert 42 <= sum(time.slept) < 43


async def test_back_off_grows_without_retry_after() -> None:
    """Without a wish of the service the pauses grow."""
    time = Time()
    busy = httpx.Response(503)
    async with client(scripted(busy), classify, time=time) as service:
        with pytest.raises(Unavailable) as caught:
            await service.get(f"{ROOT}/x")
    assert len(time.slept) == 5
    assert time.slept[4] > time.slept[0]
    assert not caught.value.maybe_done


async def test_throttling_ends_when_patience_does() -> None:
    """A service that throttles for ever is given up after the patience set."""
    throttled = httpx.Response(429, headers={"Retry-After": "100"})
    time = Time()
    service = client(scripted(throttled), classify, time=time, patience_s=250.0)
    async with service:
        with pytest.raises(Throttled) as caught:
            await service.get(f"{ROOT}/x")
    assert caught.value.retry_after_s == 100.0
    assert sum(time.slept) <= 250


@pytest.mark.parametrize(
    "trouble",
    [httpx.ReadTimeout("slow"), httpx.ReadError("reset"), httpx.Response(502)],
)
async def test_an_uncertain_write_is_never_repeated(
    trouble: httpx.Response | Exception,
) -> None:
    """A write that may have been carried out raises, and says so."""
    async with client(scripted(trouble, OK), classify) as service:
        with pytest.raises(Unavailable) as caught:
            await service.send(Request("POST", f"{ROOT}/x"))
    assert service.counters.requests == 1
    assert caught.value.maybe_done


@pytest.mark.parametrize("trouble", [httpx.ConnectError("down"), httpx.Response(429)])
async def test_a_write_that_was_not_done_is_repeated(
    trouble: httpx.Response | Exception,
) -> None:
    """A write that never arrived, or was refused for its pace, is sent again."""
    async with client(scripted(trouble, OK), classify) as service:
        await service.send(Request("POST", f"{ROOT}/x"))
    assert service.counters.requests == 2


async def test_what_the_service_refuses_is_not_repeated() -> None:
    """A 4xx is final."""
    async with client(scripted(httpx.Response(404)), classify) as service:
        with pytest.raises(NotFound):
            await service.get(f"{ROOT}/x")
    assert service.counters.requests == 1


async def test_the_date_header_is_the_clock() -> None:
    """The service's own time counts; ours, with a margin, if it tells none."""
    told = httpx.Response(200, headers={"Date": "Mon, 01 Jan 2024 10:00:00 GMT"})
    async with client(scripted(told, httpx.Response(200)), classify) as service:
        first = await service.get(f"{ROOT}/x")
        second = await service.get(f"{ROOT}/x")
    assert datetime(2024, 1, 1, 10, tzinfo=UTC) == first.began_at
    assert 290 < (datetime.now(UTC) - second.began_at).total_seconds() < 330


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("customers?$skiptoken=a%20b", f"{ROOT}/api/customers?$skiptoken=a%20b"),
        ("/api/y?aid=FIN", f"{ROOT}/api/y?aid=FIN"),
        ("?page=2", f"{ROOT}/api/customers?page=2"),
        ("https://elsewhere.example/api/z?t=%2520", f"{ROOT}/api/z?t=%2520"),
    ],
)
def test_next_links_are_resolved_and_stay_with_the_service(
    link: str, expected: str
) -> None:
    """Relative links work, escapes stay, and no token travels to another host."""
    url = f"{ROOT}/api/customers?$select=id"
    assert expected == next_address(url, {"@odata.nextLink": link})
    assert expected == same_service(url, link)


async def test_pages_follow_links_as_written() -> None:
    """Each page's link is sent byte for byte."""
    seen: list[str] = []
    cookie = "%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%22"

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path.decode())
        body: dict[str, object] = {"value": []}
        if len(seen) == 1:
            body["@odata.nextLink"] = f"accounts?$skiptoken={cookie}"
        return httpx.Response(200, json=body)

    async with client(handler, classify) as service:
        pages = [body async for _, body in service.pages(f"{ROOT}/api/accounts")]
    assert len(pages) == 2
    assert f"/api/accounts?$skiptoken={cookie}" == seen[1]


async def test_a_multipart_answer_is_no_error_by_itself() -> None:
    """A batch answered with 400 still holds the results of its parts."""
    headers = {"Content-Type": "multipart/mixed; boundary=x"}
    failed = httpx.Response(400, headers=headers, content=b"--x--")
    async with client(scripted(failed), classify) as service:
        answer = await service.send(Request("POST", f"{ROOT}/$batch"))
    assert answer.status == 400
