"""Tells which rows were deleted since the last look, by change tracking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tieline.errors import Rejected
from tieline.odata.client import Client
from tieline.odata.links import next_address, same_service
from tieline.odata.model import Table
from tieline.odata.query import address

_PREFER = {"Prefer": "odata.track-changes,odata.maxpagesize=5000"}


@dataclass(frozen=True)
class Deletions:
    """What change tracking told.

    `ids` were deleted since the token was given out; `token` is the next one,
    None when tracking has to begin anew: `state` says why. "begun" means that
    there was no token, so that earlier deletions are not known.
    """

    ids: tuple[str, ...]
    token: str | None
    state: Literal["tracked", "begun", "expired", "not_enabled"]


async def deletions(
    client: Client, root: str, table: Table, token: str | None
) -> Deletions:
    """Read the deletions since `token`; without one, begin to track.

    To begin reads the keys of the whole table once: the service gives the first
    token with the last page only.
    """
    base = f"{root}/{table.set_name}"
    url = address(base, {"$select": table.key})
    if token is not None:
        url = same_service(base, token)
    deleted: list[str] = []
    following: str | None = None
    try:
        async for answer, body in client.pages(url, _PREFER):
            if token is not None:
                deleted += [
                    str(row["id"]).lower()
                    for row in body.get("value", [])
                    if _is_deletion(row)
                ]
            link = {"@odata.nextLink": body.get("@odata.deltaLink")}
            following = next_address(answer.url, link) or following
    except Rejected:
        # Whatever the reason (not enabled, no right to read the whole table, a
        # token that is too old): deletions are noticed by a sweep of keys then.
        return Deletions((), None, "not_enabled" if token is None else "expired")
    if following is None:
        return Deletions((), None, "not_enabled")
    state: Literal["tracked", "begun"] = "begun" if token is None else "tracked"
    return Deletions(tuple(deleted), following, state)


def _is_deletion(row: dict[str, Any]) -> bool:
    context = str(row.get("@odata.context") or "")
    is_marked = row.get("reason") == "deleted" or context.endswith("/$deletedEntity")
    return is_marked and "id" in row
