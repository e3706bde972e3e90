"""Token endpoint for client credentials, and the tokens that it issues."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.clock import Clock

TOKEN_PATH = "/{tenant}/oauth2/v2.0/token"

CALLER: ContextVar[str] = ContextVar("CALLER", default="")
"""The client id behind the request that is being served; empty without sign-in."""

L = TypeVar("L")


class LimitsOfUsers(dict[str, L]):
    """The limits of each application user, as the services count them per user.

    `model` holds for whoever has none yet; the first client and callers without a
    sign-in use it itself.
    """

    def __init__(self, model: L, tokens: Tokens) -> None:
        super().__init__()
        self._model, self._tokens = model, tokens

    @property
    def now(self) -> L:
        """The limits of the caller of this request."""
        caller = CALLER.get()
        if caller in ("", self._tokens.client_id):
            return self._model
        if caller not in self:
            model: Any = self._model
            settings = {
                one.name: getattr(model, one.name)
                for one in fields(model)
                if not one.name.startswith("_") and one.name != "running"
            }
            self[caller] = type(model)(**settings)
        return self[caller]


@dataclass
class Tokens:
    """The credentials of one service and the tokens it gave out.

    Without a `client_id` nobody is asked for a token. `scope` is the one the
    client has to ask for; empty accepts every `…/.default`. `others` are further
    clients and their secrets: each is an application user of its own.
    """

    clock: Clock
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    lifetime_s: int = 3599
    others: dict[str, str] = field(default_factory=dict, repr=False)
    issued: dict[str, float] = field(default_factory=dict, repr=False)
    holders: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_demanded(self) -> bool:
        """Whether a request needs a token."""
        return bool(self.client_id)

    def revoke(self) -> None:
        """Make every token given out so far worthless."""
        self.issued.clear()

    def accepts(self, authorization: str) -> bool:
        """Tell whether an Authorization header lets the request in."""
        if not self.is_demanded:
            return True
        scheme, _, token = authorization.partition(" ")
        expires = self.issued.get(token, 0.0)
        return scheme.lower() == "bearer" and self.clock.now().timestamp() < expires

    def recognise(self, authorization: str) -> None:
        """Remember whose request this is, for the limits of each user."""
        CALLER.set(self.holders.get(authorization.partition(" ")[2], ""))

    def answer(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Return status and body for a token request."""
        for name in ("grant_type", "client_id", "scope"):
            if not form.get(name):
                text = f"The request body must contain the parameter: '{name}'."
                return 400, self._refusal("invalid_request", 900144, text)
        if form["grant_type"] != "client_credentials":
            text = f"The grant type '{form['grant_type']}' is not supported."
            return 400, self._refusal("unsupported_grant_type", 70003, text)
        known = {self.client_id: self.client_secret, **self.others}
        if self.is_demanded and form["client_id"] not in known:
            text = "The application was not found in the directory."
            return 401, self._refusal("invalid_client", 700016, text)
        if self.is_demanded and not secrets.compare_digest(
            form.get("client_secret", "").encode(), known[form["client_id"]].encode()
        ):
            text = "Invalid client secret provided."
            return 401, self._refusal("invalid_client", 7000215, text)
        is_right = form["scope"].endswith("/.default")
        if not is_right or (self.scope and form["scope"] != self.scope):
            text = "The provided value for scope is not valid for client credentials."
            return 400, self._refusal("invalid_scope", 1002012, text)
        token = secrets.token_urlsafe(48)
        self.issued[token] = self.clock.now().timestamp() + self.lifetime_s
        self.holders[token] = form["client_id"]
        return 200, {
            "token_type": "Bearer",
            "expires_in": self.lifetime_s,
            "ext_expires_in": self.lifetime_s,
            "access_token": token,
        }

    def _refusal(self, error: str, code: int, text: str) -> dict[str, Any]:
        trace, correlation = str(uuid4()), str(uuid4())
        moment = self.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        return {
            "error": error,
            "error_description": (
                f"AADSTS{code}: {text} Trace ID: {trace} "
                f"Correlation ID: {correlation} Timestamp: {moment}"
            ),
            "error_codes": [code],
            "timestamp": moment,
            "trace_id": trace,
            "correlation_id": correlation,
        }


def token_route(tokens: Tokens) -> Route:
    """Return the token endpoint as a route of a service's application."""

    async def issue(request: Request) -> JSONResponse:
        body = (await request.body()).decode("utf-8", "replace")
        status, answer = tokens.answer(dict(parse_qsl(body)))
        return JSONResponse(answer, status, headers={"Cache-Control": "no-store"})

    return Route(TOKEN_PATH, issue, methods=["POST"])
