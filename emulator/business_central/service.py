"""Request handling of the Business Central APIs, from URL to rows and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from emulator.business_central import actions, reading, writing
from emulator.business_central.captions import definitions
from emulator.business_central.catalogue import companies_answer
from emulator.business_central.exchange import (
    Answer,
    Call,
    Segment,
    segments,
)
from emulator.business_central.metadata import metadata, service_document
from emulator.business_central.navigation import related
from emulator.business_central.reading import Listing
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    changed,
    no_segment,
    no_such_row,
    no_token,
    not_allowed,
)
from emulator.business_central.schema import COMPANION, Navigation, Page, schema
from emulator.business_central.selection import one
from emulator.business_central.state import BusinessCentralState, LiveCompany
from emulator.business_central.tables import ETAG, Row
from emulator.business_central.values import is_etag
from emulator.odata.query import parse_expand, write_query

_COUNT = Segment("$count")
_MAX_PAGE = re.compile(r"(?:odata\.)?maxpagesize\s*=\s*(\d+)", re.IGNORECASE)
_PATH_SAFE = "/()'=,$-_.~"


def answer(state: BusinessCentralState, call: Call) -> Answer:
    """Carry out one request; refusals come back as answers, too."""
    try:
        return _answer(state, call)
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body())


def counted_as(call: Call) -> str:
    """Return the method and set that a request counts under."""
    try:
        parts = segments(call.rest)
    except Refusal:
        return call.method
    parts = parts[1:] if len(parts) > 1 and parts[0].name == "companies" else parts
    return f"{call.method} {parts[0].name if parts else ''}".strip()


def _answer(state: BusinessCentralState, call: Call) -> Answer:
    if call.route == COMPANION and not state.companion:
        raise no_segment(call.root.rpartition("/api/")[2].partition("/")[0])
    if call.headers.get("data-access-intent") == "ReadOnly" and call.method != "GET":
        raise bad_request("The request intends to read but wants to write.")
    path = segments(call.rest)
    match path:
        case [] | [Segment("$metadata", None)]:
            return _described(call, is_whole=not path)
        case [Segment("entityDefinitions", None)]:
            return definitions(call)
        case [Segment("subscriptions")]:
            return state.subscriptions.answer(call, path, state.companies)
        case [Segment("companies")] | [
            Segment("companies", None),
            Segment("$count", None),
        ]:
            return companies_answer(state, call, path)
        case [Segment("companies", key) as first, *rest] if key:
            company = state.company(first.company)
        case _:
            rest = list(path)
            company = state.company(_company_key(call))
    page = schema().pages[call.route].get(rest[0].name)
    if page is None:
        raise no_segment(rest[0].name)
    return _Request(state, call, company).on_set(page, rest)


def _described(call: Call, *, is_whole: bool) -> Answer:
    """Answer with the service document, or the metadata."""
    if call.method != "GET":
        raise not_allowed(call.method, "$metadata", "Collection")
    if is_whole:
        return Answer(200, service_document(call.route, call.root))
    return Answer(200, metadata(call.route), {"Content-Type": "application/xml"})


def _company_key(call: Call) -> str:
    return call.options.get("company") or call.headers.get("company", "")


class _Request:
    def __init__(
        self, state: BusinessCentralState, call: Call, company: LiveCompany
    ) -> None:
        self.state = state
        self.call = call
        self.company = company

    def on_set(self, page: Page, path: Sequence[Segment]) -> Answer:
        first, rest = path[0], path[1:]
        self._demand(page, rest)
        if first.key is None:
            return self._collection(page, rest)
        if not rest:
            return self._entity(page, one(self.company, page, first.id))
        row = one(self.company, page, first.id)
        if actions.is_action(rest[0].name):
            return self._act(page, row, rest[0].name)
        navigation = page.navigation.get(rest[0].name)
        if navigation is None:
            raise no_segment(rest[0].name)
        return self._related(page, row, navigation, rest)

    def _demand(self, page: Page, rest: Sequence[Segment]) -> None:
        """Ask for what the request does with this page; what it shows is read."""
        if self.state.permissions.given is None:
            return
        demand = self.state.permissions.demand
        is_action = bool(rest) and actions.is_action(rest[0].name)
        if is_action:
            demand(page, "PATCH")
        elif rest and rest[0] != _COUNT:
            demand(page, "GET")
        else:
            demand(page, self.call.method)
        expand = self.call.options.get("$expand")
        for shown in parse_expand(expand) if expand else ():
            navigation = page.navigation.get(shown.path)
            if navigation is not None:
                demand(schema().pages[self.call.route][navigation.set], "GET")

    def _collection(self, page: Page, rest: Sequence[Segment]) -> Answer:
        if [*rest] == [_COUNT]:
            return self._counted(page, None)
        if rest:
            raise no_segment(rest[0].name)
        if self.call.method == "GET":
            return self._listed(page, None)
        if self.call.method == "POST":
            return self._created(page, self._body())
        raise not_allowed(self.call.method, page.set, "Collection")

    def _counted(self, page: Page, among: list[Row] | None) -> Answer:
        if self.call.method != "GET":
            raise not_allowed(self.call.method, page.set, "Collection")
        options = {**self.call.options, "$count": "true", "$top": "0"}
        found = self._list(page, options, among)
        return Answer(200, str(found.count), {"Content-Type": "text/plain"})

    def _entity(self, page: Page, row: Row) -> Answer:
        match self.call.method:
            case "GET":
                return self._shown(page, row)
            case "PATCH":
                writing.require(page, "modify")
                self._check_tag(page, row, is_required=True)
                new = writing.modify(self.company, page, row, self._body())
                return self._shown(page, new)
            case "DELETE":
                writing.require(page, "delete")
                self._check_tag(page, row, is_required=False)
                writing.delete(self.company, page, row)
                return Answer(204)
        raise not_allowed(self.call.method, page.set)

    def _related(
        self, page: Page, row: Row, navigation: Navigation, path: Sequence[Segment]
    ) -> Answer:
        segment, *rest = path
        target = schema().pages[self.call.route][navigation.set]
        self.state.permissions.demand(target, self.call.method)
        rows = related(self.company, page, row, navigation)
        if rest == [_COUNT] and segment.key is None and navigation.is_many:
            return self._counted(target, rows)
        if rest:
            raise no_segment(rest[0].name)
        if segment.key is not None or not navigation.is_many:
            for one in rows:
                if segment.key is None or one[target.key] == segment.id:
                    return self._entity(target, one)
            raise no_such_row(target.table)
        if self.call.method == "GET":
            return self._listed(target, rows)
        if self.call.method == "POST":
            parent = {navigation.theirs: row[navigation.ours]}
            return self._created(target, {**self._body(), **parent})
        raise not_allowed(self.call.method, target.set, "Collection")

    def _act(self, page: Page, row: Row, name: str) -> Answer:
        if self.call.method != "POST":
            raise not_allowed(self.call.method, name, "Action")
        self._check_tag(page, row, is_required=False)
        actions.run(self.company, page, row, name)
        self.state.counters.written[page.set] += 1
        return Answer(204)

    def _created(self, page: Page, body: Mapping[str, Any]) -> Answer:
        row = writing.insert(self.company, page, body)
        location = {"Location": f"{self._address(page)}({row['id']})"}
        if "return-no-content" in self.call.headers.get("prefer", ""):
            return Answer(204, None, location)
        shown = self._shown(page, row)
        return Answer(201, shown.body, {**shown.headers, **location})

    def _shown(self, page: Page, row: Row) -> Answer:
        values = reading.show(self.company, page, row, self.call.options)
        context = f"{self._context(page)}/$entity"
        body = {"@odata.context": context, **values}
        return Answer(200, body, {"ETag": values[ETAG]})

    def _list(
        self, page: Page, options: Mapping[str, str], among: list[Row] | None
    ) -> Listing:
        wish = _MAX_PAGE.search(self.call.headers.get("prefer", ""))
        size = self.state.page_rows
        if wish and int(wish[1]):
            size = min(size, int(wish[1]))
        return reading.listing(self.company, page, options, page_rows=size, among=among)

    def _listed(self, page: Page, among: list[Row] | None) -> Answer:
        found = self._list(page, self.call.options, among)
        body: dict[str, Any] = {"@odata.context": self._context(page)}
        if found.count is not None:
            body["@odata.count"] = found.count
        body["value"] = found.rows
        if found.last_id:
            body["@odata.nextLink"] = self._next(found)
        return Answer(200, body)

    def _next(self, found: Listing) -> str:
        fresh = ("$skiptoken", "$skip", "aid", "$top")
        kept = {k: v for k, v in self.call.options.items() if k not in fresh}
        if found.rest is not None:
            kept["$top"] = str(found.rest)
        query = write_query({**kept, "aid": "FIN", "$skiptoken": found.last_id})
        return f"{self.call.root}{quote(self.call.rest, safe=_PATH_SAFE)}?{query}"

    def _check_tag(self, page: Page, row: Row, *, is_required: bool) -> None:
        told = self.call.headers.get("if-match", "")
        if told == "*" or (not told and not is_required):
            return
        if not is_etag(told):
            raise no_token()
        shown = reading.show(self.company, page, row, {"$select": page.key})
        if told != shown[ETAG]:
            raise changed()

    def _body(self) -> Mapping[str, Any]:
        if not isinstance(self.call.body, dict):
            raise bad_request("The request body is not a JSON object.")
        return self.call.body

    def _context(self, page: Page) -> str:
        return f"{self.call.root}/$metadata#companies({self.company.id})/{page.set}"

    def _address(self, page: Page) -> str:
        return f"{self.call.root}/companies({self.company.id})/{page.set}"
