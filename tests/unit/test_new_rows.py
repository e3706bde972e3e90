"""New rows on rows built by hand: templates, and what the journal keeps of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.by_hand import MAPPING, Scene, account, coupling, customer
from tieline.mapping import Template
from tieline.odata.model import Condition

FIRST = Template("dataverse", {"name": "T", "industry": 3}, priority=0)
BLOCKED = Template(
    "dataverse", {"industry": 9}, (Condition("number", "eq", "X"),), priority=-1
)


def test_a_template_completes_a_record_and_overrules_nothing():
    """What the record has itself is written; the rest comes from the template."""
    mapping = replace(MAPPING, templates=(FIRST,))
    (row,) = Scene([customer()], [], mapping=mapping, only_coupled=False).planned()
    assert {"name": "A", "industry": 3} == {
        k: row.values[k] for k in ("name", "industry")
    }


@pytest.mark.parametrize(("number", "expected"), [("X", 9), ("N", 3)])
def test_the_first_template_that_fits_counts(number, expected):
    """By priority, and by what its condition says of the source."""
    mapping = replace(MAPPING, templates=(FIRST, BLOCKED))
    source = [customer(number=number)]
    (row,) = Scene(source, [], mapping=mapping, only_coupled=False).planned()
    assert expected == row.values["industry"]


def test_existing_rows_get_no_template():
    """Templates are for new records only."""
    mapping = replace(MAPPING, templates=(FIRST,))
    source = [customer(version="2", displayName="B")]
    (row,) = Scene(source, [account()], [coupling()], mapping=mapping).planned()
    assert {"name": "B"} == row.values


def test_the_journal_tells_new_rows_from_changed_ones():
    """A new row has no values before; a changed one has those that it held."""
    source = [customer("b1", "2", displayName="B"), customer("b2")]
    scene = Scene(source, [account()], [coupling()], only_coupled=False)
    journal = {row.bc_id: row for row in scene.written().journal}
    assert ("modify", {"name": "A"}) == (journal["b1"].action, journal["b1"].before)
    assert ("insert", None) == (journal["b2"].action, journal["b2"].before)
