"""Does a batch stay in step with itself when rows leave it?"""

from __future__ import annotations

import pandas as pd
import pytest

from tieline.batch import Action, Batch, RunOptions
from tieline.mapping import (
    DeletionConflictPolicy,
    Direction,
    TableMapping,
    UpdateConflictPolicy,
)

TO = Direction.TO_DATAVERSE


@pytest.fixture
def batch():
    """Three rows with their counterparts, all columns read once already."""
    mapping = TableMapping("JOB", "customers", "account", TO, ())
    options = RunOptions(
        TO, UpdateConflictPolicy.MERGE, DeletionConflictPolicy.NONE, dry_run=True
    )
    names = ["a", "b", "c"]
    source = pd.DataFrame(
        {"id": names, "version": names, "modified": None, "number": names}
    )
    made = Batch(mapping, TO, options, source)
    made.destination_id[:] = names
    made.align_destination(source.set_index("id", drop=False))
    for name in ("version", "number"):
        made.column(name)
        made.cell(name, 0)
        made.destination_cells(name)
    return made


@pytest.mark.parametrize("action", [Action.LEFT_OUT, Action.UNCHANGED])
def test_columns_follow_the_rows(batch, action):
    """What was read before rows left is not what is read afterwards."""
    batch.action[1] = action
    batch.drop_done(action)
    left = ["a", "c"]
    assert left == list(batch.column("number"))
    assert left == [batch.cell("number", position) for position in (0, 1)]
    assert left == batch.destination_cells("number")
    assert left == list(batch.destination_column("number"))
    assert {2} == {len(batch), len(batch.values), len(batch.coupling)}


def test_a_column_that_a_rule_replaced_is_read_anew(batch):
    """Derived values take the place of those that were read."""
    batch.replace_column("number", ["x", "y", "z"])
    assert ["x", "y", "z"] == list(batch.column("number"))
    assert "y" == batch.cell("number", 1)
