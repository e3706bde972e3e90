"""Answers in other clothes: redirections, dates, marks, pages of a gateway, aliases."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.odata.fakes import ROOT, Time, client
from tests.odata.test_other_servers import connect, rows
from tieline.business_central.refusals import classify as bc_error
from tieline.business_central.values import decoder as bc_decoder
from tieline.dataverse.api import open_reader
from tieline.dataverse.choices import option_labels
from tieline.dataverse.refusals import classify as dataverse_error
from tieline.dataverse.values import decoder as dataverse_decoder
from tieline.errors import NotFound, Rejected, SettingsError, Unavailable
from tieline.odata import multipart
from tieline.odata.links import same_service
from tieline.odata.metadata import read_document
from tieline.odata.model import Column
from tieline.odata.wire import Operation, Request, Result, parsed, retry_after_s
from tieline.settings import BusinessCentralSettings


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_read_follows_a_redirection_inside_the_service(status: int) -> None:
    """The page and its links are then those of the place it was sent to."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(status, headers={"Location": "/b/c"})
        return httpx.Response(200, json={"value": [request.url.path]})

    async with client(handler, bc_error) as sender:
        answer = await sender.get(f"{ROOT}/a")
    assert {"value": ["/b/c"]} == answer.body
    assert f"{ROOT}/b/c" == answer.url


@pytest.mark.parametrize(
    ("method", "status", "location"),
    [
        ("GET", 302, "https://login.example.com/x?token=secret"),
        ("GET", 301, "https://127.0.0.1:1/a"),
        ("GET", 302, "/a"),
        ("POST", 302, "/b"),
        ("POST", 307, "https://other.example.com/b"),
    ],
)
async def test_other_redirections_are_told(
    method: str, status: int, location: str
) -> None:
    """No token goes elsewhere, no write becomes a read, no circle is followed."""
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.host}")
        return httpx.Response(status, headers={"Location": location})

    async with client(handler, bc_error) as sender:
        with pytest.raises(SettingsError, match="only points to") as caught:
            await sender.send(Request(method, f"{ROOT}/a", repeatable=True))
    assert {f"{method} 127.0.0.1"} == set(asked)
    assert "secret" not in str(caught.value)


async def test_a_write_follows_a_redirection_that_keeps_it() -> None:
    """With 307 and 308 method and body stay: the redirecting server did nothing."""
    bodies: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if request.url.path == "/a":
            return httpx.Response(307, headers={"Location": "/b"})
        return httpx.Response(204)

    async with client(handler, bc_error) as sender:
        await sender.send(Request("POST", f"{ROOT}/a", content=b"{}"))
    assert [b"{}", b"{}"] == bodies


async def test_pages_that_lead_back_are_left() -> None:
    """A next link to a page that was read already would be followed for ever."""

    def handler(request: httpx.Request) -> httpx.Response:
        other = "/b" if request.url.path == "/a" else "/a"
        return httpx.Response(200, json={"value": [], "@odata.nextLink": other})

    async with client(handler, bc_error) as sender:
        with pytest.raises(Unavailable, match="in a circle"):
            [page async for page in sender.pages(f"{ROOT}/a")]


