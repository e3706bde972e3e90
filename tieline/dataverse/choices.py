"""Reads the options of choice columns, and adds and publishes new ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

import orjson

from tieline.errors import SYSTEM_TITLES, Rejected
from tieline.odata.client import Client
from tieline.odata.query import address, text_literal
from tieline.odata.wire import Request

_CRM = "Microsoft.Dynamics.CRM"
_OWN = "OptionSet($select=Options)"
_SHARED = "GlobalOptionSet($select=Options)"
_JSON = {"Content-Type": "application/json; charset=utf-8"}


async def option_labels(
    client: Client, root: str, table: str, columns: Sequence[str]
) -> dict[str, dict[int, str]]:
    """Return value and label of the options of these columns; of all without.

    One request, whatever the number of columns. A column that has no options
    is not in the result.
    """
    try:
        rows = await _picklists(client, root, table, f"{_OWN},{_SHARED}")
    except Rejected as error:
        if error.status != 400:
            raise
        # Not every server knows the sets that tables share as a navigation.
        rows = await _picklists(client, root, table, _OWN)
    labels: dict[str, dict[int, str]] = {}
    for row in rows:
        name = str(row.get("LogicalName"))
        if not columns or name in columns:
            own = row.get("OptionSet") or row.get("GlobalOptionSet") or {}
            labels[name] = {
                int(one["Value"]): _label(one.get("Label"))
                for one in own.get("Options") or []
            }
    return labels


async def _picklists(
    client: Client, root: str, table: str, expand: str
) -> list[dict[str, Any]]:
    base = f"{root}/EntityDefinitions(LogicalName={text_literal(table)})/Attributes"
    url = address(
        f"{base}/{_CRM}.PicklistAttributeMetadata",
        {"$select": "LogicalName", "$expand": expand},
    )
    return [row async for _, body in client.pages(url) for row in body["value"]]


async def insert_option(
    client: Client,
    root: str,
    table: str,
    column: str,
    label: str,
    *,
    language: int,
    value: int | None = None,
) -> int:
    """Add an option to a column, publish it, and return its value.

    Without `value` the service chooses one.

    Raises:
        Rejected: the service refuses, e.g. for lack of the customizer's rights.

    """
    localized = {
        "@odata.type": f"{_CRM}.LocalizedLabel",
        "Label": label,
        "LanguageCode": language,
    }
    answer = await client.send(
        _action(
            root,
            "InsertOptionValue",
            {
                "EntityLogicalName": table,
                "AttributeLogicalName": column,
                "Label": {
                    "@odata.type": f"{_CRM}.Label",
                    "LocalizedLabels": [localized],
                },
                **({} if value is None else {"Value": value}),
            },
        )
    )
    body = answer.body
    added = body.get("NewOptionValue") if isinstance(body, dict) else None
    if not isinstance(added, int):
        msg = f"{SYSTEM_TITLES[client.system]} did not tell the new option's value."
        raise Rejected(msg, system=client.system, status=answer.status)
    xml = f"<entities><entity>{escape(table)}</entity></entities>"
    parameter = f"<importexportxml>{xml}</importexportxml>"
    await client.send(_action(root, "PublishXml", {"ParameterXml": parameter}))
    return added


def _action(root: str, name: str, body: dict[str, Any]) -> Request:
    return Request("POST", f"{root}/{name}", headers=_JSON, content=orjson.dumps(body))


def _label(label: Any) -> str:
    """Return the label in the caller's language, else the first there is."""
    if not isinstance(label, dict):
        return ""
    localized = [label.get("UserLocalizedLabel"), *(label.get("LocalizedLabels") or [])]
    return next((str(one.get("Label") or "") for one in localized if one), "")
