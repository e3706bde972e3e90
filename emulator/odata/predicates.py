"""Compiler from a parsed `$filter` to a Python predicate on rows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from emulator.odata.expressions import (
    Alias,
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

Row = Mapping[str, Any]
Getter = Callable[[Row], Any]

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": operator.contains,
}


class UnsupportedFilter(ValueError):
    """The filter is well-formed but this service does not know what it says."""


class Compiler:
    """Compiles an expression once, so that testing a row is cheap.

    A dialect subclasses it and overrides the hooks: `column` (how a path is
    read), `constant` (a literal beside a column, in the column's own form),
    `key` (what two values are compared by, for instance case-folded text),
    `function` (calls) and `quantifier` (lambdas). Values that cannot be ordered
    against each other, null among them, are neither greater nor less.
    """

    def __init__(self, aliases: Mapping[str, Expression] | None = None) -> None:
        self.aliases = aliases or {}

    def column(self, path: Path) -> Getter:
        """Return how to read `path` from a row: by default its only segment."""
        return operator.itemgetter(path.text)

    def constant(self, constant: Constant, beside: Expression | None) -> Any:
        """Return the value of a literal that is compared with `beside`."""
        return constant.value

    def key(self, value: Any) -> Any:
        """Return what `value` is compared by: by default itself."""
        return value

    def function(self, call: Call) -> Getter:
        """Return how to work out a call: by default the text functions of OData."""
        if call.named:
            raise UnsupportedFilter(call.name)
        arguments = [self.value(argument, None) for argument in call.arguments]
        match call.name, arguments:
            case ("startswith" | "endswith" | "contains") as name, [text, part]:
                test, key = _TEXT_TESTS[name], self.key
                return lambda row: test(key(text(row) or ""), key(part(row) or ""))
            case "tolower", [text]:
                return lambda row: (text(row) or "").lower()
            case "toupper", [text]:
                return lambda row: (text(row) or "").upper()
            case "trim", [text]:
                return lambda row: (text(row) or "").strip()
            case "length", [text]:
                return lambda row: len(text(row) or "")
            case "concat", [first, second]:
                return lambda row: (first(row) or "") + (second(row) or "")
            case "indexof", [text, part]:
                return lambda row: (text(row) or "").find(part(row) or "")
            case "substring", [text, start]:
                return lambda row: (text(row) or "")[start(row) :]
            case "substring", [text, start, length]:
                return lambda row: (text(row) or "")[
                    start(row) : start(row) + length(row)
                ]
        raise UnsupportedFilter(call.name)

    def quantifier(self, node: Lambda) -> Getter:
        """Return how to test a lambda: by default it is not supported."""
        raise UnsupportedFilter(node.op)

    def predicate(self, node: Expression) -> Callable[[Row], bool]:
        """Return the test that `node` is.

        Raises:
            UnsupportedFilter: a function or construct that no hook knows.
        """
        match node:
            case Logic():
                return self._logic(node)
            case Not(operand):
                inner = self.predicate(operand)
                return lambda row: not inner(row)
            case Compare():
                return self._comparison(node)
            case In(left, values):
                return self._membership(left, values)
            case _:
                truth = self.value(node, None)
                return lambda row: truth(row) is True

    def value(self, node: Expression, beside: Expression | None) -> Getter:
        """Return how to read the value of `node`, compared with `beside`."""
        match node:
            case Constant():
                constant = self.constant(node, beside)
                return lambda row: constant
            case Path():
                return self.column(node)
            case Alias(name):
                if name not in self.aliases:
                    return lambda row: None
                return self.value(self.aliases[name], beside)
            case Call():
                return self.function(node)
            case Lambda():
                return self.quantifier(node)
            case _:
                return self.predicate(node)

    def _logic(self, node: Logic) -> Callable[[Row], bool]:
        if node.op == "or" and (same := _same_column(node)) is not None:
            return self._membership(same[0], same[1])
        parts = [self.predicate(part) for part in node.parts]
        if len(parts) == 2:
            first, second = parts
            if node.op == "and":
                return lambda row: first(row) and second(row)
            return lambda row: first(row) or second(row)
        decide = all if node.op == "and" else any
        return lambda row: decide(part(row) for part in parts)

    def _comparison(self, node: Compare) -> Callable[[Row], bool]:
        left = self.value(node.left, node.right)
        right = self.value(node.right, node.left)
        key = self.key
        if node.op in ("eq", "ne"):
            wanted = node.op == "eq"
            if isinstance(node.right, Constant):
                constant = key(right({}))
                return lambda row: (key(left(row)) == constant) is wanted
            return lambda row: (key(left(row)) == key(right(row))) is wanted
        if node.op not in _ORDERINGS:
            raise UnsupportedFilter(node.op)
        return _ordering(_ORDERINGS[node.op], left, right, key)

    def _membership(
        self, left: Expression, values: tuple[Expression, ...]
    ) -> Callable[[Row], bool]:
        get, key = self.value(left, values[0] if values else None), self.key
        if all(isinstance(value, Constant) for value in values):
            members = {key(self.value(value, left)({})) for value in values}
            return lambda row: key(get(row)) in members
        getters = [self.value(value, left) for value in values]
        return lambda row: key(get(row)) in {key(one(row)) for one in getters}


def _ordering(
    compare: Callable[[Any, Any], bool],
    left: Getter,
    right: Getter,
    key: Callable[[Any], Any],
) -> Callable[[Row], bool]:
    def test(row: Row) -> bool:
        try:
            return compare(key(left(row)), key(right(row)))
        except TypeError:
            return False

    return test


def _same_column(node: Logic) -> tuple[Path, tuple[Expression, ...]] | None:
    """Return the column and values of `a eq 1 or a eq 2`, which is a look-up."""
    values: list[Expression] = []
    column: Path | None = None
    for part in node.parts:
        match part:
            case Compare("eq", Path() as path, Constant() as value) if (
                column is None or path == column
            ):
                column = path
                values.append(value)
            case _:
                return None
    return None if column is None else (column, tuple(values))
