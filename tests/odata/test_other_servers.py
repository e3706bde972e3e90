"""Servers that answer otherwise: stopping batches, other statuses, relative links."""

from __future__ import annotations

import gc
import itertools
import json
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest

from tests.odata.fakes import ROOT, Time, client, wire
from tieline.business_central import BusinessCentral
from tieline.dataverse.api import open_schema
from tieline.dataverse.refusals import classify
from tieline.errors import SignInRefused, Throttled, Unavailable, VersionConflict
from tieline.odata.model import Change, Written
from tieline.odata.schema import MemoryCache
from tieline.odata.writing import in_parts
from tieline.settings import BusinessCentralSettings

COMPANY = "11111111-2222-3333-4444-555555555555"
METADATA = """<edmx:Edmx Version="4.0"
   xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
 <edmx:DataServices><Schema Namespace="X" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EntityType Name="customer"><Key><PropertyRef Name="id"/></Key>
   <Property Name="id" Type="Edm.Guid"/>
   <Property Name="displayName" Type="Edm.String"/></EntityType>
  <EntityContainer Name="C"><EntitySet Name="customers" EntityType="X.customer"/>
  </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""

Operate = Callable[[dict[str, Any]], dict[str, Any] | None]


class OtherServer:
    """A server of its own kind: `operate` answers one operation of a batch."""

    def __init__(self, operate: Operate) -> None:
        self.operate = operate
        self.batches: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/companies"):
            return httpx.Response(200, json={"value": [{"id": COMPANY, "name": "A"}]})
        if path.endswith("/$metadata"):
            return httpx.Response(200, text=METADATA)
        if path.endswith("/page2"):
            return httpx.Response(200, json={"value": [{"id": COMPANY}]})
        operations = json.loads(request.content)["requests"]
        self.batches.append(len(operations))
        answers = []
        for operation in operations:
            answer = self.operate(operation)
            if answer is None:
                break
            answers.append({"id": operation["id"], **answer})
        return httpx.Response(207, json={"responses": answers})


async def connect(operate: Operate) -> tuple[BusinessCentral, OtherServer]:
    server = OtherServer(operate)
    settings = BusinessCentralSettings(url=ROOT)
    return await BusinessCentral.connect(settings, wire=wire(server)), server


def rows(count: int) -> list[Change]:
    return [Change(str(uuid.uuid4()), {"displayName": "A"}) for _ in range(count)]


async def test_a_batch_that_stops_half_way_is_finished() -> None:
    """Operations without an answer are looked up and sent again."""
    counter = itertools.count(1)

    def operate(operation: dict[str, Any]) -> dict[str, Any] | None:
        if operation["method"] == "GET":
            return {"status": 200, "body": {"value": []}}
        return {"status": 201, "body": {}} if next(counter) % 4 else None

    side, server = await connect(operate)
    async with side:
        written = await side.insert("customers", rows(8))
    assert [one.error for one in written] == [None] * 8
    assert server.batches == [8, 1, 5, 1, 2]


async def test_a_server_that_never_answers_a_row_is_given_up() -> None:
    """The rounds are bounded; the row says that its outcome is unknown."""

    def operate(operation: dict[str, Any]) -> dict[str, Any] | None:
        is_read = operation["method"] == "GET"
        return {"status": 200, "body": {"value": []}} if is_read else None

    side, _ = await connect(operate)
    async with side:
        (written,) = await side.insert("customers", rows(1))
    assert isinstance(written.error, Unavailable)
    assert written.error.maybe_done


@pytest.mark.parametrize("status", [409, 412, 428])
async def test_every_status_of_a_stale_version_is_a_conflict(status: int) -> None:
    """Other servers answer 412 or 428 where Business Central answers 409."""
    side, _ = await connect(lambda operation: {"status": status})
    async with side:
        change = Change(str(uuid.uuid4()), {"displayName": "A"}, 'W/"1"')
        (written,) = await side.update("customers", [change])
    assert isinstance(written.error, VersionConflict)


async def test_a_page_inside_a_batch_is_followed() -> None:
    """A relative next link of one operation's answer leads to the rest of its rows."""
    first = {"value": [{"id": str(uuid.uuid4())}], "@odata.nextLink": "page2"}
    side, _ = await connect(lambda operation: {"status": 200, "body": first})
    async with side:
        frame = await side.by_id("customers", [COMPANY], columns=["displayName"])
    assert [first["value"][0]["id"], COMPANY] == frame["id"].tolist()
    assert frame["displayName"].tolist() == [None, None]
    assert frame["version"].tolist() == ["", ""]


async def test_lengths_come_from_the_definitions_when_csdl_has_none() -> None:
    """A metadata document without lengths is completed, once per table."""
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path.rpartition("/")[2])
        if asked[-1] == "$metadata":
            return httpx.Response(200, text=METADATA)
        if "StringAttributeMetadata" in asked[-1]:
            rows = [{"LogicalName": "displayName", "MaxLength": 160}]
            return httpx.Response(200, json={"value": rows})
        return httpx.Response(404, json={})

    async with client(handler, classify) as sender:
        schema = open_schema(sender, ROOT, MemoryCache())
        found = await schema.find("customer")
        assert found == await schema.find("customer")
    assert found is not None
    assert found.table.columns["displayName"].max_length == 160
    assert len(asked) == 4


async def test_parts_that_go_in_turn_end_with_the_first_that_breaks() -> None:
    """What would follow is never begun; not even a coroutine is left behind."""
    sent: list[int] = []

    async def send(part: Sequence[Change]) -> list[Written | None]:
        sent.append(len(part))
        msg = "The sign-in was refused."
        raise SignInRefused(msg)

    async def look_up(_: Sequence[Change]) -> list[Written | None]:
        return []

    side, _ = await connect(lambda operation: {"status": 200})
    async with side:
        located = await side._locate("customers", ())
        with pytest.raises(SignInRefused):
            await in_parts(
                located, rows(5), 2, send=send, look_up=look_up, is_parallel=False
            )
    gc.collect()
    assert [2] == sent


async def test_nobody_waits_for_days() -> None:
    """Inside a batch, too, patience bounds what a Retry-After may ask for."""
    asked = {"Retry-After": "Thu, 31 Dec 2099 00:00:00 GMT"}
    time = Time()
    server = OtherServer(lambda operation: {"status": 429, "headers": asked})
    settings = BusinessCentralSettings(url=ROOT)
    side = await BusinessCentral.connect(settings, wire=wire(server, time))
    async with side:
        with pytest.raises(Throttled):
            await side.by_id("customers", [str(uuid.uuid4())], columns=[])
        (written,) = await side.insert("customers", rows(1))
    assert isinstance(written.error, Unavailable | Throttled)
    assert 900 > sum(time.slept)
