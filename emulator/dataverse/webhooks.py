"""Service endpoints and processing steps: who is told of which message.

A webhook is a service endpoint with the contract 8; a step names the message and the
table that are told to it, once the operation is committed (stage 40, asynchronous).
https://learn.microsoft.com/power-apps/developer/data-platform/register-web-hook
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from emulator.dataverse.addressing import Segment
from emulator.dataverse.exchange import Answer, Request, answered, done
from emulator.dataverse.plain import query_items
from emulator.dataverse.refusals import (
    bad_payload,
    bad_query,
    in_use,
    invalid,
    missing_row,
    no_segment,
    out_of_range,
    too_long,
    undeclared,
    wrong_method,
)
from emulator.dataverse.registrations import (
    ASYNCHRONOUS,
    DISABLED,
    ENABLED,
    HTTP_HEADER,
    MESSAGES,
    POST_OPERATION,
    QUERY_STRING,
    WEBHOOK,
    WEBHOOK_KEY,
    Registrations,
    filter_id,
    message_id,
)
from emulator.dataverse.values import GUID

if TYPE_CHECKING:
    from emulator.dataverse.organization import Organization

_BIND = "@odata.bind"
_LINK = re.compile(r"(?:.*/api/data/v9\.2)?/?(?P<set>\w+)\((?P<id>[^()]+)\)")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

_ENDPOINT_COLUMNS: Mapping[str, tuple[type, Any]] = {
    "name": (str, None),
    "url": (str, None),
    "contract": (int, None),
    "authtype": (int, None),
    "authvalue": (str, None),
    "description": (str, None),
    "messageformat": (int, 2),
    "connectionmode": (int, 1),
    "userclaim": (int, 1),
}
_STEP_COLUMNS: Mapping[str, tuple[type, Any]] = {
    "name": (str, None),
    "description": (str, None),
    "configuration": (str, None),
    "filteringattributes": (str, None),
    "mode": (int, 0),
    "stage": (int, None),
    "rank": (int, 1),
    "supporteddeployment": (int, 0),
    "asyncautodelete": (bool, False),
    "statecode": (int, ENABLED),
    "statuscode": (int, 1),
}
_LENGTHS = {"name": 256, "url": 2000, "authvalue": 2048, "filteringattributes": 100_000}
_STEP_LINKS = {
    "sdkmessageid": "sdkmessages",
    "sdkmessagefilterid": "sdkmessagefilters",
    "eventhandler_serviceendpoint": "serviceendpoints",
}


def answer_registrations(
    org: Organization, path: list[Segment], request: Request
) -> Answer | None:
    """Answer the three sets of registrations; None for any other path.

    Raises:
        Refusal: the service says no.
    """
    first = path[0]
    if first.name == "sdkmessages":
        if request.method != "GET" or first.key is not None or len(path) > 1:
            raise wrong_method(request.method)
        items = [{"sdkmessageid": message_id(one), "name": one} for one in MESSAGES]
        return query_items(items, request, first.name, frozenset())
    if first.name == "serviceendpoints":
        return _answer(org, _Endpoints(org.registrations), path, request)
    if first.name == "sdkmessageprocessingsteps":
        return _answer(org, _Steps(org), path, request)
    return None


def _answer(
    org: Organization, set_: _Endpoints | _Steps, path: list[Segment], request: Request
) -> Answer:
    first, *rest = path
    if first.key is None:
        if rest:
            raise no_segment(rest[0].name)
        if request.method == "GET":
            items = [set_.shown(row) for row in set_.rows.values()]
            return query_items(items, request, first.name, set_.nested)
        if request.method != "POST":
            raise wrong_method(request.method)
        return _created(set_, set_.create(request), first.name, request)
    id_ = first.key.strip("'").lower()
    row = set_.rows.get(id_)
    if row is None:
        raise missing_row(set_.schema_name, id_)
    if [one.name for one in rest] == ["serviceendpoint_sdkmessageprocessingstep"]:
        steps = _Steps(org)
        own = [one for one in steps.rows.values() if one["_eventhandler_value"] == id_]
        name = "sdkmessageprocessingsteps"
        return query_items([steps.shown(one) for one in own], request, name, _NESTED)
    if rest:
        raise no_segment(rest[0].name)
    match request.method:
        case "GET":
            shown = set_.shown(row)
            return answered({k: v for k, v in shown.items() if k not in set_.nested})
        case "PATCH":
            set_.update(row, request)
            return done()
        case "DELETE":
            set_.delete(id_)
            return done()
    raise wrong_method(request.method)


def _created(
    set_: _Endpoints | _Steps, row: dict[str, Any], name: str, request: Request
) -> Answer:
    url = f"{request.root}{name}({row[set_.key]})"
    if not request.preferences.representation:
        headers = {"OData-EntityId": url, "Location": url}
        return done(headers, created=f"/{name}({row[set_.key]})")
    shown = {k: v for k, v in set_.shown(row).items() if k not in set_.nested}
    context = {"@odata.context": f"{request.root}$metadata#{name}/$entity"}
    return answered({**context, **shown}, 201, request.applied)


_NESTED = frozenset(_STEP_LINKS)


class _Endpoints:
    """Service endpoints: webhooks only; what authenticates them is never shown."""

    key, schema_name = "serviceendpointid", "ServiceEndpoint"
    nested: frozenset[str] = frozenset()

    def __init__(self, registrations: Registrations) -> None:
        self.rows = registrations.endpoints
        self._steps = registrations.steps

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return its columns as they are read."""
        shown = {name: value for name, value in row.items() if name != "authvalue"}
        return {**shown, "isauthvalueset": row["authvalue"] is not None}

    def create(self, request: Request) -> dict[str, Any]:
        """Register a webhook."""
        given = request.json()
        id_ = _given_id(given, self.key)
        row = _defaults(_ENDPOINT_COLUMNS) | _read(
            given, _ENDPOINT_COLUMNS, "serviceendpoint", self.key
        )
        row[self.key] = id_
        _check_endpoint(row)
        self.rows[id_] = row
        return row

    def update(self, row: dict[str, Any], request: Request) -> None:
        """Change columns."""
        given = _read(request.json(), _ENDPOINT_COLUMNS, "serviceendpoint", self.key)
        _check_endpoint({**row, **given})
        row.update(given)

    def delete(self, id_: str) -> None:
        """Remove a webhook that no step needs."""
        if any(one["_eventhandler_value"] == id_ for one in self._steps.values()):
            raise in_use()
        del self.rows[id_]