def test_links_of_a_service_behind_a_gateway_keep_our_path() -> None:
    """It names its own host and path; the same resource is reached at ours."""
    ours = "https://gate.example.com/erp/api/v2.0/companies(1)/customers?$select=id"
    inner = "http://inside:7048/BC/api/v2.0/companies(1)/customers?aid=FIN&$skiptoken=a"
    kept = "https://gate.example.com/erp/api/v2.0/companies(1)/customers"
    assert f"{kept}?aid=FIN&$skiptoken=a" == same_service(ours, inner)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "Thu, 26 Nov 2026 10:01:30 GMT"}, 90.0),
        ({"retry-after": "Thu, 26 Nov 2026 09:00:00 GMT"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_may_be_a_date(
    headers: dict[str, str], wait_s: float | None
) -> None:
    """It counts from the service's own clock, which may differ from ours."""
    now = {"date": "Thu, 26 Nov 2026 10:00:00 GMT"}
    assert wait_s == retry_after_s({**now, **headers})


def test_a_byte_order_mark_before_json_is_passed_over() -> None:
    """RFC 8259 lets a parser ignore it."""
    assert {"a": 1} == parsed(b'\xef\xbb\xbf{"a":1}')


def test_what_is_no_utf_8_is_no_json() -> None:
    """Letters that were lost would be taken for values, and written elsewhere."""
    assert '{"a":"M\ufffdller"}' == parsed('{"a":"Müller"}'.encode("latin-1"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            "<html><head><title>502 Bad\n Gateway</title></head></html>",
            "502 Bad Gateway",
        ),
        ("<h1>Sorry</h1>", "Dataverse answered with status 502."),
        ("", "Dataverse answered with status 502."),
        ("upstream is down", "upstream is down"),
    ],
)
def test_a_page_of_a_gateway_is_one_sentence(body: str, text: str) -> None:
    """No markup reaches people."""
    error = dataverse_error(502, {}, body)
    assert isinstance(error, Unavailable)
    assert text == error.message


@pytest.mark.parametrize("status", [507, 520, 529, 599])
def test_other_server_errors_pass_too(status: int) -> None:
    """Gateways have statuses of their own; only 501 and 505 stay as they are."""
    assert isinstance(bc_error(status, {}, None), Unavailable)
    assert isinstance(bc_error(501, {}, None), Rejected)


async def test_nothing_inside_a_filter_is_no_error() -> None:
    """Business Central may say so with 404 Internal_DataNotFoundFilter."""
    code = {"error": {"code": "Internal_DataNotFoundFilter", "message": "Nothing."}}
    side, _ = await connect(lambda operation: {"status": 404, "body": code})
    async with side:
        frame = await side.by_id("customers", [str(uuid.uuid4())], columns=[])
    assert [] == frame["id"].tolist()
    assert isinstance(bc_error(404, {}, code), NotFound)


async def test_a_batch_that_stops_at_every_refusal_is_finished() -> None:
    """Each round is a step ahead: bad rows fail alone, however many they are."""
    counter = itertools.count(1)
    state = {"stopped": False}

    def operate(operation: dict[str, Any]) -> dict[str, Any] | None:
        if operation["id"] == "0":
            state["stopped"] = False
        if operation["method"] == "GET":
            return {"status": 200, "body": {"value": []}}
        if state["stopped"]:
            return None
        state["stopped"] = next(counter) % 3 == 0
        refusal = {"error": {"code": "BadRequest", "message": "bad"}}
        if state["stopped"]:
            return {"status": 400, "body": refusal}
        return {"status": 201, "body": {}}

    side, _ = await connect(operate)
    async with side:
        written = await side.insert("customers", rows(40))
    found = [type(one.error).__name__ for one in written]
    assert (["NoneType", "NoneType", "Rejected"] * 14)[:40] == found


async def test_a_multipart_batch_may_be_answered_in_json() -> None:
    """Our Accept header allows it; answers without an id stand in order."""
    content = json.dumps({"responses": [{"status": 204}, {"status": 412}]})

    def handler(request: httpx.Request) -> httpx.Response:
        kind = {"Content-Type": "Application/JSON; charset=utf-8"}
        return httpx.Response(200, text=content, headers=kind)

    async with client(handler, dataverse_error) as sender:
        reader = open_reader(sender, f"{ROOT}/api")
        results = await reader.results([Operation("GET", "/a")] * 3, repeatable=True)
    assert [Result(204), Result(412), None] == results


async def test_a_multipart_answer_is_told_in_any_case() -> None:
    """Media types have no case, in the answer's header and in those of its parts."""
    end = "\r\n"
    message = end.join(["HTTP/1.1 204 No Content", "", ""])
    inner = end.join(
        ["--c", "Content-Type: application/http", "", message, "--c--", ""]
    )
    part = f"Content-Type: Multipart/MIXED; Boundary=c{end}{end}{inner}"
    content = end.join(["--b", part, "--b--", ""]).encode()
    kind = "Multipart/Mixed; boundary=b"

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, content=content, headers={"Content-Type": kind})

    async with client(handler, dataverse_error) as sender:
        answer = await sender.get(ROOT)
    assert [Result(204)] == multipart.decode(kind, answer.content)


