"""Sends one request: signed in, paced, and repeated when that is safe."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from tieline.errors import (
    SYSTEM_TITLES,
    ApiError,
    SettingsError,
    SystemName,
    Throttled,
    TielineError,
    Unavailable,
)
from tieline.odata.links import next_address, redirected
from tieline.odata.pace import Pace
from tieline.odata.sign_in import auths_for
from tieline.odata.users import ApplicationUser, ApplicationUsers
from tieline.odata.wire import (
    Answer,
    Classify,
    Counters,
    Request,
    Wire,
    http_date,
    parsed,
)
from tieline.settings import ServiceSettings

T = TypeVar("T")

log = logging.getLogger(__name__)
# They log whole addresses and headers, and ours hold values of records.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

MOST_HOPS = 5
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
        self.served_at: datetime | None = None
        self.skew_s: float | None = None
        self._reached = False
        self._http = httpx.AsyncClient(
            verify=_trusted(),
            transport=wire.transport,
            timeout=httpx.Timeout(wire.timeout_s, connect=wire.connect_timeout_s),
            headers=dict(headers),
            follow_redirects=False,
        )
        auths = auths_for(
            settings, system=system, scope=scope, http=self._http, wire=wire
        )
        self.users = ApplicationUsers(
            [
                ApplicationUser(
                    auth,
                    Pace(max_lanes=max_lanes, clock=wire.clock, sleep=wire.sleep),
                )
                for auth in auths
            ]
        )

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

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        divisible: bool = False,
    ) -> Answer:
        """Send a GET, repeated as `send` does."""
        return await self.send(
            Request(
                "GET", url, headers=headers or {}, repeatable=True, divisible=divisible
            )
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
            user = self.users.least_busy()
            try:
                answer = await self._once(request, user)
            except Throttled as error:
                refusals += 1
                pause_s = self.pause_after(error, attempt=refusals)
                user.pace.throttled(pause_s)
                if self.wire.clock() - began + pause_s > self.wire.patience_s:
                    raise
            except Unavailable as error:
                failures += 1
                repeatable = request.repeatable or not error.maybe_done
                repeatable &= not (request.divisible and error.timed_out)
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
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        divisible: bool = False,
    ) -> AsyncIterator[tuple[Answer, dict[str, Any]]]:
        """Follow the next links from `url`; each is sent as it was written.

        With `divisible` the first page is not repeated when it took too long.

        Raises:
            Unavailable: an answer is no page, or its link leads back.

        """
        address: str | None = url
        seen: set[str] = set()
        while address:
            is_first = not seen
            seen.add(address)
            answer = await self.get(address, headers, divisible=divisible and is_first)
            body = answer.body
            if not isinstance(body, dict) or not isinstance(body.get("value"), list):
                raise self._senseless("answered a read without rows", answer)
            yield answer, body
            address = next_address(answer.url, body)
            if address in seen:
                raise self._senseless("sends from page to page in a circle", answer)

    def _senseless(self, what: str, answer: Answer) -> TielineError:
        if is_web_page(answer):
            return not_an_api(self.system, answer)
        msg = f"{SYSTEM_TITLES[self.system]} {what}."
        return Unavailable(msg, system=self.system, status=answer.status)

    async def _once(self, request: Request, user: ApplicationUser) -> Answer:
        for _ in range(MOST_HOPS):
            answer = await self._exchange(request, user)
            if isinstance(answer, TielineError):
                raise answer
            if isinstance(answer, Answer):
                return answer
            request = answer
        raise self._moved(request.url)

    async def _exchange(
        self, request: Request, user: ApplicationUser
    ) -> Answer | Request | TielineError:
        """Send once; a redirection inside the service gives what to send next."""
        async with user.pace.lane():
            sent = self.wire.clock()
            self.counters.requests += 1
            try:
                response = await self._http.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    content=request.content,
                    auth=user.auth,
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
            user.pace.succeeded(response.headers)
        # A multipart answer holds its errors inside, whatever its own status is.
        kind = response.headers.get("content-type", "").lower()
        multipart = kind.startswith("multipart/")
        if response.status_code < 300 or (
            multipart and response.status_code not in (401, 429)
        ):
            self.served_at = _service_time(response.headers, took_s)
            self.skew_s = _skew_s(response.headers)
            return Answer(
                response.status_code,
                response.headers,
                response.content,
                str(response.url),
                self.served_at,
            )
        if response.has_redirect_location:
            target = response.headers["location"]
            keeps = response.status_code in (307, 308) or request.method == "GET"
            following = redirected(str(response.url), target) if keeps else None
            return replace(request, url=following) if following else self._moved(target)
        return self._error(request, response)

    def _moved(self, target: str) -> SettingsError:
        """Say that a redirection is not followed: our credentials stay here."""
        parts = urlsplit(target)
        place = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "elsewhere"
        return SettingsError(
            f"{SYSTEM_TITLES[self.system]} at this address only points to {place}.",
            advice=f"Correct TIELINE_{self.system.upper()}__URL.",
        )

    def _error(self, request: Request, response: httpx.Response) -> TielineError:
        error = self._classify(
            response.status_code, response.headers, parsed(response.content)
        )
        if isinstance(error, Unavailable):
            error.maybe_done = request.method != "GET"
        return error

    def _unanswered(self, request: Request, error: Exception) -> Unavailable:
        place = f"{SYSTEM_TITLES[self.system]} at {urlsplit(request.url).netloc}"
        what = f"{place} gave no answer ({type(error).__name__})."
        advice = "Check the address and that the service is up."
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            what = f"{place} shows a certificate that is not trusted."
            advice = "Let SSL_CERT_FILE name the certificates of who signed it."
        failure = Unavailable(what, system=self.system, advice=advice)
        failure.timed_out = isinstance(error, httpx.ReadTimeout)
        never_sent = isinstance(error, _NEVER_SENT)
        self._reached |= not never_sent
        failure.maybe_done = request.method != "GET" and not never_sent
        return failure


def is_web_page(answer: Answer) -> bool:
    """Whether people would see this: a page, where an API answers with data."""
    return "text/html" in answer.headers.get("content-type", "").lower()


def not_an_api(system: SystemName, answer: Answer) -> SettingsError:
    """Say that the address leads to a web page."""
    place = urlsplit(answer.url)
    return SettingsError(
        f"{SYSTEM_TITLES[system]}'s address leads to a web page at {place.netloc}, "
        "not to an API.",
        advice=f"Correct TIELINE_{system.upper()}__URL.",
    )


def _service_time(headers: Mapping[str, str], took_s: float) -> datetime:
    told = http_date(headers.get("date", ""))
    if told is None:
        return datetime.now(UTC) - UNKNOWN_CLOCK_MARGIN
    return told - timedelta(seconds=took_s)


def _skew_s(headers: Mapping[str, str]) -> float | None:
    """Return how far the service's clock is ahead of ours, None if it is not told."""
    told = http_date(headers.get("date", ""))
    return None if told is None else (told - datetime.now(UTC)).total_seconds()


async def gather_all(*work: Awaitable[T]) -> list[T]:
    """Run all to their end, then raise the first failure: no write is cut short."""
    tasks = [asyncio.ensure_future(one) for one in work]
    await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
