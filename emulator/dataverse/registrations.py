"""The webhooks of an organization and the steps that they are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

WEBHOOK = 8
WEBHOOK_KEY, HTTP_HEADER, QUERY_STRING = 4, 5, 6
POST_OPERATION, ASYNCHRONOUS = 40, 1
ENABLED, DISABLED = 0, 1
MESSAGES = ("Create", "Update", "Delete")
"""Messages of a row that steps can be registered for here."""


@dataclass(frozen=True)
class Registered:
    """A step with all that its notices need."""

    id: str
    message: str
    table: str
    columns: frozenset[str]
    endpoint: Mapping[str, Any]


class Registrations:
    """The endpoints and steps of an organization, by id, as their columns."""

    def __init__(self) -> None:
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.steps: dict[str, dict[str, Any]] = {}

    def registered(self) -> list[Registered]:
        """Return the enabled steps."""
        return [
            Registered(
                step["sdkmessageprocessingstepid"],
                step["sdkmessageid"]["name"],
                (step["sdkmessagefilterid"] or {}).get("primaryobjecttypecode", ""),
                frozenset(filter(None, (step["filteringattributes"] or "").split(","))),
                self.endpoints[step["_eventhandler_value"]],
            )
            for step in self.steps.values()
            if step["statecode"] == ENABLED
        ]


def message_id(name: str) -> str:
    """Return the id of a message."""
    return str(uuid5(NAMESPACE_OID, name))


def filter_id(table: str, message: str) -> str:
    """Return the id of what says that a table has a message."""
    return str(uuid5(NAMESPACE_OID, f"{table}/{message}"))
