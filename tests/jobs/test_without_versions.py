"""A server whose rows carry no version: changes still travel, and only they."""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.world import Ground, World

_TAG = re.compile(rb'"@odata\.etag": ?"(?:[^"\\]|\\.)*",?')


def without_tags(app: ASGIApp) -> ASGIApp:
    """Serve `app` with all entity tags taken out of its answers."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        content = b""

        async def changed(message: Message) -> None:
            nonlocal start, content
            if message["type"] == "http.response.start":
                start = message
                return
            content += message.get("body", b"")
            if message.get("more_body"):
                return
            body = _TAG.sub(b"", content)
            headers = MutableHeaders(scope=start)
            del headers["etag"]
            headers["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await app(scope, receive, changed)

    return served


def test_a_row_without_a_version_is_no_echo(world: World, base: Ground) -> None:
    """Equal versions prove that nothing changed; two missing ones prove nothing."""
    assert base.bc.app is not None
    assert base.dataverse.app is not None
    base.bc.app = without_tags(base.bc.app)
    base.dataverse.app = without_tags(base.dataverse.app)
    row = world.customer("Adatum")
    first = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1} == world.counts(first, "to-dataverse")
    world.edit_customer(row["id"], displayName="Adatum Ltd.")
    second = world.run("CUSTOMER")
    assert 1 == second.directions["to-dataverse"].modified
    assert ["Adatum Ltd."] == [one["name"] for one in world.dv.rows("account")]
    third = world.run("CUSTOMER")
    assert 0 == sum(one.modified + one.failed for one in third.directions.values())
