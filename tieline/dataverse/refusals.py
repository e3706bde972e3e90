"""Translates Dataverse's status and error code into the project's errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tieline.errors import (
    Duplicate,
    Forbidden,
    NotFound,
    Rejected,
    SignInRefused,
    TielineError,
    Unavailable,
    VersionConflict,
)
from tieline.odata.refusals import unavailable_or_throttled
from tieline.odata.wire import service_error

THROTTLED = frozenset({"0x80072321", "0x80072322", "0x80072326"})
_PASSING_CODES = frozenset({"0x80040216", "0x80044150", "0x80044151"})
"""Trouble in the database: unexpected, generic SQL error, SQL time-out."""
_PASSING = re.compile(
    r"\bdeadlock|SQL time-?out|Cannot obtain lock|lock request time|Timeout expired"
    r"|another session|being updated by another",
    re.IGNORECASE,
)
BAD_NAME = "0x80060888"
NO_ACTION = "0x8006088a"
"""The code of an action, such as a bulk message, that a set does not have."""
SQL_TIMEOUT = "0x80044151"
_BY_CODE: dict[str, type[Rejected]] = {
    "0x80040237": Duplicate,
    "0x80060892": Duplicate,
    "0x80040333": Duplicate,
    "0x80060882": VersionConflict,
    "0x80060890": VersionConflict,
    "0x80040217": NotFound,
    "0x80060891": NotFound,
    "0x80040220": Forbidden,
    "0x80042f09": Forbidden,
    "0x80048306": Forbidden,
    "0x80048405": Forbidden,
}
_BY_STATUS: dict[int, type[Rejected]] = {
    403: Forbidden,
    404: NotFound,
    409: VersionConflict,
    412: VersionConflict,
    428: VersionConflict,
}
_TURNED_AWAY = (
    (
        re.compile(r"0x80072560|not a member of the organi[sz]ation", re.IGNORECASE),
        "Add it to this organisation as an application user, with a security role.",
    ),
    (
        re.compile(r"\buser\b.*\bis disabled|\bdisabled user", re.IGNORECASE),
        "Enable its application user in this organisation.",
    ),
    (
        re.compile(
            r"roleCount=0\b|\b(no|any) (security )?roles?\b|not been assigned .*roles?",
            re.IGNORECASE,
        ),
        "Give its application user a security role.",
    ),
)
"""403s that are about who we are, and not about one row or privilege."""
_UNKNOWN_NAME = re.compile(r"Could not find a property named|Resource not found for")
_MATCHING_KEY = "A record with matching key values already exists"


def classify(status: int, headers: Mapping[str, str], body: Any) -> TielineError:
    """Return the error that an answer of Dataverse stands for."""
    code, text = service_error(body)
    request_id = headers.get("x-ms-service-request-id") or headers.get("req_id") or ""
    if status == 401:
        return SignInRefused(
            f"Dataverse refused the sign-in{f': {text}' if text else '.'}",
            advice="Check the client and that it is an application user.",
        )
    if status == 403 and (remedy := _remedy(code.lower(), text)):
        return SignInRefused(
            f"Dataverse refused the application: {text or code}", advice=remedy
        )
    kind = _BY_CODE.get(code.lower())
    if kind is None and _MATCHING_KEY in text:
        # Some paths answer 412 without a code: only the text tells a duplicate.
        kind = Duplicate
    told = 429 if code.lower() in THROTTLED else status
    if status < 500 and told != 429 and _passes(code, text):
        told = 503
    general = unavailable_or_throttled("dataverse", told, headers, body)
    if kind is None and general is not None:
        general.request_id, general.status = request_id, status
        if isinstance(general, Unavailable) and code.lower() == SQL_TIMEOUT:
            general.timed_out = True
        return general
    chosen = kind or _BY_STATUS.get(status, Rejected)
    return chosen(
        text or f"Dataverse answered with status {status}.",
        system="dataverse",
        status=status,
        service_code=code,
        request_id=request_id,
    )


def _passes(code: str, text: str) -> bool:
    """Tell whether only the moment caused a refusal: a lock, a time-out of SQL."""
    return code.lower() in _PASSING_CODES or bool(_PASSING.search(text))


def _remedy(code: str, text: str) -> str:
    """Return what lets a user in that is turned away as such; empty for others."""
    return next(
        (advice for sign, advice in _TURNED_AWAY if sign.search(f"{code} {text}")), ""
    )


def is_unknown_name(error: Rejected) -> bool:
    """Whether the service does not know a set or a column that we named."""
    return bool(_UNKNOWN_NAME.search(error.message))
