"""Queries on sets that are not tables: definitions, messages and system jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.dataverse.exchange import Answer, Request, answered
from emulator.dataverse.filtering import read_filter
from emulator.dataverse.refusals import bad_query
from emulator.odata.expressions import Expression, Path
from emulator.odata.predicates import Compiler, Getter, UnsupportedFilter
from emulator.odata.query import QuerySyntaxError, parse_expand, parse_select

Item = Mapping[str, Any]


class _Plain(Compiler):
    """Reads paths from nested mappings; text ignores case."""

    def __init__(self, sample: Item, aliases: Mapping[str, Expression]) -> None:
        super().__init__(aliases)
        self.sample = sample

    def column(self, path: Path) -> Getter:
        """Read a property, or one of a nested object."""
        if self.sample and path.segments[0] not in self.sample:
            raise bad_query(f"Could not find a property named '{path.segments[0]}'.")
        steps = path.segments

        def read(row: Item) -> Any:
            value: Any = row
            for step in steps:
                value = value.get(step) if isinstance(value, Mapping) else None
            return value

        return read

    def key(self, value: Any) -> Any:
        """Compare text without regard to case."""
        return value.casefold() if isinstance(value, str) else value


def query_items(
    items: Sequence[Item], request: Request, name: str, nested: frozenset[str]
) -> Answer:
    """Answer a read of `items`; those in `nested` show only when expanded.

    Raises:
        Refusal: an option that does not hold.
    """
    query = request.options
    for option in query:
        if option[0] == "$" and option not in ("$select", "$filter", "$expand", "$top"):
            raise bad_query(f"The query parameter {option} is not supported.")
    found = list(items)
    if "$filter" in query:
        aliases = {
            key: read_filter(text) for key, text in query.items() if key[0] == "@"
        }
        sample = items[0] if items else {}
        try:
            keeps = _Plain(sample, aliases).predicate(read_filter(query["$filter"]))
        except UnsupportedFilter as error:
            raise bad_query(f"The function '{error}' is not supported.") from None
        found = [item for item in found if keeps(item)]
    if query.get("$top", "").isdigit():
        found = found[: int(query["$top"])]
    value = [shape_item(item, query, nested) for item in found]
    return answered(
        {"@odata.context": f"{request.root}$metadata#{name}", "value": value}
    )


def shape_item(
    item: Item, query: Mapping[str, str], nested: frozenset[str]
) -> dict[str, Any]:
    """Return the properties of one item that the options ask for.

    Raises:
        Refusal: a property or an expansion that there is not.
    """
    names = [name for name in item if name not in nested]
    select = parse_select(query.get("$select", ""))
    if select and "*" not in select:
        for name in select:
            if name not in item:
                raise bad_query(f"Could not find a property named '{name}'.")
        names = [name for name in names if name in select or name == "MetadataId"]
    shaped = {name: item[name] for name in names}
    try:
        expand = parse_expand(query.get("$expand", ""))
    except QuerySyntaxError as error:
        raise bad_query(str(error)) from None
    for one in expand:
        if one.path not in nested or one.path not in item:
            raise bad_query(f"Could not find a property named '{one.path}'.")
        inner = item[one.path]
        if isinstance(inner, list):
            shaped[one.path] = [
                shape_item(each, one.options, frozenset()) for each in inner
            ]
        elif inner is not None:
            shaped[one.path] = shape_item(inner, one.options, frozenset())
        else:
            shaped[one.path] = None
    return shaped
