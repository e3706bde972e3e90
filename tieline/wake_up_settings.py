"""The settings of the receiver of change notices."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from tieline.errors import SettingsError
from tieline.service_settings import Section, absolute_url, is_loopback, secret_in

LONGEST_KEY = 2048


class WakeUpSettings(Section):
    """Where notices are received, who may send them, and how a burst is collapsed.

    `host` and `port` are what `tieline listen` binds, `public_url` is how both
    services reach it. `key` is the secret that each notice has to carry. A job is
    started `collapse_s` seconds after its first notice. Where `service_bus` is a
    connection string, notices are also taken from its `service_bus_queue`.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8810, ge=0, le=65_535)
    public_url: str = ""
    key: SecretStr = Field(default=SecretStr(""), max_length=LONGEST_KEY)
    key_file: str = ""
    collapse_s: float = Field(default=5, ge=0, le=600)
    service_bus: SecretStr = SecretStr("")
    service_bus_file: str = ""
    service_bus_queue: str = ""

    @model_validator(mode="after")
    def _read_secrets(self) -> Self:
        self.key = secret_in(self.key, self.key_file)
        self.service_bus = secret_in(self.service_bus, self.service_bus_file)
        return self

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, url: str) -> str:
        if "?" in url or "#" in url:
            msg = "it must end before a question mark or a #"
            raise ValueError(msg)
        return absolute_url(url)

    def require_authentication(self) -> None:
        """Refuse to be reached from outside without a key. Raises SettingsError."""
        if self.key.get_secret_value():
            return
        for name, place, is_here in (
            ("host", self.host, is_loopback(f"http://{bracketed(self.host)}")),
            ("public_url", self.public_url, is_loopback(self.public_url or _HERE)),
        ):
            if not is_here:
                msg = (
                    f"The setting wake_up.{name} is {place}, where anybody could send "
                    "notices, and wake_up.key is missing."
                )
                advice = "Set TIELINE_WAKE_UP__KEY, or stay on 127.0.0.1."
                raise SettingsError(msg, advice=advice)


_HERE = "http://127.0.0.1"


def bracketed(host: str) -> str:
    """Return a host as addresses write it."""
    return f"[{host}]" if ":" in host else host
