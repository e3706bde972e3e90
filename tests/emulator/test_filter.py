"""What the shared `$filter` parser and evaluator promise, against a Python oracle."""

from __future__ import annotations

import operator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    write,
)
from emulator.odata.filter import FilterSyntaxError, parse_filter
from emulator.odata.predicates import Compiler, UnsupportedFilter

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.sampled_from(["number", "name", "size", "grün", "_owner_value"])
constants = st.one_of(
    st.just(Constant("null", None)),
    st.booleans().map(lambda value: Constant("bool", value)),
    st.integers(-(10**15), 10**15).map(lambda value: Constant("number", value)),
    st.floats(allow_nan=False, allow_infinity=False).map(
        lambda value: Constant("number", value)
    ),
    texts.map(lambda value: Constant("text", value)),
    st.uuids().map(lambda value: Constant("guid", str(value))),
    st.dates(date(1000, 1, 1)).map(lambda value: Constant("date", value)),
    st.datetimes(datetime(1000, 1, 1)).map(  # noqa: DTZ001 - a bound
        lambda value: Constant("datetime", value.replace(tzinfo=UTC))
    ),
    texts.map(lambda value: Constant("enum", value, "Microsoft.NAV.colour")),
    st.lists(texts, max_size=3).map(lambda value: Constant("json", value)),
)
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: Path(tuple(parts)))


def _nested(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(Compare, st.sampled_from(["eq", "ne", "gt", "le"]), inner, inner),
        st.builds(In, paths, st.lists(constants, max_size=3).map(tuple)),
        st.builds(Logic, st.sampled_from(["and", "or"]), several),
        st.builds(Not, inner),
        st.builds(Call, st.just("contains"), several),
        st.builds(
            Call,
            st.just("Microsoft.Dynamics.CRM.In"),
            st.just(()),
            st.tuples(st.tuples(st.just("PropertyName"), constants)),
        ),
        st.builds(Lambda, paths, st.just("any"), st.just("x"), inner),
    )


expressions = st.recursive(st.one_of(constants, paths), _nested, max_leaves=12)


@given(expressions)
def test_what_is_written_parses_back(node: Expression) -> None:
    """Every tree survives being written and parsed."""
    assert node == parse_filter(write(node))


@given(st.text(max_size=40))
def test_garbage_is_refused_with_a_position(text: str) -> None:
    """Any text is either a tree or a FilterSyntaxError inside the text."""
    try:
        parse_filter(text)
    except FilterSyntaxError as error:
        assert 0 <= error.position <= len(text)


_OPERATORS = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
columns = st.sampled_from(["a", "b", "c"])
comparisons = st.builds(
    lambda op, name, value: Compare(op, Path((name,)), Constant("number", value)),
    st.sampled_from(sorted(_OPERATORS)),
    columns,
    st.integers(0, 3),
)
members = st.builds(
    lambda name, values: In(
        Path((name,)), tuple(Constant("number", value) for value in values)
    ),
    columns,
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
)
conditions = st.recursive(
    st.one_of(comparisons, members),
    lambda inner: st.one_of(
        st.builds(
            Logic,
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=4).map(tuple),
        ),
        st.builds(Not, inner),
    ),
    max_leaves=8,
)


def _oracle(node: Expression, row: dict[str, int]) -> bool:
    match node:
        case Compare(op, Path((name,)), Constant(_, value)):
            return _OPERATORS[op](row[name], value)
        case In(Path((name,)), values):
            return any(row[name] == one.value for one in values)
        case Logic("and", parts):
            return all(_oracle(part, row) for part in parts)
        case Logic("or", parts):
            return any(_oracle(part, row) for part in parts)
        case Not(operand):
            return not _oracle(operand, row)
    raise AssertionError(node)


@given(conditions, st.fixed_dictionaries({n: st.integers(0, 3) for n in "abc"}))
def test_evaluation_agrees_with_python(node: Expression, row: dict[str, int]) -> None:
    """A compiled filter, parsed from its text, decides as plain Python does."""
    assert _oracle(node, row) == Compiler().predicate(parse_filter(write(node)))(row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'O''Brien'", True),
        ("startswith(name,'O''') and endswith(name,'n')", True),
        ("contains(tolower(name),'BRIEN')", False),
        ("not contains(name,'x') and (size gt 2 or size eq 1)", True),
        ("size gt -1 and size lt 1.5e3", True),
        ("gone eq null", True),
        ("gone gt 1 or gone lt 1", False),
        ("size in (1,2,5)", True),
        ("on eq true", True),
        ("on", True),
        ("length(name) eq 7 and substring(name,2,2) eq 'Br'", True),
        ("since ge 2024-01-31T10:00:00+02:00", True),
        ("since lt 2024-01-31T08:00:00.0000001Z", False),
    ],
)
def test_a_row_is_kept_or_not(text: str, expected: bool) -> None:
    """Operators, functions, precedence and literals work on one known row."""
    row = {
        "name": "O'Brien",
        "size": 5,
        "gone": None,
        "on": True,
        "since": datetime(2024, 1, 31, 8, tzinfo=UTC),
    }
    assert expected == Compiler().predicate(parse_filter(text))(row)


@pytest.mark.parametrize(
    "text", ["name eq", "name eq 'x", "(a eq 1", "a eq 1)", "a b", "eq 1", "", "a eq §"]
)
def test_broken_text_is_refused(text: str) -> None:
    """Incomplete or unknown syntax never passes as a filter."""
    with pytest.raises(FilterSyntaxError):
        parse_filter(text)


def test_an_unknown_function_is_unsupported() -> None:
    """A call that no dialect knows is told apart from broken syntax."""
    with pytest.raises(UnsupportedFilter):
        Compiler().predicate(parse_filter("geo.distance(a,b) lt 1"))


def test_a_chain_of_thousands_costs_no_depth() -> None:
    """Long `or` chains over one column parse, and become a look-up."""
    chain = " or ".join(f"a eq {number}" for number in range(5000))
    assert Compiler().predicate(parse_filter(chain))({"a": 4999})
