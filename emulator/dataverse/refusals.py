"""The Web API's error responses: the status, code and text of each refusal."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """An answer with an error body; raised anywhere, answered by the dispatcher."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


PAYLOAD_HELP = "https://go.microsoft.com/fwlink/?linkid=2195293"


def bad_query(message: str) -> Refusal:
    """Return the refusal of a URL, a query option or a property in one."""
    return Refusal(400, "0x80060888", message)


def no_property(name: str, table: str) -> Refusal:
    """Return the refusal of a property that the entity type does not have."""
    return bad_query(
        f"Could not find a property named '{name}' on type "
        f"'Microsoft.Dynamics.CRM.{table}'."
    )


def turned_away(standing: str, user: str) -> Refusal:
    """Return the refusal of a caller that is no user, a disabled one or without roles.

    The sentences are the service's; everything that they ask for is refused.
    """
    code, message = {
        "stranger": ("0x80072560", "The user is not a member of the organization."),
        "disabled": (
            "0x80040225",
            f"The specified user(Id = {user}) is disabled. Consider enabling this "
            "user.",
        ),
        "without-roles": (
            "0x80042F09",
            f"Principal user (Id={user}, type=8, roleCount=0, privilegeCount=0, "
            "accessMode=4), is missing prvReadOrganization privilege.",
        ),
    }[standing]
    return Refusal(403, code, message)


def locked() -> Refusal:
    """Return the refusal of a row that another session holds; it passes."""
    message = "SQL timeout expired: the row is being updated by another session."
    return Refusal(500, "0x80044151", message)


class NeverEnds(Exception):
    """The service works on a request until its time is over, and answers nothing."""


def no_action(name: str) -> Refusal:
    """Return the refusal of an action that the set does not offer."""
    message = f"Resource not found for the segment '{name}'."
    return Refusal(404, "0x8006088A", message)


def no_segment(name: str) -> Refusal:
    """Return the refusal of a path that leads nowhere."""
    message = f"Resource not found for the segment '{name}'."
    return Refusal(404, "0x80060888", message)


def wrong_method(method: str) -> Refusal:
    """Return the refusal of a method that the resource does not offer."""
    message = f"The requested resource does not support http method '{method}'."
    return Refusal(405, "0x80060888", message)


def bad_payload(set_name: str, inner: str) -> Refusal:
    """Return the refusal of a body that cannot be read as a row."""
    return Refusal(
        400,
        "0x80048d19",
        f"Error identified in Payload provided by the user for Entity :'{set_name}', "
        f"For more information on this error please follow this help link "
        f"{PAYLOAD_HELP}  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {inner}",
    )


def undeclared(set_name: str, name: str) -> Refusal:
    """Return the refusal of a bind whose navigation property is unknown."""
    return bad_payload(
        set_name,
        f"An undeclared property '{name}' which only has property annotations in the "
        "payload but no property value was found in the payload. In OData, only "
        "declared navigation properties and declared named streams can be "
        "represented as properties without values.",
    )


def wrong_literal(set_name: str, value: object, edm_type: str) -> Refusal:
    """Return the refusal of a value of the wrong type."""
    shown = str(value).lower() if isinstance(value, bool) else value
    return bad_payload(
        set_name,
        f"Cannot convert the literal '{shown}' to the expected type '{edm_type}'.",
    )


def missing_row(schema_name: str, row_id: str) -> Refusal:
    """Return the refusal of an id that names no row."""
    message = f"Entity '{schema_name}' With Id = {row_id} Does Not Exist"
    return Refusal(404, "0x80040217", message)


def missing_by_key(table: str) -> Refusal:
    """Return the refusal of alternate key values that name no row."""
    return Refusal(
        404,
        "0x80060891",
        f"A record with the specified key values does not exist in {table} entity",
    )


def not_a_key(table: str) -> Refusal:
    """Return the refusal of key columns that are no defined key."""
    return bad_query(
        "The key in the request URI is not valid for resource "
        f"'Microsoft.Dynamics.CRM.{table}'. Ensure that the names and number of key "
        "properties match the declared or alternate key properties for the resource."
    )


def duplicate() -> Refusal:
    """Return the refusal of a row that exists already."""
    message = "A record with matching key values already exists."
    return Refusal(412, "0x80040237", message)


def duplicate_key(key: str, columns: str) -> Refusal:
    """Return the refusal of values that an alternate key holds already."""
    return Refusal(
        412,
        "0x80060892",
        f"Entity Key {key} violated. A record with the same value for {columns} "
        "already exists. A duplicate record cannot be created.",
    )


def version_mismatch() -> Refusal:
    """Return the refusal of an outdated If-Match."""
    return Refusal(
        412,
        "0x80060882",
        "The version of the existing record doesn't match the RowVersion property "
        "provided.",
    )


def no_version() -> Refusal:
    """Return the refusal of an If-Match that names no version."""
    return Refusal(
        400,
        "0x80060890",
        "The RowVersion property must be provided when the value of "
        "ConcurrencyBehavior is IfVersionMatches.",
    )


def in_use() -> Refusal:
    """Return the refusal to delete a row that others need."""
    return Refusal(
        405,
        "0x80040227",
        "The object you tried to delete is associated with another object and cannot "
        "be deleted.",
    )


def too_long(column: str, table: str, length: int) -> Refusal:
    """Return the refusal of a text over its length; two blanks are the service's."""
    return Refusal(
        400,
        "0x80044331",
        f"A validation error occurred.  The length of the '{column}' attribute of the "
        f"'{table}' entity exceeded the maximum allowed length of '{length}'.",
    )


def out_of_range(column: str, table: str, kind: str) -> Refusal:
    """Return the refusal of a number outside its range, or of an unknown option."""
    code = {"Picklist": "0x8004431A", "Integer": "0x8004432F"}.get(kind, "0x80044330")
    return Refusal(
        400,
        code,
        f"A validation error occurred.  The value of '{column}' on record of type "
        f"'{table}' is outside the valid range.",
    )


def invalid(message: str) -> Refusal:
    """Return the refusal of an argument that the table's rules do not allow."""
    return Refusal(400, "0x80040203", message)


def wrong_status(status: int, state: str, schema_name: str, row_id: str) -> Refusal:
    """Return the refusal of a status reason outside the row's state."""
    return Refusal(
        400,
        "0x80048408",
        f"{status} is not a valid status code for state code {schema_name}State."
        f"{state} on {schema_name.lower()} with Id {row_id}.",
    )


def untracked(table: str) -> Refusal:
    """Return the refusal of change tracking on a table without it."""
    message = f"Change tracking is not enabled for the entity {table}."
    return Refusal(400, "0x80060888", message)


def expired_token() -> Refusal:
    """Return the refusal of a delta token that is too old."""
    return Refusal(
        400,
        "0x80044352",
        "Version stamp associated with the client has expired. Please perform a full "
        "sync.",
    )


def unbound(message: str) -> Refusal:
    """Return the refusal of a Content-ID reference that nothing carries."""
    return Refusal(400, "0x80060888", message)
