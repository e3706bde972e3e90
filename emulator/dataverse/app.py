"""ASGI application that serves an emulated organization over the network."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import unquote
from uuid import uuid4

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulator.dataverse.addressing import ROOT
from emulator.dataverse.batching import run_batch
from emulator.dataverse.dispatch import perform
from emulator.dataverse.exchange import Answer, Request, refused
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import (
    NeverEnds,
    Refusal,
    no_segment,
    turned_away,
)
from emulator.surface import ADMIN, Surface
from emulator.token import token_route

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def create_dataverse(state: Organization) -> Starlette:
    """Return the Web API of `state`, with its token endpoint and admin routes."""

    async def serve(http: HttpRequest) -> Response:
        body = await http.body()
        try:
            with state.lock:
                answer = _answer(state, http, body)
        except NeverEnds:
            await _outlast(http, state.slow.seconds)
            answer = refused(Refusal(500, "0x80044151", "SQL timeout expired."))
        headers = {**answer.headers, "x-ms-service-request-id": str(uuid4())}
        headers["REQ_ID"] = headers["x-ms-service-request-id"]
        return Response(answer.body, answer.status, headers)

    return Starlette(
        routes=[
            token_route(state.ground.tokens),
            Route("/{path:path}", serve, methods=_METHODS),
        ],
        middleware=[
            Middleware(Doorway, org=state),
            Middleware(Surface, ground=state.ground),
        ],
    )


def _answer(org: Organization, http: HttpRequest, body: bytes) -> Answer:
    path: str = http.scope["path"]
    raw = http.scope.get("raw_path")
    if raw:
        path = unquote(raw.partition(b"?")[0].decode("latin-1"))
    if f"{path}/".startswith(ROOT) and len(path) < len(ROOT):
        path = ROOT
    if not path.startswith(ROOT):
        return refused(no_segment(path.strip("/").partition("/")[0]))
    if org.standing != "member":
        return refused(turned_away(org.standing, org.people.integration))
    host = http.headers.get("host", "localhost")
    request = Request(
        method=http.method,
        path=path.removeprefix(ROOT),
        query=http.scope["query_string"].decode("latin-1"),
        headers={name.lower(): value for name, value in http.headers.items()},
        body=body,
        root=f"{http.scope['scheme']}://{host}{ROOT}",
        user=org.people.integration,
    )
    if request.path != "$batch":
        return perform(org, request)
    if request.method != "POST":
        return refused(no_segment("$batch"))
    org.ground.counters.requests["POST $batch"] += 1
    return run_batch(org, request)


async def _outlast(http: HttpRequest, seconds: float) -> None:
    """Stay silent until the caller gives up, or for `seconds`."""

    async def gone() -> None:
        while (await http.receive())["type"] != "http.disconnect":
            pass

    with suppress(TimeoutError):
        await asyncio.wait_for(gone(), seconds)


class Doorway:
    """ASGI middleware: service protection, and the challenge beside a 401."""

    def __init__(self, app: ASGIApp, org: Organization) -> None:
        self.app = app
        self.org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer 429."""
        if scope["type"] != "http" or scope["path"].startswith(ADMIN):
            await self.app(scope, receive, send)
            return
        authorization = Headers(scope=scope).get("authorization", "")
        self.org.ground.tokens.recognise(authorization)
        limits = self.org.users.now
        limits.running += 1
        try:
            now = self.org.ground.clock.now().timestamp()
            rest = limits.admit(now) if _is_api(scope) else {}
            await self.app(scope, receive, self._with_headers(scope, send, rest))
        except Refusal as refusal:
            answer = refused(refusal)
            response = Response(answer.body, answer.status, dict(answer.headers))
            response.headers["Date"] = self.org.ground.clock.date_header()
            await response(scope, receive, send)
        finally:
            limits.running -= 1

    def _with_headers(self, scope: Scope, send: Send, rest: dict[str, str]) -> Send:
        host = Headers(scope=scope).get("host", "localhost")
        authority = f"{scope['scheme']}://{host}"

        async def extended(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(rest)
                if message["status"] == 401 and _is_api(scope):
                    headers["WWW-Authenticate"] = (
                        "Bearer authorization_uri="
                        f"{authority}/common/oauth2/authorize, "
                        f"resource_id={authority}/"
                    )
            await send(message)

        return extended


def _is_api(scope: Scope) -> bool:
    return bool(scope["path"].startswith(ROOT.rstrip("/")))
