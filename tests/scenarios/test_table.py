"""The table says truly of every scenario what became of it.

Each file of `table/` is one area. A row is one of

    <id>: {tested: <path>::<name>}        (or a list of them)
    <id>: {not applicable: <reason>}
    <id>: {decided otherwise: <reason>, instead: <what we do>, test: <path>::<name>}
"""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
IDS = (HERE / "ids.txt").read_text(encoding="utf-8").split()
TABLES = sorted((HERE / "table").glob("*.yaml"))
SHAPES = (
    {"tested"},
    {"not applicable"},
    {"decided otherwise", "instead", "test"},
)


def rows_of(path):
    """Return the rows of one file as pairs, a repeated id twice."""
    found = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    build = yaml.SafeLoader("").construct_object
    return [(build(key), build(value, deep=True)) for key, value in found.value]


@cache
def table():
    """Return all rows of all areas."""
    return tuple(row for path in TABLES for row in rows_of(path))


@cache
def carried():
    """Return the ids that each test carries, by path and name."""
    found = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
                if node.name.startswith("test_") and (ids := set(_marked(node))):
                    found[name] = ids
    return found


def _marked(function):
    """Yield the ids of the scenario marks in a function's decorators."""
    for decorator in function.decorator_list:
        for call in ast.walk(decorator):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "scenario"
            ):
                yield from (argument.value for argument in call.args)


def named_in(row):
    """Return the tests that a row names."""
    named = row.get("tested", row.get("test", []))
    return [named] if isinstance(named, str) else named


def test_no_scenario_is_missing_or_twice():
    """Every id of the list has exactly one row, and no row has another id."""
    assert 396 == len(IDS)
    assert dict.fromkeys(IDS, 1) == Counter(id_ for id_, _ in table())


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_row_says_enough(path):
    """A row has one of the three forms, and nothing in it is blank."""
    for id_, row in rows_of(path):
        assert set(row) in SHAPES, id_
        for value in row.values():
            assert value, id_
            texts = value if isinstance(value, list) else [value]
            assert all(str(text).strip() for text in texts), id_


def test_every_named_test_carries_its_scenario():
    """A test that a row names exists and bears the mark with the id."""
    wrong = [
        (id_, name)
        for id_, row in table()
        for name in named_in(row)
        if id_ not in carried().get(name, ())
    ]
    assert [] == wrong


def test_every_carried_scenario_is_in_the_table():
    """A test carries no unknown id, and none of a row that names no test."""
    backed = {id_ for id_, row in table() if named_in(row)}
    carried_ids = set().union(*carried().values())
    assert [] == sorted(carried_ids - set(IDS))
    assert [] == sorted(carried_ids - backed)
