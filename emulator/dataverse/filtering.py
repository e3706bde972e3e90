"""The Web API's dialect of `$filter`, applied to the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import bad_query, no_property
from emulator.dataverse.schema import Column, Table
from emulator.dataverse.storage import Row
from emulator.dataverse.values import timestamp
from emulator.odata.expressions import (
    Alias,
    Call,
    Compare,
    Constant,
    Expression,
    In,
    Lambda,
    Logic,
    Path,
)
from emulator.odata.filter import FilterSyntaxError, parse_filter
from emulator.odata.predicates import Compiler, Getter, UnsupportedFilter

_QUERY_FUNCTION = "Microsoft.Dynamics.CRM."
MOST_LISTED = 2000
_LIKE = {"contains": "%{}%", "startswith": "{}%", "endswith": "%{}"}
_KINDS = {
    "String": {"text"},
    "Memo": {"text"},
    "Integer": {"number"},
    "BigInt": {"number"},
    "Picklist": {"number"},
    "State": {"number"},
    "Status": {"number"},
    "Decimal": {"number"},
    "Money": {"number"},
    "Boolean": {"bool"},
    "DateTime": {"datetime", "date"},
    "DateOnly": {"date"},
    "Uniqueidentifier": {"guid"},
    "Lookup": {"guid"},
    "Customer": {"guid"},
    "Owner": {"guid"},
}


def read_filter(text: str) -> Expression:
    """Parse a filter.

    Raises:
        Refusal: it is malformed.
    """
    try:
        return parse_filter(text)
    except FilterSyntaxError as error:
        raise bad_query(str(error)) from None


class Dialect(Compiler):
    """Compiles filters over one table: text ignores case and knows wildcards."""

    def __init__(
        self,
        org: Organization,
        table: Table,
        aliases: Mapping[str, Expression] | None = None,
        variables: Mapping[str, Table] | None = None,
    ) -> None:
        super().__init__(aliases)
        self.org = org
        self.table = table
        self.variables = dict(variables or {})

    def column(self, path: Path) -> Getter:
        """Read a column of the row, or of the row that a lookup leads to."""
        steps = path.segments
        if steps[0] in self.variables:
            inner = Dialect(self.org, self.variables[steps[0]], self.aliases)
            return inner.column(Path(steps[1:]))
        if len(steps) == 1:
            wire = self.declared(path).wire
            return lambda row: row.get(wire)
        navigation, rest = self._through(path)
        if len(navigation.targets) > 1:
            own = navigation.column.wire
            return lambda row: row.get(own)
        target = navigation.targets[0]
        wire = navigation.column.wire
        rows = self.org.data[target]
        inner = Dialect(self.org, rows.table, self.aliases)
        read = inner.column(rest)

        def follow(row: Mapping[str, Any]) -> Any:
            found = rows.by_id.get(row.get(wire) or "")
            return None if found is None else read(found)

        return follow

    def declared(self, path: Path) -> Column:
        """Return the column at the end of a path.

        Raises:
            Refusal: there is none.
        """
        if path.segments[0] in self.variables:
            inner = Dialect(self.org, self.variables[path.segments[0]])
            return inner.declared(Path(path.segments[1:]))
        if len(path.segments) == 1:
            return column_named(self.table, path.text)
        navigation, rest = self._through(path)
        if len(navigation.targets) > 1:
            return column_named(self.table, navigation.column.wire)
        inner = Dialect(self.org, self.org.schema.tables[navigation.targets[0]])
        return inner.declared(rest)

    def constant(self, constant: Constant, beside: Expression | None) -> Any:
        """Return a literal in the form that rows keep."""
        value = constant.value
        if isinstance(beside, Path) and constant.kind != "null":
            column = self.declared(beside)
            if constant.kind not in _KINDS[column.type]:
                raise bad_query(
                    "A binary operator with incompatible types was detected. Found "
                    f"operand types for the property '{beside.text}' and the literal "
                    f"'{value}'."
                )
            if column.type == "DateTime" and constant.kind == "date":
                return f"{value.isoformat()}T00:00:00Z"
        if isinstance(value, datetime):
            return timestamp(value)
        if isinstance(value, date):
            return value.isoformat()
        return value

    def key(self, value: Any) -> Any:
        """Compare text without regard to case."""
        return value.casefold() if isinstance(value, str) else value

    def function(self, call: Call) -> Getter:
        """Work out contains, startswith, endswith and the query functions."""
        if call.name.startswith(_QUERY_FUNCTION):
            return self._query_function(call)
        if call.name in _LIKE and len(call.arguments) == 2:
            text, part = call.arguments
            if isinstance(part, Alias):
                part = self.aliases.get(part.name, part)
            if isinstance(part, Constant) and isinstance(part.value, str):
                return _like(self.value(text, None), _LIKE[call.name], part.value)
        raise UnsupportedFilter(call.name)

    def quantifier(self, node: Lambda) -> Getter:
        """Test the rows of a collection-valued navigation property."""
        name = node.path.segments[0]
        collection = self.table.collections.get(name)
        if collection is None or len(node.path.segments) > 1:
            raise no_property(node.path.text, self.table.name)
        rows = self.org.data[collection.table]
        wire = rows.table.columns[collection.column].wire
        key = self.table.key
        if node.body is None:
            return lambda row: bool(rows.referrers(wire, row[key]))
        variables = {**self.variables, node.variable: rows.table}
        inner = Dialect(self.org, rows.table, self.aliases, variables)
        test = inner.predicate(node.body)
        decide = any if node.op == "any" else all
        return lambda row: decide(
            test(rows.by_id[one]) for one in rows.referrers(wire, row[key])
        )

    def predicate(self, node: Expression) -> Callable[[Mapping[str, Any]], bool]:
        """Return the test that `node` is; the service does not know `in`."""
        if isinstance(node, In):
            raise UnsupportedFilter("in")
        test = super().predicate(node)
        match node:
            case Compare("eq", Path() as left, Path()):  # null equals no other null
                read = self.column(left)
                return lambda row: read(row) is not None and test(row)
        return test

    def _through(self, path: Path) -> Any:
        navigation = self.table.navigations.get(path.segments[0])
        if navigation is None:
            raise no_property(path.segments[0], self.table.name)
        rest = Path(path.segments[1:])
        if len(navigation.targets) > 1 and rest.text != "ownerid":
            raise no_property(rest.text, "principal")  # users and teams share no more
        return navigation, rest

    def _query_function(self, call: Call) -> Getter:
        named = dict(call.named)
        name = call.name.removeprefix(_QUERY_FUNCTION)
        subject = named.get("PropertyName")
        if not isinstance(subject, Constant):
            raise UnsupportedFilter(call.name)
        wire = _subject(self.table, str(subject.value)).wire
        given = [
            value.value
            for key, value in named.items()
            if key != "PropertyName"
            if isinstance(value, Constant)
        ]
        values = given[0] if given and isinstance(given[0], list) else given
        if len(values) > MOST_LISTED:
            raise bad_query(f"{call.name} takes at most {MOST_LISTED} values.")
        test = _function_test(name, [self.key(value) for value in values], self.org)
        if test is None:
            raise UnsupportedFilter(call.name)
        return lambda row: test(self.key(row.get(wire)))


def _function_test(
    name: str, values: list[Any], org: Organization
) -> Callable[[Any], bool] | None:
    members = {str(value) for value in values}
    simple: dict[str, Callable[[Any], bool]] = {
        "In": lambda value: value is not None and str(value) in members,
        "NotIn": lambda value: value is not None and str(value) not in members,
        "EqualUserId": lambda value: value == org.people.integration,
    }
    if name in simple:
        return simple[name]
    if name in ("Between", "NotBetween") and len(values) == 2:
        low, high = (_comparable(value) for value in values)
        inside = name == "Between"
        return lambda value: (
            value is not None and ((low <= _comparable(value) <= high) is inside)
        )
    if name == "LastXDays" and values:
        days = timedelta(days=int(values[0]))
        start = timestamp(org.ground.clock.now() - days).casefold()
        return lambda value: value is not None and value >= start
    return None


def _comparable(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _like(text: Getter, shape: str, part: str) -> Getter:
    """Return the test of a pattern in which %, _ and [ ] are wildcards."""
    pattern = shape.format(part)
    if not any(sign in part for sign in "%_["):
        plain = part.casefold()
        tests: dict[str, Callable[[str], bool]] = {
            "%{}%": lambda value: plain in value,
            "{}%": lambda value: value.startswith(plain),
            "%{}": lambda value: value.endswith(plain),
        }
        test = tests[shape]
        return lambda row: (value := text(row)) is not None and test(value.casefold())
    expression = re.compile(_translate(pattern), re.IGNORECASE | re.DOTALL)
    return lambda row: bool(expression.fullmatch(text(row) or ""))


def _translate(pattern: str) -> str:
    out = []
    for part in re.findall(r"\[[^\]]+\]|.", pattern, re.DOTALL):
        if len(part) > 1:
            inner = part[1:-1].replace("\\", r"\\")
            out.append(f"[{inner}]")
        else:
            out.append({"%": ".*", "_": "."}.get(part, re.escape(part)))
    return "".join(out)


def _subject(table: Table, name: str) -> Column:
    """Return the column that a query function is about; a lookup has two names."""
    column = table.columns.get(name)
    return column if column and column.is_lookup else column_named(table, name)


def column_named(table: Table, name: str) -> Column:
    """Return the column that queries call `name`.

    Raises:
        Refusal: there is none: wrong case, a lookup without its value form, or a
            shadow column such as owneridtype.
    """
    column = table.by_wire.get(name)
    if column is None and name == table.type_key:
        column = table.columns[table.key]
    if column is None:
        raise no_property(name, table.name)
    return column


def matching(
    org: Organization,
    table: Table,
    condition: Expression | None,
    aliases: Mapping[str, Expression],
) -> list[Row]:
    """Return the rows that `condition` keeps, in no particular order.

    Ids and a lower bound of modifiedon are looked up instead of scanned for.

    Raises:
        Refusal: the filter names something unknown.
    """
    rows = org.data[table.name]
    if condition is None:
        return list(rows.by_id.values())
    try:
        keeps = Dialect(org, table, aliases).predicate(condition)
    except UnsupportedFilter as error:
        raise bad_query(f"The function '{error}' is not supported.") from None
    return [row for row in _candidates(org, table, condition) if keeps(row)]


def _candidates(
    org: Organization, table: Table, condition: Expression
) -> Iterable[Row]:
    rows = org.data[table.name]
    parts = (
        condition.parts
        if isinstance(condition, Logic) and condition.op == "and"
        else (condition,)
    )
    for part in parts:
        if (ids := _ids(table, part)) is not None:
            unique = dict.fromkeys(ids)
            return [rows.by_id[one] for one in unique if one in rows.by_id]
    for part in parts:
        if (values := _references(table, part)) is not None:
            wire, wanted = values
            return [
                rows.by_id[one]
                for value in dict.fromkeys(wanted)
                for one in rows.referrers(wire, value)
            ]
    for part in parts:
        match part:
            case Compare("ge" | "gt", Path(("modifiedon",)), Constant() as bound):
                if bound.kind == "datetime":
                    recent = rows.modified_since(timestamp(bound.value))
                    if recent is not None:
                        return recent
    return rows.by_id.values()


def _ids(table: Table, part: Expression) -> list[str] | None:
    """Return the ids that a part asks for, when it asks for ids only."""
    found = _equalities(part)
    if found is None or found[0] not in (table.key, table.type_key):
        return None
    return found[1]


def _references(table: Table, part: Expression) -> tuple[str, list[str]] | None:
    found = _equalities(part)
    if found is None or found[0] not in table.by_wire:
        return None
    return found if table.by_wire[found[0]].is_lookup else None


def _equalities(part: Expression) -> tuple[str, list[str]] | None:
    """Return column and GUIDs of `a eq x or a eq y` and of the function In."""
    match part:
        case Compare("eq", Path((name,)), Constant("guid", value)):
            return name, [value]
        case Logic("or", parts):
            pairs = [_equalities(one) for one in parts]
            names = {pair[0] if pair else None for pair in pairs}
            if len(names) != 1 or None in names:
                return None
            values = [value for pair in pairs if pair for value in pair[1]]
            return str(names.pop()), values
        case Call("Microsoft.Dynamics.CRM.In", (), named):
            values_by_name = dict(named)
            match (
                values_by_name.get("PropertyName"),
                values_by_name.get("PropertyValues"),
            ):
                case Constant("text", name), Constant("json", list() as ids):
                    return name, [str(one).lower() for one in ids]
    return None
