"""Addresses one API route of Business Central: its root, sets and batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tieline.business_central.refusals import classify
from tieline.business_central.sets import set_schemas
from tieline.errors import Unavailable
from tieline.odata import json_batch
from tieline.odata.client import Client
from tieline.odata.metadata import read_document
from tieline.odata.model import Table
from tieline.odata.reading import BatchStyle, Learned, Reader
from tieline.odata.schema import MetadataCache, Schema, SetSchema
from tieline.odata.wire import Answer, Operation, Request, Result

COMPANION = "api/tieline/sync/v1.0"
STANDARD = "api/v2.0"
MOST_OPERATIONS = 100
"""More operations in a batch are refused as a whole."""
TERMS = 15
"""A filter of more than 100 nodes is refused: 19 comparisons pass, 20 do not."""
ADDRESS_LENGTH = 4000


@dataclass(frozen=True)
class Route:
    """One route: its root, its sets, and how it is read."""

    root: str
    schema: Schema
    reader: Reader
    is_standard: bool

    def set_address(self, company_id: str, table: Table) -> str:
        """Return the address of a set in a company."""
        return f"{self.root}/companies({company_id})/{table.set_name}"


def open_route(
    client: Client, url: str, path: str, cache: MetadataCache, *, is_standard: bool
) -> Route:
    """Return the route below `url`; nothing is sent yet."""
    root = f"{url}/{path}"

    async def load() -> Mapping[str, SetSchema]:
        answer = await client.get(
            f"{root}/$metadata", {"Accept": "application/xml;q=1, */*;q=0.5"}
        )
        try:
            return set_schemas(read_document(answer.content))
        except ValueError as error:
            msg = f"Business Central's metadata cannot be read: {error}."
            raise Unavailable(msg, system="bc", status=answer.status) from None

    style = BatchStyle(
        inside=lambda address: address.removeprefix(f"{root}/"),
        write=lambda operations: _batch(root, operations),
        read=_results,
        reads=MOST_OPERATIONS,
        address_length=ADDRESS_LENGTH,
    )
    return Route(
        root,
        Schema(cache, key=f"bc-metadata:{root}", load=load),
        Reader(client, style, classify, Learned(TERMS, lists=False)),
        is_standard,
    )


def _batch(root: str, operations: Sequence[Operation]) -> Request:
    # Never with "Isolation: snapshot": rolled back rows would report success.
    headers = {
        "Content-Type": json_batch.CONTENT_TYPE,
        "Accept": json_batch.CONTENT_TYPE,
        "Prefer": "odata.continue-on-error",
    }
    content = json_batch.encode(operations)
    return Request("POST", f"{root}/$batch", headers=headers, content=content)


def _results(answer: Answer, count: int) -> list[Result | None]:
    return json_batch.decode(answer.content, count)