class _Steps:
    """Processing steps whose handler is a service endpoint."""

    key, schema_name = "sdkmessageprocessingstepid", "SdkMessageProcessingStep"
    nested = _NESTED

    def __init__(self, org: Organization) -> None:
        self.rows = org.registrations.steps
        self._org = org

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return its columns as they are read, what it refers to included."""
        endpoint = self._org.registrations.endpoints[row["_eventhandler_value"]]
        handler = _Endpoints(self._org.registrations).shown(endpoint)
        return {**row, "eventhandler_serviceendpoint": handler}

    def create(self, request: Request) -> dict[str, Any]:
        """Register a step of a message of a table."""
        given = dict(request.json())
        id_ = _given_id(given, self.key)
        links = self._links(given)
        row = _defaults(_STEP_COLUMNS) | _read(
            given, _STEP_COLUMNS, "sdkmessageprocessingstep", self.key
        )
        for name in ("sdkmessageid", "eventhandler_serviceendpoint"):
            if name not in links:
                raise invalid(f"Required field '{name}' of the step is missing.")
        row |= {
            self.key: id_,
            **self._message(links["sdkmessageid"], links.get("sdkmessagefilterid")),
            "_eventhandler_value": links["eventhandler_serviceendpoint"],
        }
        _check_step(row)
        self.rows[id_] = row
        return row

    def update(self, row: dict[str, Any], request: Request) -> None:
        """Change columns; what it refers to stays."""
        given = _read(
            request.json(), _STEP_COLUMNS, "sdkmessageprocessingstep", self.key
        )
        _check_step({**row, **given})
        row.update(given)

    def delete(self, id_: str) -> None:
        """Remove a step."""
        del self.rows[id_]

    def _links(self, given: dict[str, Any]) -> dict[str, str]:
        """Take the binds out of a body and return the ids that they name."""
        links = {}
        for name in [name for name in given if name.endswith(_BIND)]:
            column = name.removesuffix(_BIND)
            if column not in _STEP_LINKS:
                raise undeclared("sdkmessageprocessingsteps", column)
            found = _LINK.fullmatch(str(given.pop(name)))
            if found is None or found["set"] != _STEP_LINKS[column]:
                raise bad_query(f"Invalid URI in the payload of '{name}'.")
            links[column] = found["id"].lower()
        return links

    def _message(self, message: str, filter_: str | None) -> dict[str, Any]:
        """Return the message and the table that two ids name."""
        name = next((one for one in MESSAGES if message_id(one) == message), None)
        if name is None:
            raise missing_row("SdkMessage", message)
        found = None
        if filter_ is not None:
            tables = self._org.schema.tables
            table = next((one for one in tables if filter_id(one, name) == filter_), "")
            if not table:
                raise missing_row("SdkMessageFilter", filter_)
            found = {"sdkmessagefilterid": filter_, "primaryobjecttypecode": table}
        return {
            "_sdkmessageid_value": message,
            "sdkmessageid": {"sdkmessageid": message, "name": name},
            "_sdkmessagefilterid_value": filter_,
            "sdkmessagefilterid": found,
        }


def _given_id(given: Mapping[str, Any], key: str) -> str:
    id_ = given.get(key, str(uuid4()))
    if not isinstance(id_, str) or not GUID.fullmatch(id_):
        raise bad_payload(key, f"'{id_}' is no Edm.Guid.")
    return id_.lower()


def _defaults(columns: Mapping[str, tuple[type, Any]]) -> dict[str, Any]:
    return {name: default for name, (_, default) in columns.items()}


def _read(
    given: Mapping[str, Any],
    columns: Mapping[str, tuple[type, Any]],
    table: str,
    key: str,
) -> dict[str, Any]:
    """Return the values of a body that are columns, each of its type."""
    values = {}
    for name, value in given.items():
        if name == key:
            continue
        if name not in columns:
            text = f"The property '{name}' does not exist on type '{table}'."
            raise bad_payload(f"{table}s", text)
        kind = columns[name][0]
        if value is not None and type(value) is not kind:
            text = f"Cannot convert the value of '{name}' to {kind.__name__}."
            raise bad_payload(f"{table}s", text)
        if isinstance(value, str) and len(value) > _LENGTHS.get(name, 2000):
            raise too_long(name, table, _LENGTHS.get(name, 2000))
        values[name] = value
    return values


def _check_endpoint(row: Mapping[str, Any]) -> None:
    for name in ("name", "contract"):
        if row[name] is None:
            raise invalid(f"Required field '{name}' of the endpoint is missing.")
    if row["contract"] != WEBHOOK:
        raise out_of_range("contract", "serviceendpoint", "Picklist")
    if row["authtype"] not in (WEBHOOK_KEY, HTTP_HEADER, QUERY_STRING):
        raise out_of_range("authtype", "serviceendpoint", "Picklist")
    if not row["authvalue"]:
        raise invalid("A webhook needs an authentication value.")
    parts = urlsplit(row["url"] or "")
    usual = {"http": 80, "https": 443}
    if parts.scheme not in usual or not parts.hostname:
        raise invalid("The URL of a webhook must be an absolute http(s) address.")
    is_here = parts.hostname in _LOOPBACK
    if not is_here and (parts.port or usual[parts.scheme]) != usual[parts.scheme]:
        raise invalid("A webhook supports only port 80 for HTTP and 443 for HTTPS.")


def _check_step(row: Mapping[str, Any]) -> None:
    if not row["name"]:
        raise invalid("Required field 'name' of the step is missing.")
    if row["stage"] != POST_OPERATION or row["mode"] != ASYNCHRONOUS:
        raise invalid(
            "The step of a service endpoint runs asynchronously (mode 1) after the "
            "operation (stage 40): here it can run in no other way."
        )
    if row["configuration"]:
        raise invalid("The step of a webhook cannot have a configuration.")
    if row["supporteddeployment"] != 0:
        raise out_of_range(
            "supporteddeployment", "sdkmessageprocessingstep", "Picklist"
        )
    if row["statecode"] not in (ENABLED, DISABLED):
        raise out_of_range("statecode", "sdkmessageprocessingstep", "State")
    if row["filteringattributes"] and row["sdkmessageid"]["name"] != "Update":
        raise invalid("Filtering attributes are for the message Update only.")
