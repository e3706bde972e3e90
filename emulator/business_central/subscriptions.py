"""Webhooks: who is told that rows of a set changed.

A subscription is made when its receiver echoes a validation token, and lives for three
days unless it is renewed. Changes are told 30 seconds after the first one of a burst;
more than a thousand of them are told as one `collection`. A receiver that answers 408,
429 or 5xx is tried again for 36 hours; any other refusal ends the subscription.
https://learn.microsoft.com/dynamics365/business-central/dev-itpro/api-reference/v2.0/dynamics-subscriptions
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx

from emulator.business_central.exchange import Answer, Call, Segment
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    changed,
    no_such_row,
    no_token,
    not_a_property,
    not_allowed,
)
from emulator.business_central.schema import COMPANION, STANDARD, Route, schema
from emulator.business_central.tables import ETAG, News
from emulator.business_central.values import etag, is_etag, moment
from emulator.clock import Clock

LIFETIME = timedelta(days=3)
BURST = timedelta(seconds=30)
PATIENCE = timedelta(hours=36)
MOST = 200
"""Subscriptions of an environment."""
MOST_CHANGES = 1000
"""Changed rows of a burst that are told one by one."""
LONGEST_STATE = 2048
PAUSE_S = 1.0
"""How often due notices are looked for while there are subscriptions."""

POLLED = frozenset(
    {
        "contacts",
        "opportunities",
        "salespeoplePurchasers",
        "itemVariants",
        "currencyExchangeRates",
    }
)
"""Sets of the standard API without webhooks."""

_RESOURCE = re.compile(
    r"/?(?:.*?/)?api/(?P<route>v2\.0|[^/()]+/[^/()]+/v\d+\.\d+)"
    r"/companies\((?P<company>[^()]+)\)/(?P<set>\w+)",
    re.IGNORECASE,
)
_WRITABLE = ("notificationUrl", "resource", "clientState")

Post = Callable[[str, Any], tuple[int, str]]
"""Posts a JSON document to a receiver; returns the status and the body's text."""


def post(url: str, document: Any) -> tuple[int, str]:
    """Post over HTTP; a receiver that cannot be reached counts as 503."""
    try:
        answer = httpx.post(url, json=document, timeout=10)
    except httpx.HTTPError:
        return 503, ""
    return answer.status_code, answer.text


@dataclass
class Subscription:
    """One receiver of the changes of one set of a company."""

    id: str
    url: str
    resource: str
    company: str
    table: str
    state: str
    created: datetime
    modified: datetime
    expires: datetime
    version: int = 1
    burst: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    begun: datetime | None = None

    @property
    def etag(self) -> str:
        """The tag of this state of it."""
        return etag(f"subscription{self.id}{self.version}")

    def shown(self) -> dict[str, Any]:
        """Return its properties as the API has them."""
        return {
            ETAG: self.etag,
            "subscriptionId": self.id,
            "notificationUrl": self.url,
            "resource": self.resource,
            "timestamp": self.version,
            "userId": "00000000-0000-0000-0000-000000000001",
            "lastModifiedDateTime": moment(self.modified),
            "clientState": self.state,
            "expirationDateTime": moment(self.expires),
            "systemCreatedAt": moment(self.created),
            "systemModifiedAt": moment(self.modified),
        }

    def notices(self) -> list[dict[str, Any]]:
        """Return what is told of the burst."""
        common = {
            "subscriptionId": self.id,
            "clientState": self.state,
            "expirationDateTime": moment(self.expires),
        }
        if len(self.burst) > MOST_CHANGES:
            since = quote(f"lastDateTimeModified gt {moment(self.begun)}", safe="")
            return [
                {
                    **common,
                    "resource": f"{self.resource.lstrip('/')}?$filter={since}",
                    "changeType": "collection",
                    "lastModifiedDateTime": moment(self.begun),
                }
            ]
        return [
            {
                **common,
                "resource": f"{self.resource.lstrip('/')}({id_})",
                "changeType": kind,
                "lastModifiedDateTime": moment(at),
            }
            for id_, (kind, at) in self.burst.items()
        ]


