"""How one service is reached and signed in to: its part of the settings."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from tieline.secret_sources import resolve
from tieline.web_address import why_not_business_central, why_not_dataverse

MICROSOFT_TOKEN_URL = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SignInMethod(StrEnum):
    """How Tieline proves to a service who it is."""

    NONE = "none"
    CLIENT_SECRET = "client-secret"
    CERTIFICATE = "certificate"
    MANAGED_IDENTITY = "managed-identity"
    WORKLOAD_IDENTITY = "workload-identity"
    AZURE_CLI = "azure-cli"
    BASIC = "basic"

    @property
    def words(self) -> str:
        """How sentences call it."""
        if self is SignInMethod.AZURE_CLI:
            return "Azure command line with a signed-in user"
        return self.value.replace("-", " ")


class Section(BaseModel):
    """One table of settings: unknown ones are refused, blanks around values dropped."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        # A value that was pasted or read from a file often ends in a line end.
        return value.strip() if isinstance(value, str) else value


class UserSettings(Section):
    """A further application user of the same tenant."""

    client_id: str = Field(min_length=1)
    client_secret: SecretStr = SecretStr("")
    client_secret_file: str = ""

    @model_validator(mode="after")
    def _read_secret(self) -> Self:
        self.client_secret = secret_in(self.client_secret, self.client_secret_file)
        return self


class ServiceSettings(Section):
    """How to reach one service; secrets never show in a repr.

    `auth` chooses the way to sign in; without it a client id signs in with its
    secret, and without a client id nobody does. A secret may be in a file instead,
    which `client_secret_file` names. `users` are further application users that
    requests are spread over, as the services count their limits per user.
    """

    url: str = ""
    auth: SignInMethod | None = None
    tenant_id: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    client_secret_file: str = ""
    certificate_path: str = ""
    certificate_password: SecretStr = SecretStr("")
    token_url: str = ""
    users: list[UserSettings] = Field(default_factory=list)

    @model_validator(mode="after")
    def _read_secret(self) -> Self:
        self.client_secret = secret_in(self.client_secret, self.client_secret_file)
        self.certificate_password = secret_in(self.certificate_password, "")
        return self

    @field_validator("tenant_id")
    @classmethod
    def _one_name(cls, tenant: str) -> str:
        if tenant and not _TENANT.fullmatch(tenant):
            msg = "it must be the tenant's id or its domain"
            raise ValueError(msg)
        return tenant

    @field_validator("url", "token_url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        return absolute_url(url)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        # What follows would end up behind the question mark.
        if urlsplit(url).query or urlsplit(url).fragment or url.endswith(("?", "#")):
            msg = "it must end before a question mark or a #"
            raise ValueError(msg)
        return url

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine, where no token is asked for."""
        return is_loopback(self.url)

    @property
    def method(self) -> SignInMethod:
        """The way to sign in: as set, else by client id and secret, else none."""
        if self.auth is not None:
            return self.auth
        return SignInMethod.CLIENT_SECRET if self.client_id else SignInMethod.NONE

    def each_user(self) -> list[Self]:
        """Return these settings once for each application user."""
        others = [
            self.model_copy(
                update={
                    "client_id": user.client_id,
                    "client_secret": user.client_secret,
                }
            )
            for user in self.users
        ]
        return [self, *others]

    def value_of(self, name: str) -> str:
        """Return a setting as text, secrets included."""
        value = getattr(self, name)
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    @property
    def token_address(self) -> str:
        """The token endpoint: as set, else the Microsoft identity platform's."""
        return self.token_url or MICROSOFT_TOKEN_URL.format(tenant=self.tenant_id)


class BusinessCentralSettings(ServiceSettings):
    """Business Central: `url` is the service root, up to but without /api.

    User name and web service access key are for installations on premises (`auth` =
    basic).
    """

    company: str = ""
    username: str = ""
    access_key: SecretStr = SecretStr("")
    access_key_file: str = ""

    @field_validator("url", mode="before")
    @classmethod
    def _is_api(cls, url: Any) -> Any:
        return _refused(url, why_not_business_central)

    @model_validator(mode="after")
    def _read_key(self) -> Self:
        self.access_key = secret_in(self.access_key, self.access_key_file)
        return self

    @field_validator("url")
    @classmethod
    def _is_root(cls, url: str) -> str:
        # Caught here: a store would otherwise take it for another environment.
        if "api" in urlsplit(url).path.lower().split("/"):
            msg = "it must be the service root, without /api and what follows"
            raise ValueError(msg)
        return url


class DataverseSettings(ServiceSettings):
    """Dataverse: `url` is the organisation's root."""

    @field_validator("url", mode="before")
    @classmethod
    def _is_api(cls, url: Any) -> Any:
        return _refused(url, why_not_dataverse)

    @field_validator("auth")
    @classmethod
    def _is_offered(cls, auth: SignInMethod | None) -> SignInMethod | None:
        if auth is SignInMethod.BASIC:
            msg = "Dataverse takes no user name and key; sign in with Microsoft Entra"
            raise ValueError(msg)
        return auth


def _refused(url: Any, why_not: Callable[[str], str]) -> Any:
    """Refuse an address that leads to people's pages, not to the API."""
    try:
        reason = why_not(url.strip()) if isinstance(url, str) else ""
    except ValueError:
        return url
    if reason:
        raise ValueError(reason)
    return url


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def variable(system: str, name: str) -> str:
    """Return the environment variable of a service's setting."""
    return f"TIELINE_{system}__{name}".upper()


def secret_in(value: SecretStr, path: str) -> SecretStr:
    """Return a secret: the value, what it refers to, or the content of a file.

    The white space around a file's content does not count.

    Raises:
        ValueError: both are given, the file cannot be read or is empty, or the source
            that the value refers to does not give the secret.
    """
    if not path:
        return SecretStr(resolve(value.get_secret_value()))
    if value.get_secret_value():
        msg = "the secret is set itself and by a file; keep one of them"
        raise ValueError(msg)
    try:
        text = Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        msg = f"the file {path} cannot be read: {reason}"
        raise ValueError(msg) from None
    if not text:
        msg = f"the file {path} is empty"
        raise ValueError(msg)
    return SecretStr(text)


def absolute_url(url: str) -> str:
    """Return an address without a slash at its end; empty stays empty.

    Raises:
        ValueError: it is not absolute, holds credentials or has no sensible port.
    """
    url = url.strip()
    if not url:
        return url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        # Not the value: what is wrong with it may be a password in it.
        msg = "it must be an absolute http(s) address"
        raise ValueError(msg)
    if parts.username or parts.password:
        msg = "it must not hold a user name or a password"
        raise ValueError(msg)
    if not _is_port(parts):
        msg = "its port must be a number from 1 to 65535"
        raise ValueError(msg)
    return url.rstrip("/")


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
