"""A dry run reads a row that it only noted as its last write left it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from tieline.noting import PLANNED, NotingSide, SideWrite
from tieline.odata.frames import empty_frame
from tieline.odata.model import Change, Ref


class EmptySide:
    """A service without rows."""

    name = "dataverse"

    async def by_id(
        self, _table: str, _ids: Sequence[str], *, columns: Sequence[str], where: Any
    ) -> pd.DataFrame:
        return empty_frame(columns)


async def test_a_noted_row_is_read_as_its_last_write_left_it() -> None:
    """A change of a row that is new itself is seen, as it would be in a run."""
    noted: list[SideWrite] = []
    side = NotingSide(EmptySide(), noted)  # type: ignore[arg-type]
    await side.insert("product", [Change("a", {"name": "Bike", "state": 2})])
    await side.update("product", [Change("a", {"state": 0, "unit": Ref("uom", "u")})])
    frame = await side.by_id("product", ["a"], columns=("name", "state", "unit"))
    assert [["a", PLANNED, "Bike", 0, "u"]] == (
        frame[["id", "version", "name", "state", "unit"]].to_numpy().tolist()
    )
    assert [True, False] == [one.is_insert for one in noted]


async def test_what_cannot_be_noted_is_no_part_of_a_dry_run() -> None:
    """It is refused loudly rather than done."""
    side = NotingSide(EmptySide(), [])  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="a dry run calls action"):
        side.action("product", [])