class Subscriptions:
    """All subscriptions of an environment; `post` is how receivers are reached."""

    def __init__(self, clock: Clock) -> None:
        self.entries: dict[str, Subscription] = {}
        self.post: Post = post
        self._clock = clock
        self._lock = threading.RLock()
        self._courier: threading.Thread | None = None

    def saw(self, company: str, news: Sequence[News]) -> None:
        """Note committed changes for whoever subscribed to their sets."""
        with self._lock:
            now = self._clock.now()
            for one in self.entries.values():
                for table, id_, kind in news:
                    if (company, table) == (one.company, one.table):
                        one.begun = one.begun or now
                        one.burst[id_] = (_merged(one.burst.get(id_), kind), now)

    def deliver(self) -> None:
        """Tell what is due; drop what has expired, or whose receiver is gone."""
        with self._lock:
            now = self._clock.now()
            for one in list(self.entries.values()):
                if one.expires <= now:
                    del self.entries[one.id]
                elif one.begun is not None and now - one.begun >= BURST:
                    self._tell(one, now)

    def _tell(self, one: Subscription, now: datetime) -> None:
        assert one.begun is not None
        status, _ = self.post(one.url, {"value": one.notices()})
        is_passing = status in (408, 429) or status >= 500
        if status >= 300 and (not is_passing or now - one.begun > PATIENCE):
            del self.entries[one.id]
        elif status < 300:
            one.burst.clear()
            one.begun = None

    def answer(
        self, call: Call, path: Sequence[Segment], companies: Mapping[str, Any]
    ) -> Answer:
        """Serve `subscriptions` and one of them.

        Raises:
            Refusal: as the service refuses.
        """
        with self._lock:
            (segment,) = path
            context = f"{call.root}/$metadata#subscriptions"
            if segment.key is None:
                match call.method:
                    case "GET":
                        rows = [one.shown() for one in self.entries.values()]
                        return Answer(200, {"@odata.context": context, "value": rows})
                    case "POST":
                        made = self._made(call, companies)
                        body = {"@odata.context": f"{context}/$entity", **made.shown()}
                        return Answer(201, body, {"ETag": made.etag})
                raise not_allowed(call.method, "subscriptions", "Collection")
            one = self.entries.get(segment.key.strip("'"))
            if one is None:
                raise no_such_row("Webhook Subscription")
            if call.method == "GET":
                return self._one(context, one)
            if call.method not in ("PATCH", "DELETE"):
                raise not_allowed(call.method, "subscriptions")
            told = call.headers.get("if-match", "")
            if told != "*" and not is_etag(told):
                raise no_token()
            if told not in ("*", one.etag):
                raise changed()
            if call.method == "DELETE":
                del self.entries[one.id]
                return Answer(204)
            self._renew(one, call)
            return self._one(context, one)

    def _one(self, context: str, one: Subscription) -> Answer:
        body = {"@odata.context": f"{context}/$entity", **one.shown()}
        return Answer(200, body, {"ETag": one.etag})

    def _made(self, call: Call, companies: Mapping[str, Any]) -> Subscription:
        given = _checked(call.body)
        for name in ("notificationUrl", "resource"):
            if not given.get(name):
                raise bad_request(f"The property '{name}' must have a value.")
        company, table = _target(str(given["resource"]), companies)
        url = str(given["notificationUrl"])
        same = (url, company, table)
        for one in self.entries.values():
            if same == (one.url, one.company, one.table):
                raise bad_request("The subscription already exists.")
        if len(self.entries) >= MOST:
            raise bad_request(f"There are {MOST} subscriptions already.")
        self._validate(url)
        now = self._clock.now()
        path = urlsplit(str(given["resource"])).path
        made = Subscription(
            uuid4().hex,
            url,
            path[path.index("api/") :],
            company,
            table,
            str(given.get("clientState") or ""),
            now,
            now,
            now + LIFETIME,
        )
        self.entries[made.id] = made
        self._start()
        return made

    def _renew(self, one: Subscription, call: Call) -> None:
        given = _checked(call.body)
        url = str(given.get("notificationUrl") or one.url)
        self._validate(url)
        one.url, one.version = url, one.version + 1
        one.state = str(given.get("clientState", one.state) or "")
        one.modified = self._clock.now()
        one.expires = one.modified + LIFETIME

    def _validate(self, url: str) -> None:
        token = uuid4().hex
        mark = "&" if "?" in url else "?"
        status, text = self.post(f"{url}{mark}validationToken={token}", {})
        if status != 200 or text.strip('" \r\n') != token:
            raise bad_request(
                "The subscription validation request failed: the notification URL "
                "must answer 200 with the validation token as its body."
            )

    def _start(self) -> None:
        if self._courier is None or not self._courier.is_alive():
            self._courier = threading.Thread(target=self._run, daemon=True)
            self._courier.start()

    def _run(self) -> None:
        pause = threading.Event()
        while self.entries:
            pause.wait(PAUSE_S)
            self.deliver()


def _merged(former: tuple[str, datetime] | None, kind: str) -> str:
    """Return what a row's changes in one burst come to."""
    if former is not None and former[0] == "created" and kind == "updated":
        return "created"
    return kind


def _checked(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("The request body is not a JSON object.")
    for name in body:
        if name not in _WRITABLE:
            raise not_a_property(name, "subscription")
    if len(str(body.get("clientState") or "")) > LONGEST_STATE:
        raise bad_request(f"clientState has more than {LONGEST_STATE} characters.")
    return body


def _target(resource: str, companies: Mapping[str, Any]) -> tuple[str, str]:
    """Return the company and the table that a resource names."""
    match = _RESOURCE.fullmatch(urlsplit(resource).path)
    route: Route = STANDARD
    if match is not None and match["route"].lower() != "v2.0":
        route = COMPANION
    page = schema().pages[route].get(match["set"]) if match is not None else None
    is_polled = page is not None and route == STANDARD and page.set in POLLED
    if match is None or page is None or is_polled:
        raise bad_request(f"The resource '{resource}' supports no webhooks.")
    company = match["company"].lower()
    if company not in companies:
        text = f"Cannot find company '{match['company']}'."
        raise Refusal(404, "Internal_CompanyNotFound", text)
    return company, page.table
