"""Signing requests, as httpx's authentication: bearer tokens, or basic.

Raises SettingsError at once where the settings cannot work: a half-set credential, or
one that would travel unprotected.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import httpx

from tieline.errors import SYSTEM_TITLES, SettingsError, SystemName
from tieline.odata.token import Issuer, TokenEndpoint, TokenSource
from tieline.odata.wire import Wire
from tieline.service_settings import (
    ServiceSettings,
    SignInMethod,
    is_loopback,
    variable,
)


class BearerAuth(httpx.Auth):
    """Signs requests with a token; a token that is turned down is replaced once."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign the request, and once more when the service answers 401."""
        token = await self._source.token()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = await self._source.token(refused=token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request


def auths_for(
    settings: ServiceSettings,
    *,
    system: SystemName,
    scope: str,
    http: httpx.AsyncClient,
    wire: Wire,
) -> list[httpx.Auth | None]:
    """Return how the requests of each application user are signed.

    None stands for requests without a sign-in.

    Raises:
        SettingsError: what the method needs is missing, or would travel unprotected.
    """
    require_credentials(settings, system)
    return [
        _auth(one, system=system, scope=scope, http=http, wire=wire)
        for one in settings.each_user()
    ]


def _auth(
    settings: ServiceSettings,
    *,
    system: SystemName,
    scope: str,
    http: httpx.AsyncClient,
    wire: Wire,
) -> httpx.Auth | None:
    if settings.method is SignInMethod.NONE:
        return None
    if settings.method is SignInMethod.BASIC:
        return httpx.BasicAuth(
            settings.value_of("username"), settings.value_of("access_key")
        )
    issuer: Issuer
    if settings.method is SignInMethod.CLIENT_SECRET and settings.token_url:
        issuer = TokenEndpoint(
            settings, system=system, scope=scope, http=http, wire=wire
        )
    else:
        # Half a second of imports that other ways to sign in do without.
        from tieline.odata.azure import AzureIdentity  # noqa: PLC0415

        issuer = AzureIdentity(settings, system=system, scope=scope)
    return BearerAuth(TokenSource(issuer, wire))


_NEEDED = {
    SignInMethod.CLIENT_SECRET: {
        "client_id": "client id",
        "client_secret": "client secret",
        "tenant_id": "tenant that signs in",
    },
    SignInMethod.CERTIFICATE: {
        "client_id": "client id",
        "certificate_path": "certificate",
        "tenant_id": "tenant that signs in",
    },
    SignInMethod.BASIC: {
        "username": "user name",
        "access_key": "web service access key",
    },
}
"""What each method needs, and how sentences call it."""


def require_credentials(settings: ServiceSettings, system: SystemName) -> None:
    """Make sure that the settings can sign in.

    Raises:
        SettingsError: what is missing, or would travel unprotected.
    """
    title = SYSTEM_TITLES[system]
    if not settings.url:
        msg = f"The address of {title} is not set."
        raise SettingsError(msg, advice=f"Set {variable(system, 'url')}.")
    if settings.method is SignInMethod.NONE:
        if is_loopback(settings.url):
            return
        id_, secret = variable(system, "client_id"), variable(system, "client_secret")
        msg = f"There are no credentials for {title} at {settings.url}."
        raise SettingsError(msg, advice=f"Set {id_} and {secret}.")
    for name, words in _NEEDED.get(settings.method, {}).items():
        if name == "tenant_id" and settings.token_url:
            continue
        if not settings.value_of(name):
            to = " to" if name == "tenant_id" else " for"
            msg = f"The {words}{to} {title} is missing."
            raise SettingsError(msg, advice=f"Set {variable(system, name)}.")
    if settings.users and settings.method is not SignInMethod.CLIENT_SECRET:
        msg = f"Further users of {title} sign in with a client secret only."
        raise SettingsError(msg, advice="Remove them or the setting auth.")
    for user in settings.users:
        if not user.client_secret.get_secret_value():
            msg = (
                f"The client secret of the user {user.client_id} of {title} is missing."
            )
            raise SettingsError(msg, advice="Set its client_secret.")
    for name, address in (
        ("url", settings.url),
        ("token_url", settings.token_url),
    ):
        if address and not (
            urlsplit(address).scheme == "https" or is_loopback(address)
        ):
            msg = f"The credentials for {title} would travel unprotected."
            advice = f"Begin {variable(system, name)} with https://."
            raise SettingsError(msg, advice=advice)
