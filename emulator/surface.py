"""ASGI middleware of emulated services: faults, sign-in, clock and admin routes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import unquote_plus

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulator.clock import Clock
from emulator.counters import Counters
from emulator.faults import Fault, Faults, read_fault
from emulator.token import Tokens

ADMIN = "/_emulator/"
ABORT = "tieline.abort"
"""Extension of the ASGI scope: a callable that drops the TCP connection."""

_TOKEN = re.compile(r"/[^/]+/oauth2/v2\.0/token")
_LONG_HOLD_S = 600.0
_STATUS = {"throttle": 429, "unavailable": 503}


class Gate(Protocol):
    """Limits of the service itself: who may come in now?"""

    retry_after_s: float

    async def enter(self) -> int:
        """Wait for a place; return 0, or the status of the refusal."""
        ...

    def leave(self) -> None:
        """Free the place again."""
        ...


@dataclass
class Ground:
    """What tests turn and read on one emulated service.

    `refuse` writes the service's own error body for a status; `locked` is the status
    with which it refuses a row of another session; `gate`, if any, gives
    the limits of the caller, which are asked before a request is served and told when
    it is done.
    """

    refuse: Callable[[int], bytes]
    clock: Clock = field(default_factory=Clock)
    gate: Callable[[], Gate] | None = None
    locked: int = 400
    faults: Faults = field(default_factory=Faults)
    counters: Counters = field(default_factory=Counters)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.clock)


class Surface:
    """ASGI middleware: applies the ground's rules before the service is asked."""

    def __init__(self, app: ASGIApp, ground: Ground) -> None:
        self.app = app
        self.ground = ground

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or let it fail as a rule wants it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(ADMIN):
            answer = await self._administer(path[len(ADMIN) :], scope, receive)
            await answer(scope, receive, send)
            return
        send = self._dated(send)
        if not _TOKEN.fullmatch(path):
            self.ground.counters.received += 1
            if not self._is_let_in(scope):
                await self._answer(401)(scope, receive, send)
                return
        query = unquote_plus(scope["query_string"].decode("latin-1"))
        whole = f"{path}?{query}" if query else path
        due = self.ground.faults.due(scope["method"], whole)
        if self.ground.gate is None or _TOKEN.fullmatch(path):
            await self._served(due, scope, receive, send)
            return
        await self._gated(self.ground.gate(), due, scope, receive, send)

    async def _gated(
        self, gate: Gate, due: list[Fault], scope: Scope, receive: Receive, send: Send
    ) -> None:
        if status := await gate.enter():
            wait = gate.retry_after_s if status == 503 else None
            await self._answer(status, wait)(scope, receive, send)
            return
        try:
            await self._served(due, scope, receive, send)
        finally:
            gate.leave()

    async def _served(
        self, due: list[Fault], scope: Scope, receive: Receive, send: Send
    ) -> None:
        after: Fault | None = None
        for fault in due:
            if fault.kind == "latency":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "edit" and fault.edit is not None:
                fault.edit()
            elif fault.kind in (*_STATUS, "locked"):
                status = _STATUS.get(fault.kind, self.ground.locked)
                answer = self._answer(status, fault.retry_after)
                await answer(scope, receive, send)
                return
            elif fault.kind == "reset-before":
                await _drop(scope, receive)
                return
            else:
                after = fault
        if after is None:
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _swallow)
        if after.kind == "timeout-after":
            await _silence(receive, after.seconds or _LONG_HOLD_S)
        await _drop(scope, receive)

    def _is_let_in(self, scope: Scope) -> bool:
        authorization = Headers(scope=scope).get("authorization", "")
        self.ground.tokens.recognise(authorization)
        return self.ground.tokens.accepts(authorization)

    def _answer(self, status: int, retry_after: float | None = None) -> Response:
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = f"{retry_after:g}"
        body = self.ground.refuse(status)
        return Response(body, status, headers, "application/json")

    def _dated(self, send: Send) -> Send:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = self.ground.clock.date_header()
            await send(message)

        return dated

    async def _administer(self, name: str, scope: Scope, receive: Receive) -> Response:
        ground = self.ground
        match scope["method"], name:
            case "GET", "counters":
                return _json(ground.counters.snapshot())
            case "POST", "reset":
                ground.counters.reset()
                ground.faults.clear()
                ground.clock.skew = timedelta()
                return Response(status_code=204)
            case "POST", "faults" | "clock":
                try:
                    self._set(name, orjson.loads(await _body(receive)))
                except (ValueError, TypeError) as error:
                    return _json({"error": str(error)}, 400)
                return Response(status_code=204)
        return _json({"error": "unknown"}, 404)

    def _set(self, name: str, values: Any) -> None:
        if name == "clock":
            self.ground.clock.skew = timedelta(seconds=float(values["skew_s"]))
            return
        rules = [read_fault(one) for one in values]
        for rule in rules:
            self.ground.faults.add(rule)


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


async def _swallow(message: Message) -> None:
    """Let the service believe that its answer goes out."""


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


async def _silence(receive: Receive, seconds: float) -> None:
    """Wait until the client gives up, at most `seconds`."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), seconds)
    except TimeoutError:
        return


async def _drop(scope: Scope, receive: Receive) -> None:
    """End the connection without an answer.

    Raises:
        ConnectionResetError: there is no connection: called in process.
    """
    abort = scope.get("extensions", {}).get(ABORT)
    if abort is None:
        raise ConnectionResetError
    abort()
    await _silence(receive, 1.0)
