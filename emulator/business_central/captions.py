"""Captions of pages, properties and enum members, served by `entityDefinitions`."""

from __future__ import annotations

import re
from typing import Any

from emulator.business_central.exchange import Answer, Call
from emulator.business_central.refusals import (
    bad_request,
    not_allowed,
    unknown_property,
)
from emulator.business_central.schema import Page, Property, schema
from emulator.business_central.values import encode_member
from emulator.odata.filter import FilterSyntaxError, parse_filter
from emulator.odata.predicates import Compiler, UnsupportedFilter

ENGLISH = 1033


def definitions(call: Call) -> Answer:
    """Return the captions of a route's pages, in English. Raises Refusal."""
    if call.method != "GET":
        raise not_allowed(call.method, "entityDefinitions", "Collection")
    rows = [_definition(page) for page in schema().pages[call.route].values()]
    if text := call.options.get("$filter"):
        try:
            keeps = Compiler().predicate(parse_filter(text))
            rows = [row for row in rows if keeps(row)]
        except (FilterSyntaxError, UnsupportedFilter) as error:
            raise bad_request(str(error)) from None
        except KeyError as error:
            raise unknown_property(str(error.args[0]), "entityDefinition") from None
    context = f"{call.root}/$metadata#entityDefinitions"
    return Answer(200, {"@odata.context": context, "value": rows})


def _definition(page: Page) -> dict[str, Any]:
    enums = {one.enum: one for one in page.properties.values() if one.enum}
    return {
        "entityName": page.entity,
        "entitySetName": page.set,
        "entityCaptions": _captions(page.entity),
        "entitySetCaptions": _captions(page.set),
        "properties": [
            {"name": one.name, "captions": _captions(one.name)}
            for one in page.properties.values()
        ],
        "actions": [],
        "enumerations": [_enumeration(one) for one in enums.values()],
    }


def _enumeration(item: Property) -> dict[str, Any]:
    members = [
        {
            "name": encode_member(member),
            "value": value,
            "captions": [{"languageCode": ENGLISH, "caption": member}],
        }
        for value, member in enumerate(item.members)
    ]
    return {"name": item.enum, "members": members}


def _captions(name: str) -> list[dict[str, Any]]:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [{"languageCode": ENGLISH, "caption": words[:1].upper() + words[1:]}]
