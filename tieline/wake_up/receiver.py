"""The receiver: the addresses that both services post their notices to.

What it answers decides what the services do next. Business Central tries again after
408, 429 and 5xx and ends the subscription after any other refusal; Dataverse tries
once more after 502, 503 and 504. A notice that was taken is kept until its job is
started, so it is answered at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tieline.wake_up.notices import Notice, from_business_central, from_dataverse
from tieline.wake_up.senders import may_ask, may_send

BC_PATH = "/notices/business-central"
DATAVERSE_PATH = "/notices/dataverse"
HEALTH_PATH = "/health"
METRICS_PATH = "/metrics"
LARGEST_BODY = 8 * 1024 * 1024
LONGEST_TOKEN = 4096

Take = Callable[[Iterable[Notice]], None]
"""Takes notices in; never fails."""
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


class TooLarge(Exception):
    """A body that no notice has."""


def create_receiver(
    take: Take,
    key: str,
    health: Callable[[], dict[str, Any]],
    metrics: Callable[[], str] = str,
) -> Starlette:
    """Return the application.

    `key` is what each notice has to carry; without one all are taken, which is for
    loopback only. `health` tells what GET /health shows, to whoever asks; `metrics`
    what GET /metrics shows, to who knows the key. It may take its time.
    """

    async def business_central(request: Request) -> Response:
        token = request.query_params.get("validationToken")
        if token is not None:
            # The handshake: whoever echoes the token is the receiver.
            if len(token) > LONGEST_TOKEN:
                return _refused(400)
            return PlainTextResponse(token, headers=_SAFE)
        received = from_business_central(await _body(request), key)
        if received is None:
            return _refused(400)
        if received.refused and not received.notices:
            return _refused(401)
        take(received.notices)
        return Response(status_code=200)

    async def dataverse(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not may_send(key, request.query_params, headers):
            return _refused(401)
        notice = from_dataverse(await _body(request), headers)
        if notice is None:
            return _refused(400)
        take([notice])
        return Response(status_code=200)

    async def healthy(_: Request) -> Response:
        return JSONResponse(health(), headers=_SAFE)

    def measured(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not may_ask(key, headers):
            return Response(status_code=401, headers={**_SAFE, **_CHALLENGE})
        return PlainTextResponse(metrics(), headers=_SAFE, media_type=_PROMETHEUS)

    async def too_large(_: Request, __: Exception) -> Response:
        return _refused(413)

    async def gone(_: Request, __: Exception) -> Response:
        return _refused(400)

    return Starlette(
        routes=[
            Route(BC_PATH, business_central, methods=["POST"]),
            Route(DATAVERSE_PATH, dataverse, methods=["POST"]),
            Route(HEALTH_PATH, healthy, methods=["GET"]),
            Route(METRICS_PATH, measured, methods=["GET"]),
        ],
        exception_handlers={TooLarge: too_large, ClientDisconnect: gone},
    )


async def _body(request: Request) -> bytes:
    """Read a body, never more of it than a notice may have."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > LARGEST_BODY:
            raise TooLarge
    return bytes(read)


def _refused(status: int) -> Response:
    return Response(status_code=status, headers=_SAFE)
