"""Business Central's dialect of `$filter`, with its limits and traps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.computed import worker
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    unknown_property,
)
from emulator.business_central.schema import Page, Property
from emulator.business_central.values import length_of, member
from emulator.odata.expressions import (
    Call,
    Compare,
    Constant,
    Expression,
    In,
    Lambda,
    Logic,
    Not,
    Path,
)
from emulator.odata.filter import FilterSyntaxError, parse_filter
from emulator.odata.predicates import (
    Compiler,
    Getter,
    Row,
    UnsupportedFilter,
)

_FUNCTIONS = frozenset(
    {"startswith", "endswith", "contains", "substring", "tolower", "toupper"}
)
_PARAMETERS = {
    "startswith": ("text",),
    "endswith": ("text",),
    "contains": ("text",),
    "substring": ("number", "number"),
}
_ROOT_NODES = 2
_EVERYTHING = Constant("bool", value=True)
_KINDS = {
    "Text": "text",
    "Code": "text",
    "DateFormula": "text",
    "Guid": "guid",
    "Decimal": "number",
    "Integer": "number",
    "Boolean": "bool",
    "Date": "date",
    "DateTime": "datetime",
}


def compile_filter(
    company: Company, page: Page, text: str, *, is_newer: bool
) -> Callable[[Row], bool]:
    """Return the test that a `$filter` is on this page.

    `in` and lambdas are ignored without a word, as the service does: the rows
    that they would have dropped come back. `is_newer` is schema version 2.1, which
    knows `in` and functions in functions; the standard API never is.

    Raises:
        Refusal: syntax, more nodes than allowed, an unknown or computed property,
            `or` over two fields, a literal of the wrong type or longer than its field.
    """
    try:
        whole = parse_filter(text)
        _refuse_many(whole, company.surroundings.most_nodes)
        node = _without_traps(whole, knows_in=is_newer)
        _check(node, nests=is_newer)
        return _Dialect(company, page).predicate(node)
    except FilterSyntaxError as error:
        raise bad_request(str(error)) from None
    except UnsupportedFilter as error:
        raise bad_request(
            f"An unknown function with name '{error}' was found. This may also be a "
            "function import or a key lookup on a navigation property, which is not "
            "allowed."
        ) from None


def _refuse_many(node: Expression, most: int) -> None:
    if _nodes(node) + _ROOT_NODES > most:
        raise bad_request(
            f"The node count limit of '{most}' has been exceeded. To increase the "
            "limit, set the 'MaxNodeCount' property on EnableQueryAttribute or "
            "ODataValidationSettings."
        )


def _nodes(node: Expression) -> int:
    """Count the nodes of the bound query: a property hangs on the row's own node."""
    match node:
        case Logic(_, parts):
            return sum(map(_nodes, parts)) + len(parts) - 1
        case Compare(_, left, right):
            return 1 + _nodes(left) + _nodes(right)
        case Call(_, arguments, named):
            inner = [*arguments, *(value for _, value in named)]
            return 1 + sum(map(_nodes, inner))
        case In(left, values):
            return 2 + _nodes(left) + len(values)
        case Not(operand):
            return 1 + _nodes(operand)
        case Lambda(_, _, _, body):
            return 2 + (_nodes(body) if body else 0)
        case Path(segments):
            return 1 + len(segments)
    return 1


def filtered_value(text: str, name: str) -> str | None:
    """Return the value that a filter pins a property to (`name eq value`)."""
    try:
        node = parse_filter(text)
    except FilterSyntaxError:
        return None
    parts = node.parts if isinstance(node, Logic) and node.op == "and" else (node,)
    for part in parts:
        match part:
            case Compare("eq", Path((found,)), Constant("guid" | "text", value)) if (
                found == name
            ):
                return str(value).lower()
    return None


def _without_traps(node: Expression, *, knows_in: bool) -> Expression:
    match node:
        case Lambda():
            return _EVERYTHING
        case In() if not knows_in:
            return _EVERYTHING
        case Logic(op, parts):
            kept = [_without_traps(part, knows_in=knows_in) for part in parts]
            return Logic(op, tuple(kept))
        case Not(operand):
            inner = _without_traps(operand, knows_in=knows_in)
            return inner if inner is _EVERYTHING else Not(inner)
    return node


