"""Translates Business Central's status and error code into the project's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tieline.errors import (
    Duplicate,
    Forbidden,
    NotFound,
    Rejected,
    SettingsError,
    SignInRefused,
    TielineError,
    UnknownCompany,
    VersionConflict,
)
from tieline.odata.refusals import NothingFound, unavailable_or_throttled
from tieline.odata.wire import service_error

_CORRELATION = re.compile(r"\s*CorrelationId:\s*([0-9A-Fa-f-]{36})\.?\s*$")
_BY_CODE: dict[str, type[Rejected]] = {
    "Internal_EntityWithSameKeyExists": Duplicate,
    "Request_EntityChanged": VersionConflict,
    "BadRequest_InvalidToken": VersionConflict,
    "Internal_RecordNotFound": NotFound,
    "Internal_DataNotFoundFilter": NothingFound,
}
_BY_STATUS: dict[int, type[Rejected]] = {
    403: Forbidden,
    404: NotFound,
    409: VersionConflict,
    412: VersionConflict,
    428: VersionConflict,
}
_PASSING = re.compile(
    r"another session|locked by|record is locked|table is locked|\bdeadlock"
    r"|lock time-?out|lock request time|Please retry the activity"
    r"|Start the activity again|Another user has modified"
    r"|information on the page is not up-to-date",
    re.IGNORECASE,
)
"""Texts of refusals, mostly 400, that a lock or another's write caused: they pass."""
_UNKNOWN_NAME = re.compile(r"Could not find a property named|Resource not found for")


def classify(status: int, headers: Mapping[str, str], body: Any) -> TielineError:
    """Return the error that an answer of Business Central stands for.

    The text is the service's own without its correlation id, which goes to
    `request_id`.
    """
    code, text = service_error(body)
    found = _CORRELATION.search(text)
    request_id = found.group(1) if found else headers.get("request-id", "")
    text = _CORRELATION.sub("", text)
    if "NoEnvironment" in text or code == "NoEnvironment":
        return SettingsError(
            "Business Central has no environment at this address.",
            advice="Correct TIELINE_BC__URL.",
        )
    if status == 401:
        return SignInRefused(
            f"Business Central refused the sign-in{f': {text}' if text else '.'}",
            advice="Check the client and its registration in Business Central.",
        )
    if code == "Internal_CompanyNotFound":
        return UnknownCompany(text or "Business Central does not know the company.")
    kind: type[Rejected] | None = _BY_CODE.get(code)
    told = 503 if kind is None and _PASSING.search(text) else status
    general = unavailable_or_throttled("bc", told, headers, body)
    if kind is None and general is not None:
        general.request_id, general.status = request_id, status
        return general
    chosen = kind or _BY_STATUS.get(status, Rejected)
    return chosen(
        text or f"Business Central answered with status {status}.",
        system="bc",
        status=status,
        service_code=code,
        request_id=request_id,
    )


def is_unknown_name(error: Rejected) -> bool:
    """Whether the service does not know a set or a property that we named."""
    return bool(_UNKNOWN_NAME.search(error.message))
