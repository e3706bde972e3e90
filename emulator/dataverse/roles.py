"""Answers which security roles a user has of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_OID, uuid5

from emulator.dataverse.exchange import Answer, Request
from emulator.dataverse.plain import query_items
from emulator.dataverse.privileges import demand

if TYPE_CHECKING:
    from emulator.dataverse.organization import Organization

ASSOCIATION = "systemuserroles_association"
ADMINISTRATOR = "System Administrator"


def read_roles(org: Organization, user_id: str, request: Request) -> Answer:
    """Answer the roles of a user, as its navigation shows them.

    Raises:
        Refusal: an option that does not hold.
    """
    demand(org, request.user, "prvReadRole")
    given = org.security.of_user.get(user_id)
    if given is not None:
        found = {id_: org.security.roles[id_].name for id_ in given}
    else:
        names = org.roles.get(user_id, (ADMINISTRATOR,))
        found = {str(uuid5(NAMESPACE_OID, name)): name for name in names}
    items = [{"roleid": id_, "name": name} for id_, name in found.items()]
    return query_items(items, request, "roles", frozenset())
