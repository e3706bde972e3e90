"""Nodes of a parsed `$filter`, and their conversion back to text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Kind = Literal[
    "null", "bool", "number", "text", "guid", "date", "datetime", "enum", "json"
]


@dataclass(frozen=True)
class Constant:
    """A literal. `type_name` qualifies an enum member: `Ns.Colour'Red'`.

    `value` is None, bool, int, float, str (text, guid in lower case, enum
    member), date, aware datetime, or the decoded JSON array or object.
    """

    kind: Kind
    value: Any
    type_name: str = ""


@dataclass(frozen=True)
class Path:
    """A property, or a way through navigation properties to one."""

    segments: tuple[str, ...]

    @property
    def text(self) -> str:
        """The path as it is written."""
        return "/".join(self.segments)


@dataclass(frozen=True)
class Alias:
    """A parameter alias (`@p1`), whose value stands in the query string."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function call; qualified functions name their parameters."""

    name: str
    arguments: tuple[Expression, ...] = ()
    named: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True)
class Compare:
    """`left op right`, op being eq, ne, gt, ge, lt or le."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class In:
    """`left in (values)`."""

    left: Expression
    values: tuple[Expression, ...]


@dataclass(frozen=True)
class Logic:
    """Two or more parts, all joined by `and` or all by `or`."""

    op: str
    parts: tuple[Expression, ...]


@dataclass(frozen=True)
class Not:
    """The negation of its operand."""

    operand: Expression


@dataclass(frozen=True)
class Lambda:
    """`path/any(x:body)` or `path/all(x:body)`; `any()` has no body."""

    path: Path
    op: str
    variable: str = ""
    body: Expression | None = None


Expression = Constant | Path | Alias | Call | Compare | In | Logic | Not | Lambda


def instant(value: datetime) -> str:
    """Write an aware datetime as OData does: UTC, zeros of the fraction cut."""
    text = value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head, _, tail = text.partition(".")
    digits, zone = tail[:6].rstrip("0"), tail[6:]
    return f"{head}.{digits}{zone}" if digits else f"{head}{zone}"


def write(node: Expression) -> str:
    """Write `node` as `$filter` text that parses back to an equal node."""
    return _WRITERS[type(node)](node)


def _constant(node: Constant) -> str:
    quoted = "'" + str(node.value).replace("'", "''") + "'"
    plain: dict[str, Callable[[Any], str]] = {
        "null": lambda _: "null",
        "bool": lambda value: "true" if value else "false",
        "number": repr,
        "text": lambda _: quoted,
        "guid": str,
        "date": date.isoformat,
        "datetime": instant,
        "enum": lambda _: node.type_name + quoted,
        "json": lambda value: json.dumps(value, ensure_ascii=False),
    }
    return plain[node.kind](node.value)


def _operand(node: Expression) -> str:
    text = write(node)
    return f"({text})" if isinstance(node, Logic | Compare | In | Not) else text


def _call(node: Call) -> str:
    arguments = [write(argument) for argument in node.arguments]
    arguments += [f"{name}={write(value)}" for name, value in node.named]
    return f"{node.name}({','.join(arguments)})"


def _lambda(node: Lambda) -> str:
    inner = "" if node.body is None else f"{node.variable}:{write(node.body)}"
    return f"{node.path.text}/{node.op}({inner})"


_WRITERS: dict[type, Callable[[Any], str]] = {
    Constant: _constant,
    Path: lambda node: node.text,
    Alias: lambda node: node.name,
    Call: _call,
    Compare: lambda node: f"{_operand(node.left)} {node.op} {_operand(node.right)}",
    In: lambda node: (
        f"{_operand(node.left)} in ({','.join(write(value) for value in node.values)})"
    ),
    Logic: lambda node: f" {node.op} ".join(_operand(part) for part in node.parts),
    Not: lambda node: f"not {_operand(node.operand)}",
    Lambda: _lambda,
}
