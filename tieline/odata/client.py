"""How does one request get its answer? Signed in, paced, repeated when it is safe."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from tieline.errors import (
    SYSTEM_TITLES,
    ApiError,
    SignInRefused,
    SystemName,
    Throttled,
    TielineError,
    Unavailable,
)
from tieline.odata.links import next_address
from tieline.odata.pace import Pace
from tieline.odata.token import TokenSource
from tieline.odata.wire import (
    Answer,
    Classify,
    Counters,
    Request,
    Wire,
    parsed,
)
from tieline.settings import ServiceSettings

T = TypeVar("T")

log = logging.getLogger(__name__)
# httpx logs whole addresses at info level, and ours hold values of records.
logging.getLogger("httpx").setLevel(logging.WARNING)

BASE_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
UNKNOWN_CLOCK_MARGIN = timedelta(seconds=300)
"""How far a service's clock may be behind ours when it does not tell the time."""
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@cache
def _trusted() -> ssl.SSLContext:
    """Load the certificates that are trusted once: it takes longer than a request."""
    return httpx.create_ssl_context()


class Client:
    """One connection pool to one service. Close it, or use it as a context."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        system: SystemName,
        scope: str,
        classify: Classify,
        max_lanes: int,
        headers: Mapping[str, str],
        wire: Wire,
    ) -> None:
        self.system: SystemName = system
        self.wire = wire
        self.counters = Counters()
        self._classify = classify
        self._reached = False
        self._http = httpx.AsyncClient(
            verify=_trusted(),
            transport=wire.transport,
            timeout=httpx.Timeout(wire.timeout_s, connect=wire.connect_timeout_s),
            headers=dict(headers),
            follow_redirects=False,
        )
        self._token = TokenSource(
            settings,
            system=system,
            scope=scope,
            http=self._http,
            wire=wire,
        )
        self.pace = Pace(max_lanes=max_lanes, clock=wire.clock, sleep=wire.sleep)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a GET, repeated as `send` does."""
        return await self.send(
            Request("GET", url, headers=headers or {}, repeatable=True)
        )

    async def send(self, request: Request) -> Answer:
        """Send one request and return its answer.

        Every request is repeated when the service refused it for its pace, or
        when it was never sent; a repeatable one also after a time-out, a broken
        connection or a 5xx. Attempts and total time are bounded; a service that
        cannot be reached from the start is given up after a few seconds.

        Raises:
            ApiError: as classified; Unavailable has `maybe_done` when a request
                that must not be repeated may have been carried out.
            SignInRefused: the service turned a fresh token down.

        """
        began = self.wire.clock()
        failures = refusals = 0
        while True:
            try:
                answer = await self._once(request)
            except Throttled as error:
                refusals += 1
                pause_s = self.pause_after(error, attempt=refusals)
                self.pace.throttled(pause_s)
                if self.wire.clock() - began + pause_s > self.wire.patience_s:
                    raise
            except Unavailable as error:
                failures += 1
                repeatable = request.repeatable or not error.maybe_done
                pause_s = self.pause_after(error, attempt=failures)
                late = self.wire.clock() - began + pause_s > self._patience_s
                if not repeatable or late or failures >= self.wire.attempts:
                    raise
                await self.wire.sleep(pause_s)
            else:
                return answer
            self.counters.retries += 1

    @property
    def _patience_s(self) -> float:
        """How long to go on with a request: short when its address may be wrong."""
        return self.wire.patience_s if self._reached else self.wire.first_contact_s

    def pause_after(self, error: ApiError, *, attempt: int) -> float:
        """Return how long to wait after the `attempt`-th failure in a row."""
        wish = getattr(error, "retry_after_s", None)
        grown = min(LONGEST_PAUSE_S, BASE_PAUSE_S * 2.0 ** (attempt - 1))
        jitter = random.uniform(0.5, 1.0)
        return float(wish) if wish is not None else grown * jitter

    async def pages(
        self, url: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[tuple[Answer, dict[str, Any]]]:
        """Follow the next links from `url`; each is sent as it was written."""
        address: str | None = url
        while address:
            answer = await self.get(address, headers)
            body = answer.body
            if not isinstance(body, dict):
                msg = f"{SYSTEM_TITLES[self.system]} answered a read without JSON."
                raise Unavailable(msg, system=self.system, status=answer.status)
            yield answer, body
            address = next_address(answer.url, body)

    async def _once(self, request: Request) -> Answer:
        token = await self._token.token()
        answer = await self._exchange(request, token)
        if isinstance(answer, SignInRefused) and token:
            token = await self._token.token(refused=token)
            answer = await self._exchange(request, token)
        if isinstance(answer, TielineError):
            raise answer
        return answer

    async def _exchange(self, request: Request, token: str) -> Answer | TielineError:
        headers = dict(request.headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with self.pace.lane():
            sent = self.wire.clock()
            self.counters.requests += 1
            try:
                response = await self._http.request(
                    request.method,
                    request.url,
                    headers=headers,
                    content=request.content,
                )
            except (httpx.TransportError, httpx.DecodingError) as error:
                return self._unanswered(request, error)
            self._reached = True
            took_s = self.wire.clock() - sent
        log.debug(
            "%s %s %s: %d in %.3f s",
            self.system,
            request.method,
            urlsplit(request.url).path,
            response.status_code,
            took_s,
        )
        if response.status_code == 429:
            self.counters.throttled += 1
        else:
            self.pace.succeeded(response.headers)
        # A multipart answer holds its errors inside, whatever its own status is.
        multipart = response.headers.get("content-type", "").startswith("multipart/")
        if response.status_code < 300 or (
            multipart and response.status_code not in (401, 429)
        ):
            return Answer(
                response.status_code,
                response.headers,
                response.content,
                str(response.url),
                _service_time(response.headers, took_s),
            )
        return self._error(request, response)

    def _error(self, request: Request, response: httpx.Response) -> TielineError:
        error = self._classify(
            response.status_code, response.headers, parsed(response.content)
        )
        if isinstance(error, Unavailable):
            error.maybe_done = request.method != "GET"
        return error

    def _unanswered(self, request: Request, error: Exception) -> Unavailable:
        place = urlsplit(request.url).netloc
        failure = Unavailable(
            f"{SYSTEM_TITLES[self.system]} at {place} gave no answer "
            f"({type(error).__name__}).",
            system=self.system,
            advice="Check the address and that the service is up.",
        )
        never_sent = isinstance(error, _NEVER_SENT)
        self._reached |= not never_sent
        failure.maybe_done = request.method != "GET" and not never_sent
        return failure


def _service_time(headers: Mapping[str, str], took_s: float) -> datetime:
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC) - UNKNOWN_CLOCK_MARGIN
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    return told.astimezone(UTC) - timedelta(seconds=took_s)


async def gather_all(*work: Awaitable[T]) -> list[T]:
    """Run all to their end, then raise the first failure: no write is cut short."""
    tasks = [asyncio.ensure_future(one) for one in work]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
