"""Who are we to the service? Client-credentials tokens, kept in memory only."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import httpx

from tieline.errors import (
    SYSTEM_TITLES,
    SettingsError,
    SignInRefused,
    SystemName,
    Unavailable,
)
from tieline.odata.wire import Wire, parsed, retry_after_s
from tieline.settings import ServiceSettings

EARLY_S = 300.0
"""A token is replaced this long before it expires: a request may queue."""
ATTEMPTS = 4


class TokenSource:
    """Hands out the bearer token of one service, one sign-in at a time.

    Raises SettingsError at once when there is no client id and the address is
    not this machine: only there is no token accepted.
    """

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
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = 0.0
        self._reached = False
        _check(settings, system)

    async def token(self, *, refused: str = "") -> str:
        """Return a token that is good for a while; empty when none is needed.

        `refused` is a token that the service turned down: never returned again.

        Raises:
            SignInRefused: the token endpoint refuses the client.
            Unavailable: it cannot be reached.

        """
        if not self._settings.client_id:
            return ""
        async with self._lock:
            if self._token == refused or self._wire.clock() >= self._good_until:
                await self._sign_in()
            return self._token

    async def _sign_in(self) -> None:
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
                answer = await self._http.post(self._settings.token_address, data=form)
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
            lifetime_s = _seconds(fields.get("expires_in"))
            self._token = str(fields["access_token"])
            self._good_until = self._wire.clock() + max(
                lifetime_s - EARLY_S, lifetime_s / 2
            )
            return
        host = urlsplit(self._settings.token_address).netloc
        msg = f"The token endpoint for {title} at {host} {what}."
        advice = "Check the network"
        if self._settings.token_url:
            advice += f" and {variable(self._system, 'TOKEN_URL')}"
        raise Unavailable(msg, system=self._system, advice=f"{advice}.")

    def _refusal(self, fields: dict[str, object], status: int) -> SignInRefused:
        """Name the endpoint's codes only: its description quotes what was sent."""
        error = fields.get("error")
        codes = [error if error and isinstance(error, str) else f"status {status}"]
        codes += re.findall(r"AADSTS\d+", str(fields.get("error_description", "")))[:1]
        title = SYSTEM_TITLES[self._system]
        advice = "Check tenant, client id and client secret"
        if self._settings.token_url:
            advice = (
                f"Check {variable(self._system, 'TOKEN_URL')}, client id and secret"
            )
        return SignInRefused(
            f"The sign-in to {title} was refused ({', '.join(codes)}).",
            advice=f"{advice}.",
        )


def variable(system: SystemName, key: str) -> str:
    """Return the environment variable of a service's setting."""
    return f"TIELINE_{system.upper()}__{key}"


def _check(settings: ServiceSettings, system: SystemName) -> None:
    title, name = SYSTEM_TITLES[system], f"TIELINE_{system.upper()}"
    if not settings.url:
        msg = f"The address of {title} is not set."
        raise SettingsError(msg, advice=f"Set {name}__URL.")
    if not settings.client_id and not settings.is_loopback:
        msg = f"There are no credentials for {title} at {settings.url}."
        raise SettingsError(
            msg, advice=f"Set {name}__CLIENT_ID and {name}__CLIENT_SECRET."
        )
    if not settings.client_id:
        return
    if not settings.client_secret.get_secret_value():
        msg = f"The client secret for {title} is missing."
        raise SettingsError(msg, advice=f"Set {name}__CLIENT_SECRET.")
    if not settings.tenant_id and not settings.token_url:
        msg = f"The tenant that signs in to {title} is missing."
        raise SettingsError(msg, advice=f"Set {name}__TENANT_ID.")
    for key, address in (("URL", settings.url), ("TOKEN_URL", settings.token_address)):
        is_here = ServiceSettings.model_construct(url=address).is_loopback
        if urlsplit(address).scheme != "https" and not is_here:
            msg = f"The credentials for {title} would travel unprotected."
            raise SettingsError(msg, advice=f"Begin {name}__{key} with https://.")


def _seconds(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 3600.0
