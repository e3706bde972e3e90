"""HTTP front end of the emulated Business Central, as one ASGI application."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.business_central.batch import answer_batch
from emulator.business_central.exchange import Answer, Call, split_route
from emulator.business_central.multipart_batch import answer_multipart
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    no_segment,
)
from emulator.business_central.schema import COMPANION
from emulator.business_central.service import answer, counted_as
from emulator.business_central.state import BusinessCentralState
from emulator.odata.query import read_query
from emulator.surface import Surface
from emulator.token import token_route

JSON = "application/json; odata.metadata=minimal"
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]


def create_business_central(state: BusinessCentralState) -> Starlette:
    """Return the service on `state`: both API routes, tokens and `/_emulator/`."""

    async def serve(request: Request) -> Response:
        body = await request.body()
        with state.lock:
            return _rendered(_served(state, request, body))

    return Starlette(
        routes=[
            token_route(state.tokens),
            Route("/{path:path}", serve, methods=_METHODS),
        ],
        middleware=[Middleware(Surface, ground=state.ground)],
    )


def _served(state: BusinessCentralState, request: Request, body: bytes) -> Answer:
    path: str = request["path"]
    split = split_route(path)
    if split is None or (split[1] == COMPANION and not state.companion):
        name = path.rpartition("/api/")[2].strip("/").partition("/")[0]
        return Answer(404, no_segment(name).body())
    root, route, rest = split
    is_multipart = rest == "/$batch" and request.headers.get(
        "content-type", ""
    ).lower().startswith("multipart/")
    try:
        content = {} if is_multipart else _content(body)
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body())
    call = Call(
        request.method,
        f"{request.url.scheme}://{request.url.netloc}{root}",
        route,
        rest,
        read_query(request.url.query),
        dict(request.headers),
        content,
    )
    state.counters.requests[counted_as(call)] += 1
    if is_multipart and request.method == "POST":
        return answer_multipart(state, call, body)
    if rest == "/$batch":
        return answer_batch(state, call)
    return answer(state, call)


def _content(body: bytes) -> Any:
    if not body:
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad_request("The request body is not valid JSON.") from None


def _rendered(result: Answer) -> Response:
    headers = {"OData-Version": "4.0", **result.headers}
    if isinstance(result.body, str):
        return Response(result.body, result.status, headers)
    if result.body is None:
        return Response(None, result.status, headers)
    return Response(orjson.dumps(result.body), result.status, headers, JSON)
