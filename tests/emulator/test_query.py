"""What the shared reader of query options promises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.odata.query import (
    Expand,
    Order,
    QuerySyntaxError,
    parse_expand,
    parse_order,
    parse_select,
    read_query,
    write_query,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.dictionaries(texts, texts, max_size=5))
def test_options_survive_being_written_and_read(options: dict[str, str]) -> None:
    """Any name and value come back, decoded once."""
    assert options == read_query(write_query(options))


def test_plus_and_encoded_dollars_are_understood() -> None:
    """Clients encode differently and mean the same."""
    expected = {"$filter": "a eq 'x y'", "$top": "5"}
    assert expected == read_query("%24filter=a+eq%20'x+y'&$top=5")


def test_expand_nests_and_keeps_inner_separators() -> None:
    """Nested options belong to their navigation property; quotes protect."""
    text = "a,b($select=x,y;$filter=n eq 'p;),q';$expand=c($top=1;$select=z))"
    assert (
        Expand("a"),
        Expand(
            "b",
            {
                "$select": "x,y",
                "$filter": "n eq 'p;),q'",
                "$expand": "c($top=1;$select=z)",
            },
        ),
    ) == parse_expand(text)


@pytest.mark.parametrize("text", ["a($select=x", "a)", "a(select=x)", "a('x)", "(a)"])
def test_broken_expands_are_refused(text: str) -> None:
    """Parentheses, quotes and option names have to fit."""
    with pytest.raises(QuerySyntaxError):
        parse_expand(text)


def test_order_and_select_lists() -> None:
    """Directions are asc and desc, nothing else."""
    assert (Order("a"), Order("b", descending=True), Order("c")) == parse_order(
        "a,b desc, c asc"
    )
    assert ("a", "b") == parse_select("a, b")
    with pytest.raises(QuerySyntaxError):
        parse_order("a down")