def _check(node: Expression, *, nests: bool) -> None:
    match node:
        case Logic(op, parts):
            if (
                op == "or"
                and len({name for part in parts for name in _names(part)}) > 1
            ):
                raise bad_request(
                    "The 'OR' operator is not supported on distinct fields on an "
                    "OData filter."
                )
            for part in parts:
                _check(part, nests=nests)
        case Not(operand):
            _check(operand, nests=nests)
        case Compare(_, left, right):
            _check(left, nests=nests)
            _check(right, nests=nests)
        case Call(name, arguments):
            if name not in _FUNCTIONS:
                raise UnsupportedFilter(name)
            for argument in arguments:
                if isinstance(argument, Call) and not nests:
                    raise bad_request("Nested functions are not supported in a filter.")
                _check(argument, nests=nests)


def _names(node: Expression) -> Iterator[str]:
    match node:
        case Path():
            yield node.text
        case Compare(_, left, right):
            yield from _names(left)
            yield from _names(right)
        case Logic(_, parts) | Call(_, parts):
            for part in parts:
                yield from _names(part)
        case Not(operand):
            yield from _names(operand)
        case In(left, _):
            yield from _names(left)


class _Dialect(Compiler):
    def __init__(self, company: Company, page: Page) -> None:
        super().__init__()
        self.company = company
        self.page = page

    def item(self, path: Path) -> Property:
        item = self.page.properties.get(path.text)
        if item is None:
            raise unknown_property(path.text, self.page.entity)
        if item.is_computed or item.access == "insert-only":
            raise bad_request(
                f"The property '{path.text}' cannot be used in the $filter query "
                "option."
            )
        return item

    def column(self, path: Path) -> Getter:
        self.item(path)
        work = worker(self.page, path.text)
        if work is None:
            return itemgetter(path.text)
        company = self.company
        return lambda row: work(company, row)  # type: ignore[arg-type]

    def constant(self, constant: Constant, beside: Expression | None) -> Any:
        match beside:
            case Path() if constant.value is not None:
                return _literal(self.item(beside), constant)
            case Call("tolower" | "toupper" as name, (Path() as path,)) if (
                constant.kind == "text"
            ):
                # Both make the comparison blind to case, not just the property.
                value = _literal(self.item(path), constant)
                return value.lower() if name == "tolower" else value.upper()
        return constant.value

    def function(self, call: Call) -> Getter:
        first, *rest = call.arguments or (None,)
        wanted = ["text", *_PARAMETERS.get(call.name, ())]
        if not all(map(self._fits, call.arguments, wanted)):
            raise bad_request(
                f"No function signature for the function with name '{call.name}' "
                "matches the specified arguments."
            )
        if not isinstance(first, Path):
            return super().function(call)
        item = self.item(first)
        arguments = (first, *(_part_of(item, argument) for argument in rest))
        return super().function(replace(call, arguments=arguments))

    def _fits(self, argument: Expression, kind: str) -> bool:
        match argument:
            case Path():
                return _KINDS.get(self.item(argument).kind) == kind
            case Constant("number", value):
                return kind == "number" and isinstance(value, int) and value >= 0
            case Constant():
                return argument.kind == kind
        return isinstance(argument, Call)


def _literal(item: Property, constant: Constant) -> Any:
    value = constant.value
    if item.kind == "Enum" and constant.kind in ("text", "enum"):
        return member(item, value)
    if constant.kind != _KINDS.get(item.kind):
        raise bad_request(
            "A binary operator with incompatible types was detected. Found operand "
            f"types '{item.kind}' and '{constant.kind}' for property '{item.name}'."
        )
    _check_length(item, value)
    if item.kind == "Code":
        return value.strip().upper()
    return value.isoformat() if item.kind == "Date" else value


def _part_of(item: Property, argument: Expression) -> Expression:
    """Return what a text property is searched for, as the property would hold it."""
    match argument:
        case Constant("text", value):
            _check_length(item, value)
            return Constant("text", value.upper() if item.kind == "Code" else value)
    return argument


def _check_length(item: Property, value: Any) -> None:
    """Refuse a text that the filtered field could not hold."""
    if item.length is None or (length := length_of(value)) <= item.length:
        return
    raise Refusal(
        400,
        "Application_FilterErrorException",
        f"The filter '{value}' is not valid for the {item.name} field: its length is "
        f"{length}, but it must be at most {item.length}.",
    )
