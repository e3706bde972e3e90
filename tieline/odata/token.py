"""Bearer tokens of one service: fetched when needed, kept in memory only.

Where tokens come from is a matter of the settings: a token endpoint that takes client
credentials (OAuth 2.0, RFC 6749 section 4.4), or a credential of Azure Identity.
"""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx

from tieline.errors import SYSTEM_TITLES, SignInRefused, SystemName, Unavailable
from tieline.odata.wire import Wire, parsed, retry_after_s
from tieline.service_settings import ServiceSettings, variable

EARLY_S = 300.0
"""A token is replaced this long before it expires: a request may queue."""
ATTEMPTS = 4


class Token(NamedTuple):
    """A bearer token and its lifetime in seconds from now."""

    value: str
    lifetime_s: float


class Issuer(Protocol):
    """Where tokens come from."""

    async def issue(self) -> Token:
        """Return a new token.

        Raises:
            SignInRefused: the client is refused.
            Unavailable: no answer came.
        """
        ...


class TokenSource:
    """Hands out the bearer token of one service, one sign-in at a time."""

    def __init__(self, issuer: Issuer, wire: Wire) -> None:
        self._issuer = issuer
        self._wire = wire
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = 0.0

    async def token(self, *, refused: str = "") -> str:
        """Return a token that is good for a while.

        `refused` is a token that the service turned down: never returned again.

        Raises:
            SignInRefused: the client is refused.
            Unavailable: no token could be had.
        """
        async with self._lock:
            if self._token == refused or self._wire.clock() >= self._good_until:
                issued = await self._issuer.issue()
                self._token = issued.value
                self._good_until = self._wire.clock() + max(
                    issued.lifetime_s - EARLY_S, issued.lifetime_s / 2
                )
            return self._token


class TokenEndpoint:
    """A token endpoint that takes a client id and secret."""

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        system: SystemName,
        scope: str,
        http: httpx.AsyncClient,
        wire: Wire,
    ) -> None:
        self._settings = settings
        self._system: SystemName = system
        self._scope = scope
        self._http = http
        self._wire = wire
        self._reached = False

    async def issue(self) -> Token:
        """Ask the endpoint, again while it is busy."""
        title = SYSTEM_TITLES[self._system]
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
            "scope": self._scope,
        }
        began = self._wire.clock()
        wish_s: float | None = None
        what = "cannot be reached"
        for attempt in range(min(ATTEMPTS, self._wire.attempts)):
            if attempt:
                pause_s = 2.0**attempt if wish_s is None else wish_s
                took_s = self._wire.clock() - began
                limit_s = (
                    self._wire.patience_s
                    if self._reached
                    else self._wire.first_contact_s
                )
                if took_s + pause_s > limit_s:
                    break
                await self._wire.sleep(pause_s)
            try:
                answer = await self._http.post(
                    self._settings.token_address, data=form, auth=httpx.Auth()
                )
            except (httpx.TransportError, httpx.DecodingError):
                continue
            except (httpx.InvalidURL, ValueError):
                break
            self._reached = True
            if answer.status_code in (408, 429) or answer.status_code >= 500:
                wish_s = retry_after_s(answer.headers)
                what = f"answers with status {answer.status_code}"
                continue
            body = parsed(answer.content)
            fields = body if isinstance(body, dict) else {}
            if answer.status_code >= 400 or not fields.get("access_token"):
                raise self._refusal(fields, answer.status_code)
            return Token(
                str(fields["access_token"]), _seconds(fields.get("expires_in"))
            )
        host = urlsplit(self._settings.token_address).netloc
        msg = f"The token endpoint for {title} at {host} {what}."
        advice = "Check the network"
        if self._settings.token_url:
            advice += f" and {variable(self._system, 'token_url')}"
        raise Unavailable(msg, system=self._system, advice=f"{advice}.")

    def _refusal(self, fields: dict[str, object], status: int) -> SignInRefused:
        """Name the endpoint's codes only: its description quotes what was sent."""
        error = fields.get("error")
        codes = [error if error and isinstance(error, str) else f"status {status}"]
        codes += service_codes(str(fields.get("error_description", "")))
        advice = "Check tenant, client id and client secret."
        if self._settings.token_url:
            name = variable(self._system, "token_url")
            advice = f"Check {name}, client id and secret."
        return refusal(self._system, codes, advice)


def refusal(system: SystemName, codes: list[str], advice: str) -> SignInRefused:
    """Return the error of a refused sign-in, with the codes the issuer gave."""
    return SignInRefused(
        f"The sign-in to {SYSTEM_TITLES[system]} was refused ({', '.join(codes)}).",
        advice=advice,
    )


def service_codes(description: str) -> list[str]:
    """Return the first code of the Microsoft identity platform in a text, if any."""
    return re.findall(r"AADSTS\d+", description)[:1]


def _seconds(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 3600.0
