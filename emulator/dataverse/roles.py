"""Answers which security roles a user has of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from emulator.dataverse.exchange import Answer, Request
from emulator.dataverse.plain import query_items

if TYPE_CHECKING:
    from emulator.dataverse.organization import Organization

ASSOCIATION = "systemuserroles_association"
ADMINISTRATOR = "System Administrator"


def read_roles(org: Organization, user_id: str, request: Request) -> Answer:
    """Answer the roles of a user, as its navigation shows them.

    Raises:
        Refusal: an option that does not hold.
    """
    items = [
        {"roleid": str(uuid5(NAMESPACE_OID, name)), "name": name}
        for name in org.roles.get(user_id, (ADMINISTRATOR,))
    ]
    return query_items(items, request, "roles", frozenset())
