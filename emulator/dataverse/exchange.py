"""What goes in and out: a request, alone or in a batch, and its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson

from emulator.dataverse.options import Preferences, read_preferences
from emulator.dataverse.refusals import Refusal, bad_payload
from emulator.odata.query import read_query

JSON = "application/json; odata.metadata=minimal"
STANDARD_HEADERS = {"OData-Version": "4.0"}


@dataclass(frozen=True)
class Request:
    """One request. `path` is decoded and relative to the root, `query` is raw.

    `headers` have lower-case names. `references` and `in_batch` are set for
    parts of a batch.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    root: str
    user: str
    references: Mapping[str, str] = field(default_factory=dict)
    in_batch: bool = False

    @cached_property
    def options(self) -> dict[str, str]:
        """The query options, decoded."""
        return read_query(self.query)

    @cached_property
    def preferences(self) -> Preferences:
        """What the Prefer header asks for."""
        return read_preferences(self.headers.get("prefer", ""))

    @property
    def applied(self) -> dict[str, str]:
        """The header that tells which preferences took effect."""
        applied = self.preferences.applied
        return {"Preference-Applied": ",".join(applied)} if applied else {}

    @property
    def url(self) -> str:
        """The absolute URL as it was asked for."""
        return f"{self.root}{self.path}" + (f"?{self.query}" if self.query else "")

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            Refusal: it is none.
        """
        name = self.path.partition("(")[0].partition("/")[0]
        try:
            value = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError:
            raise bad_payload(name, "The request body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise bad_payload(name, "A JSON object was expected.")
        return value


@dataclass(frozen=True)
class Answer:
    """One answer; `created` is the address of the row that a write named."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    created: str = ""


def answered(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return a JSON answer."""
    return Answer(
        status,
        {"Content-Type": JSON, **STANDARD_HEADERS, **(headers or {})},
        orjson.dumps(value),
    )


def done(headers: Mapping[str, str] | None = None, created: str = "") -> Answer:
    """Return 204, optionally with the address of the row."""
    return Answer(204, {**STANDARD_HEADERS, **(headers or {})}, created=created)


def refused(refusal: Refusal, annotations: str = "") -> Answer:
    """Return the error answer of a refusal."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if annotations:
        error["@Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"] = "0"
        error["@Microsoft.PowerApps.CDS.HelpLink"] = (
            "http://go.microsoft.com/fwlink/?LinkID=398563&error="
            f"Microsoft.Crm.CrmException%3a{refusal.code[2:]}"
        )
    return answered({"error": error}, refusal.status, refusal.headers)
