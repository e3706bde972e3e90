"""Business Central's error responses: the status, code and text of each refusal."""

from __future__ import annotations

from typing import Any
from uuid import uuid4


class Refusal(Exception):
    """A request is refused with this status, code and text."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text

    def body(self) -> dict[str, Any]:
        """Return the error payload, with a correlation id of its own."""
        message = f"{self.text}  CorrelationId:  {uuid4()}."
        return {"error": {"code": self.code, "message": message}}


def bad_request(text: str) -> Refusal:
    """Return the refusal of something malformed."""
    return Refusal(400, "BadRequest", text)


def dialog(text: str) -> Refusal:
    """Return the refusal that business logic raises with a text of its own."""
    return Refusal(400, "Application_DialogException", text)


def unknown_property(name: str, entity: str) -> Refusal:
    """Return the refusal of a query that names a property the page lacks."""
    return bad_request(
        f"Could not find a property named '{name}' on type 'Microsoft.NAV.{entity}'."
    )


def not_a_property(name: str, entity: str) -> Refusal:
    """Return the refusal of a body that names a property the page lacks."""
    return bad_request(
        f"The property '{name}' does not exist on type 'Microsoft.NAV.{entity}'. "
        "Make sure to only use property names that are defined by the type."
    )


def read_only(name: str) -> Refusal:
    """Return the refusal of a write to a read-only control."""
    return Refusal(
        400, "BadRequest_InvalidOperation", f"Control '{name}' is read-only."
    )


def too_long(value: str, length: int, most: int) -> Refusal:
    """Return the refusal of a text that the field cannot hold."""
    return Refusal(
        400,
        "Application_StringExceededLength",
        f"The length of the string is {length}, but it must be less than or "
        f"equal to {most} characters. Value: {value}",
    )


def no_such_row(table: str) -> Refusal:
    """Return the refusal of a key that no row has."""
    return Refusal(
        404,
        "Internal_RecordNotFound",
        f"The {table} does not exist. It may have been deleted.",
    )


def no_relation(caption: str, table: str, value: str, related: str) -> Refusal:
    """Return the refusal of a code that the related table lacks."""
    return Refusal(
        400,
        "Internal_InvalidTableRelation",
        f"The field {caption} of table {table} contains a value ({value}) that "
        f"cannot be found in the related table ({related}).",
    )


def same_key(table: str, key: str) -> Refusal:
    """Return the refusal of a second row with the same primary key or id."""
    return Refusal(
        400,
        "Internal_EntityWithSameKeyExists",
        f"The record in table {table} already exists. "
        f"Identification fields and values: {key}",
    )


def no_segment(name: str) -> Refusal:
    """Return the refusal of a path segment that names nothing."""
    return Refusal(
        404,
        "BadRequest_ResourceNotFound",
        f"Resource not found for the segment '{name}'.",
    )


def not_allowed(method: str, name: str, kind: str = "Entity") -> Refusal:
    """Return the refusal of a method that the page does not allow."""
    return Refusal(
        405,
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{name}' of EdmType '{kind}' are not allowed within "
        "Dynamics 365 Business Central OData web services.",
    )


def no_token() -> Refusal:
    """Return the refusal of a change without a usable If-Match."""
    return Refusal(
        400,
        "BadRequest_InvalidToken",
        "Could not validate the client concurrency token required by the service. "
        "Please provide a valid token in the client request.",
    )


def changed() -> Refusal:
    """Return the refusal of a change to a row that somebody else changed."""
    return Refusal(
        409,
        "Request_EntityChanged",
        "Another user has already changed the record.",
    )


BY_STATUS = {
    400: Refusal(
        400,
        "Application_DialogException",
        "The operation could not be completed because the record is being updated in "
        "a transaction done by another session.",
    ),
    401: Refusal(
        401,
        "Authentication_InvalidCredentials",
        "The server has rejected the client credentials.",
    ),
    429: Refusal(
        429, "Application_TooManyRequests", "Too many requests. Try again later."
    ),
    503: Refusal(
        503, "Internal_TenantUnavailable", "The tenant is temporarily unavailable."
    ),
}
"""Refusals that come before any page is asked."""
