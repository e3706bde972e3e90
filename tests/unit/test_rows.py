"""Rows on their way: who leaves, what is known of those who stay and of who failed."""

from __future__ import annotations

import pandas as pd
import pytest

from tieline.conversions import TEXT
from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.options import RunOptions
from tieline.engine.row import Rows
from tieline.errors import RuleViolated
from tieline.mapping import Direction, FieldMapping, Nested, TableMapping
from tieline.odata.model import Written

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE
FIELDS = (
    FieldMapping("name", "name", Direction.BIDIRECTIONAL, TEXT),
    FieldMapping("creditLimit", "creditlimit", TO, TEXT),
)
LINES = TableMapping("LINES", "lines", "line", TO, ())


def _mapping(**others):
    return TableMapping(
        "JOB", "customers", "account", Direction.BIDIRECTIONAL, FIELDS, **others
    )


def _rows(leg=None, **others):
    names = ["a", "b", "c"]
    source = pd.DataFrame(
        {"id": names, "version": names, "modified": None, "number": names, "name": "N"}
    )
    options = RunOptions(direction=TO)
    return Rows(leg or Leg(_mapping(**others), TO), options, source)


@pytest.mark.parametrize("fate", [Fate.LEFT_OUT, Fate.UNCHANGED])
def test_rows_that_leave_are_counted_and_the_others_stay_in_order(fate):
    """Nothing that is known of a row hangs on its place."""
    rows = _rows()
    for row in rows:
        row.values["name"] = row.id
    next(row for row in rows if row.id == "b").fate = fate
    rows.take_out(fate)
    assert ["a", "c"] == rows.ids == rows.column("number")
    assert ["a", "c"] == [row.values["name"] for row in rows]
    assert {fate: 1} == dict(rows.tally)


def test_failed_rows_are_set_aside_with_their_first_error():
    """What fails twice is told once, with what was found first."""
    rows = _rows()
    row = next(iter(rows))
    row.fail(RuleViolated("first"))
    row.fail(RuleViolated("second"))
    rows.take_out(Fate.FAIL)
    (aside,) = rows.set_aside
    assert ("a", "first", None) == (
        aside.source_id,
        str(aside.error),
        aside.destination_id,
    )
    assert not rows.tally


@pytest.mark.parametrize(
    ("target", "written", "expected"),
    [
        (None, None, None),
        ({}, None, ""),
        ({"version": "7"}, None, "7"),
        ({"version": "7"}, Written("x", "8"), "8"),
    ],
)
def test_a_failure_keeps_the_version_of_the_counterpart(target, written, expected):
    """None of one that was not read, nothing of one that is gone, else the last."""
    rows = _rows()
    row = next(iter(rows))
    row.coupling, row.target_id = {"bc_id": "a"}, "x"
    row.target, row.written = target, written
    row.fail(RuleViolated("no"))
    rows.take_out(Fate.FAIL)
    assert expected == rows.set_aside[0].destination_version


def test_headers_that_came_through_are_known_by_pair():
    """Their lines follow them; those of others do not."""
    rows = _rows(nested=Nested(LINES, "number"))
    for row, fate in zip(rows, (Fate.INSERT, Fate.FAIL, Fate.UNCHANGED), strict=True):
        row.fate, row.target_id = fate, f"t-{row.id}"
    list(rows)[1].fail(RuleViolated("no"))
    rows.take_out(*Fate)
    assert [("a", "t-a"), ("c", "t-c")] == rows.came


def test_a_column_that_a_rule_derives_takes_the_place_of_the_read_one():
    """Later readers see what the rule filled in."""
    rows = _rows()
    rows.fill("number", ["x", "y", "z"])
    rows.fill("new", [1, 2, 3])
    assert ["x", "y", "z"] == rows.column("number")
    assert "new" in rows.columns


def test_what_is_written_in_spite_of_a_conflict():
    """A failed row is written where other fields of it can be merged."""
    rows = _rows()
    first, second, third = rows
    first.fate, second.fate, third.fate = Fate.MODIFY, Fate.UNCHANGED, Fate.OPEN
    third.fail(RuleViolated("conflict"))
    third.values["name"] = "N"
    assert [first, third] == rows.to_write()


@pytest.mark.parametrize("direction", [TO, FROM])
def test_a_leg_names_each_side_once(direction):
    """Source and target are the two sides, the other way round on the way back."""
    leg = Leg(_mapping(), direction)
    back = leg.back
    assert (leg.source, leg.target) == (back.target, back.source)
    assert (leg.source_table, leg.target_table) == (
        back.target_table,
        back.source_table,
    )
    assert leg.pair("s", "t") == tuple(reversed(back.pair("s", "t")))
    assert {leg.pending, back.pending} == {"pending_to", "pending_from"}
    names = {field.key: field.is_shared for field in leg.travelling}
    assert names == (
        {"name": True, "creditlimit": False} if leg.to_dataverse else {"name": True}
    )
