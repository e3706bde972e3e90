"""The `companies` set, the only set that belongs to no company."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.business_central.exchange import Answer, Call, Segment
from emulator.business_central.metadata import COMPANY
from emulator.business_central.refusals import (
    bad_request,
    not_allowed,
    unknown_property,
)
from emulator.business_central.schema import ZERO_GUID
from emulator.business_central.selection import natural, wants_count
from emulator.business_central.state import BusinessCentralState, LiveCompany
from emulator.business_central.values import moment
from emulator.odata.filter import FilterSyntaxError, parse_filter
from emulator.odata.predicates import Compiler, UnsupportedFilter
from emulator.odata.query import parse_select


def companies_answer(
    state: BusinessCentralState, call: Call, path: Sequence[Segment]
) -> Answer:
    """Return the companies, their count, or the one that the key names.

    Raises:
        Refusal: another method than GET, no such company, a bad option.
    """
    segment, is_count = path[0], len(path) > 1
    if call.method != "GET":
        kind = "Collection" if segment.key is None else "Entity"
        raise not_allowed(call.method, "companies", kind)
    context = f"{call.root}/$metadata#companies"
    names = parse_select(call.options.get("$select", "")) or tuple(COMPANY)
    if unknown := set(names) - set(COMPANY):
        raise unknown_property(unknown.pop(), "company")
    if segment.key is not None:
        row = _row(state.company(segment.company))
        values = {name: row[name] for name in names}
        return Answer(200, {"@odata.context": f"{context}/$entity", **values})
    rows = [_row(company) for company in state.companies.values()]
    if "$filter" in call.options:
        rows = _filtered(rows, call.options["$filter"])
    if is_count:
        return Answer(200, str(len(rows)), {"Content-Type": "text/plain"})
    body: dict[str, Any] = {"@odata.context": context}
    if wants_count(call.options):
        body["@odata.count"] = len(rows)
    skip, top = natural(call.options, "$skip") or 0, natural(call.options, "$top")
    rows = rows[skip:] if top is None else rows[skip : skip + top]
    body["value"] = [{name: row[name] for name in names} for row in rows]
    return Answer(200, body)


def _filtered(rows: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    try:
        test = Compiler().predicate(parse_filter(text))
        return [row for row in rows if test(row)]
    except (FilterSyntaxError, UnsupportedFilter) as error:
        raise bad_request(str(error)) from None
    except KeyError as error:
        raise unknown_property(str(error.args[0]), "company") from None


def _row(company: LiveCompany) -> dict[str, Any]:
    return {
        "id": company.id,
        "systemVersion": "29.0.0.0",
        "timestamp": int(company.created.timestamp() * 1000),
        "name": company.name,
        "displayName": company.name,
        "businessProfileId": "",
        "systemCreatedAt": moment(company.created),
        "systemCreatedBy": ZERO_GUID,
        "systemModifiedAt": moment(company.created),
        "systemModifiedBy": ZERO_GUID,
    }
