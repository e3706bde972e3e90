"""The Web API of an organisation: its addresses, batches and metadata."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tieline.dataverse.refusals import classify
from tieline.dataverse.tables import set_schemas, with_attributes
from tieline.errors import Rejected, Unavailable
from tieline.odata import json_batch, multipart
from tieline.odata.client import Client
from tieline.odata.metadata import read_document
from tieline.odata.query import address, text_literal
from tieline.odata.reading import BatchStyle, Learned, Reader
from tieline.odata.schema import MetadataCache, Schema, SetSchema
from tieline.odata.wire import Answer, Operation, Request, Result

PATH = "api/data/v9.2"
MOST_OPERATIONS = 1000
TERMS = 400
ADDRESS_LENGTH = 60_000
"""Below what an address inside a batch may have; elsewhere it is half of that."""
_CAST = "Microsoft.Dynamics.CRM"
_CHOICES = frozenset({"Picklist", "State", "Status"})


def open_reader(client: Client, root: str) -> Reader:
    """Return what reads below `root`, the address of the Web API."""
    parts = urlsplit(root)
    origin = f"{parts.scheme}://{parts.netloc}"
    style = BatchStyle(
        inside=lambda address: address.removeprefix(origin),
        write=lambda operations: _batch(root, operations),
        read=_results,
        reads=MOST_OPERATIONS,
        address_length=ADDRESS_LENGTH,
    )
    return Reader(client, style, classify, Learned(TERMS, lists=True))


def open_schema(client: Client, root: str, cache: MetadataCache) -> Schema:
    """Return the organisation's tables; nothing is sent yet."""

    async def load() -> Mapping[str, SetSchema]:
        answer = await client.get(f"{root}/$metadata", {"Accept": "application/xml"})
        try:
            return set_schemas(read_document(answer.content))
        except ValueError as error:
            msg = f"Dataverse's metadata cannot be read: {error}."
            raise Unavailable(msg, system="dataverse", status=answer.status) from None

    async def complete(found: SetSchema) -> SetSchema:
        columns = found.table.columns.values()
        options = await _options(client, root, found.table.name)
        lengths: dict[str, int] = {}
        if not any(column.max_length for column in columns):
            lengths = await _lengths(client, root, found.table.name)
        return with_attributes(found, options, lengths)

    return Schema(cache, key=f"dataverse-metadata:{root}", load=load, complete=complete)


async def _options(client: Client, root: str, table: str) -> frozenset[str]:
    rows = await _attributes(
        client, root, table, "", {"$select": "LogicalName,AttributeType"}
    )
    return frozenset(
        str(row.get("LogicalName"))
        for row in rows
        if row.get("AttributeType") in _CHOICES
    )


async def _lengths(client: Client, root: str, table: str) -> dict[str, int]:
    """Read the lengths of texts, which the metadata document may leave out."""
    lengths: dict[str, int] = {}
    for kind in ("String", "Memo"):
        cast = f"/{_CAST}.{kind}AttributeMetadata"
        select = {"$select": "LogicalName,MaxLength"}
        for row in await _attributes(client, root, table, cast, select):
            if isinstance(row.get("MaxLength"), int):
                lengths[str(row["LogicalName"])] = int(str(row["MaxLength"]))
    return lengths


async def _attributes(
    client: Client, root: str, table: str, cast: str, options: Mapping[str, str]
) -> list[dict[str, object]]:
    """Read definitions; a service that has none leaves us with what CSDL tells."""
    base = f"{root}/EntityDefinitions(LogicalName={text_literal(table)})/Attributes"
    rows: list[dict[str, object]] = []
    try:
        async for _, body in client.pages(address(f"{base}{cast}", options)):
            rows += body.get("value", [])
    except Rejected:
        return []
    return rows


def _batch(root: str, operations: Sequence[Operation]) -> Request:
    boundary = f"batch_{uuid.uuid4()}"
    headers = {
        "Content-Type": f'multipart/mixed; boundary="{boundary}"',
        "Accept": "multipart/mixed, application/json;q=0.5",
        "Prefer": "odata.continue-on-error",
    }
    content = multipart.encode(operations, boundary)
    return Request("POST", f"{root}/$batch", headers=headers, content=content)


def _results(answer: Answer, count: int) -> list[Result | None]:
    content_type = answer.headers.get("content-type", "")
    if content_type.lower().startswith(json_batch.CONTENT_TYPE):
        return json_batch.decode(answer.content, count)
    results: list[Result | None] = [*multipart.decode(content_type, answer.content)]
    return [*results[:count], *[None] * (count - len(results))]
