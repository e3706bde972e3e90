"""Notices of committed operations: what is sent to webhooks, and how.

The body is the execution context as JSON. Beyond 256 KiB its images and parameters are
left out, which a header tells. An answer of 502, 503 or 504 is tried once more; any
other one that is not 2xx ends the notice, and the system job says so.
https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4
from xml.etree import ElementTree

import httpx
import orjson

from emulator.dataverse.registrations import HTTP_HEADER, WEBHOOK_KEY, Registered

if TYPE_CHECKING:
    from emulator.dataverse.organization import Organization

LARGEST = 256 * 1024
LEFT_OUT = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
SECOND_CHANCE = (502, 503, 504)
_TYPE = "http://schemas.microsoft.com/xrm/2011/Contracts"

Post = Callable[[str, Mapping[str, str], bytes], int]
"""Posts a body with headers to an address; returns the status."""


@dataclass(frozen=True)
class News:
    """One operation on a row: `values` are those that the caller sent."""

    message: str
    table: str
    id: str
    values: Mapping[str, Any]
    user: str


def post(url: str, headers: Mapping[str, str], content: bytes) -> int:
    """Post over HTTP; a receiver that cannot be reached counts as 504."""
    try:
        answer = httpx.post(url, headers=dict(headers), content=content, timeout=60)
    except httpx.HTTPError:
        return 504
    return answer.status_code


def in_background(work: Callable[[], None]) -> None:
    """Begin something that ends with the process."""
    threading.Thread(target=work, daemon=True).start()


class Courier:
    """Sends the notices of an organization, one after the other, in a thread.

    `failed` lists what no receiver took: step, address and status.
    """

    def __init__(self, org: Organization) -> None:
        self.post: Post = post
        self.begin: Callable[[Callable[[], None]], None] = in_background
        self.failed: list[tuple[str, str, int]] = []
        self._org = org
        self._due: deque[tuple[Registered, News]] = deque()
        self._runs = False
        self._guard = threading.Lock()

    def saw(self, news: Sequence[News]) -> None:
        """Note committed operations for the steps registered for them."""
        steps = self._org.registrations.registered()
        due = [(step, one) for one in news for step in steps if _concerns(step, one)]
        if not due:
            return
        with self._guard:
            self._due += due
            is_idle, self._runs = not self._runs, True
        if is_idle:
            self.begin(self._run)

    def _run(self) -> None:
        while True:
            with self._guard:
                if not self._due:
                    self._runs = False
                    return
                step, news = self._due.popleft()
            self._tell(step, news)

    def _tell(self, step: Registered, news: News) -> None:
        with self._org.lock:
            content = context(self._org, step, news)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "x-request-id": str(uuid4()),
            "x-ms-correlation-request-id": str(uuid4()),
            "x-ms-dynamics-organization": "org.crm.dynamics.test",
            "x-ms-dynamics-entity-name": news.table,
            "x-ms-dynamics-request-name": news.message,
        }
        body = orjson.dumps(content)
        if len(body) > LARGEST:
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
            short = {k: v for k, v in content.items() if k not in LEFT_OUT}
            body = orjson.dumps(short)
        url, more = authenticated(step.endpoint)
        status = self.post(url, {**headers, **more}, body)
        if status in SECOND_CHANCE:
            status = self.post(url, {**headers, **more}, body)
        if not 200 <= status < 300:
            self.failed.append((step.id, str(step.endpoint["url"]), status))


def authenticated(endpoint: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the address of a webhook and the headers that prove who sends.

    The value of a key is that key; of headers and of a query it is XML with a setting
    for each.
    """
    url, value = str(endpoint["url"]), str(endpoint["authvalue"])
    mark = "&" if "?" in url else "?"
    if endpoint["authtype"] == WEBHOOK_KEY:
        return f"{url}{mark}code={quote(value, safe='')}", {}
    try:
        settings = ElementTree.fromstring(value)
    except ElementTree.ParseError:
        return url, {}
    pairs = {
        str(one.get("name")): str(one.get("value")) for one in settings.iter("setting")
    }
    if endpoint["authtype"] == HTTP_HEADER:
        return url, pairs
    return f"{url}{mark}{urlencode(pairs)}", {}


def context(org: Organization, step: Registered, news: News) -> dict[str, Any]:
    """Return the execution context of an operation, as its JSON has it."""
    moment = int(org.ground.clock.now().timestamp() * 1000)
    reference: dict[str, Any] = {"KeyAttributes": [], "Name": None, "RowVersion": None}
    target: dict[str, Any] = {
        "__type": f"Entity:{_TYPE}",
        "Attributes": [
            {"key": name.removeprefix("_").removesuffix("_value"), "value": value}
            for name, value in news.values.items()
        ],
        "EntityState": None,
        "FormattedValues": [],
        "Id": news.id,
        "KeyAttributes": [],
        "LogicalName": news.table,
        "RelatedEntities": [],
        "RowVersion": None,
    }
    if news.message == "Delete":
        target = {
            "__type": f"EntityReference:{_TYPE}",
            "Id": news.id,
            "LogicalName": news.table,
            **reference,
        }
    return {
        "BusinessUnitId": org.people.business_unit,
        "CorrelationId": str(uuid4()),
        "Depth": 1,
        "InitiatingUserId": news.user,
        "InputParameters": [{"key": "Target", "value": target}],
        "IsExecutingOffline": False,
        "IsInTransaction": False,
        "IsOfflinePlayback": False,
        "IsolationMode": 1,
        "MessageName": news.message,
        "Mode": 1,
        "OperationCreatedOn": f"/Date({moment}+0000)/",
        "OperationId": str(uuid4()),
        "OrganizationId": org.people.organization,
        "OrganizationName": org.settings["name"],
        "OutputParameters": [],
        "OwningExtension": {
            "Id": step.id,
            "LogicalName": "sdkmessageprocessingstep",
            **reference,
        },
        "ParentContext": None,
        "PostEntityImages": [],
        "PreEntityImages": [],
        "PrimaryEntityId": news.id,
        "PrimaryEntityName": news.table,
        "RequestId": None,
        "SecondaryEntityName": "none",
        "SharedVariables": [],
        "Stage": 40,
        "UserId": news.user,
    }


def _concerns(step: Registered, news: News) -> bool:
    if step.message != news.message or step.table not in ("", news.table):
        return False
    given = {name.removeprefix("_").removesuffix("_value") for name in news.values}
    return not step.columns or bool(step.columns & given)