def test_an_alias_may_follow_its_use_and_types_may_have_names_of_their_own() -> None:
    """CSDL sets no order among schemas; a type definition stands for its base."""
    edm = 'xmlns="http://docs.oasis-open.org/odata/ns/edm"'
    document = read_document(
        f"""<E><Schema Namespace="A.B" Alias="a" {edm}>
        <EntityType Name="row" BaseType="z.root">
         <Property MaxLength="20" Nullable="false" Type="z.Code" Name="number"/>
         <Property Type="z.Long" Name="text"/>
         <NavigationProperty Type="Collection(z.child)" Name="lines"/>
        </EntityType></Schema>
        <Schema Namespace="Z" Alias="z" {edm}>
        <TypeDefinition Name="Code" UnderlyingType="Edm.String"/>
        <TypeDefinition Name="Long" UnderlyingType="Edm.String" MaxLength="90"/>
        <EntityType Name="root"><Key><PropertyRef Name="id"/></Key>
         <Property Name="id" Type="Edm.Guid"/></EntityType>
        <EntityContainer Name="C" Extends="Other.C">
         <EntitySet EntityType="a.row" Name="rows"/></EntityContainer>
        </Schema></E>""".encode()
    )
    (type_,) = document.sets.values()
    found = document.types[type_]
    assert "id" == document.key_of(type_)
    lengths = [(one.name, one.kind, one.max_length) for one in found.properties]
    assert [("number", "text", 20), ("text", "text", 90)] == lengths
    assert ["Z.child"] == [one.type for one in found.navigations]


async def test_the_token_endpoint_tells_when_to_come_again() -> None:
    """Its Retry-After is honoured: to knock sooner prolongs the refusal."""
    answers = iter([httpx.Response(429, headers={"Retry-After": "30"})])
    token = {"access_token": "t", "expires_in": "3599"}

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return next(answers, httpx.Response(200, json=token))
        return httpx.Response(200, json={"value": []})

    time = Time()
    settings = BusinessCentralSettings(
        url=ROOT,
        client_id="c",
        client_secret=SecretStr("s"),
        token_url=f"{ROOT}/token",
    )
    async with client(handler, bc_error, time=time, settings=settings) as sender:
        await sender.get(ROOT)
    assert [30.0] == time.slept


@pytest.mark.parametrize(
    ("written", "value"),
    [("12", 12), ("-12.50", -12.5), ("INF", float("inf")), (12.0, 12), (None, None)],
)
def test_numbers_may_stand_as_texts(written: Any, value: float | None) -> None:
    """IEEE754Compatible writes decimals and long integers that way."""
    column = Column("creditlimit", "decimal")
    for decoder in (bc_decoder, dataverse_decoder):
        decode = decoder(column)
        assert decode is not None
        assert value == decode(written)


async def test_a_certificate_that_is_not_trusted_is_told_as_such() -> None:
    """It is no outage: what to do is about certificates."""

    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")

    async with client(handler, bc_error) as sender:
        with pytest.raises(Unavailable, match="certificate that is not trusted"):
            await sender.get(ROOT)


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("2026-01-30T19:00:00-05:00", "2026-01-31T00:00:00Z"),
        ("2026-01-31T02:00:00.1230000+02:00", "2026-01-31T00:00:00.123000Z"),
        ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ("2026-01-31", "2026-01-31"),
        (None, None),
    ],
)
def test_times_may_come_with_an_offset(written: str | None, time: str | None) -> None:
    """A day is cut from the text later: the text has to be that of UTC."""
    column = Column("duedate", "datetime")
    for decoder in (bc_decoder, dataverse_decoder):
        decode = decoder(column)
        assert decode is not None
        assert time == decode(written)


async def test_options_are_read_without_the_sets_that_tables_share() -> None:
    """A server may know OptionSet only: what is asked for first is then refused."""
    labels = {"UserLocalizedLabel": {"Label": "Net 30"}}
    row = {
        "LogicalName": "paymenttermscode",
        "OptionSet": {"Options": [{"Value": 2, "Label": labels}]},
    }

    def handler(request: httpx.Request) -> httpx.Response:
        if "GlobalOptionSet" in str(request.url):
            return httpx.Response(400, json={"error": {"code": "0x80060888"}})
        return httpx.Response(200, json={"value": [row]})

    async with client(handler, dataverse_error) as sender:
        found = await option_labels(sender, ROOT, "account", [])
    assert {"paymenttermscode": {2: "Net 30"}} == found
