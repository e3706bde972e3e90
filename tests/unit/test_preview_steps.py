"""A preview lists the last of several writes of one row."""

from __future__ import annotations

import httpx
import pytest

from tasks.log import as_told
from tieline.engine.planned import _Step
from tieline.errors import Busy
from tieline.noting import SideWrite
from tieline.odata.model import Change


@pytest.mark.parametrize("order", [(False, True), (True, False)])
def test_late_writes_come_after_early_ones(order):
    """Whichever was noted first: what follows the row's own write stands."""
    step = _Step(before={"state": 0, "name": "A"})
    for is_late in order:
        values = {"state": 2 if is_late else 1}
        step.take(
            SideWrite("dataverse", "invoice", False, Change("x", values)),
            is_late=is_late,
        )
    assert {"state": 2} == step.values
    assert {"state": (0, 1)} == step.fields(step.early)
    assert {"state": (0, 2)} == step.fields(step.late)


def test_what_prefect_breaks_names_prefect():
    """An error of our own stays what it is."""
    told = as_told(httpx.ConnectError("All connection attempts failed"))
    assert ("TL-400", 1) == (told.code, told.exit_code)
    assert "Prefect's server went away" in str(told)
    busy = Busy("Another run.")
    assert busy is as_told(busy)
