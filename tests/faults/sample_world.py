"""The sample company as a world of the jobs, and a portrait of it without ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from emulator.business_central import create_business_central
from emulator.dataverse import create_dataverse
from emulator.sample import COMPANY, sample_services
from flows.jobs import MAPPINGS
from tests.world import Ground, World, new_world
from tieline.conversions import Lookup
from tieline.conversions.option import Option
from tieline.mapping import TableMapping

TODAY = date(2026, 6, 1)
_NUMBERED = ("number", "code", "accountnumber", "nav_customerno")
"""Numbers are given in the order in which rows arrive, and that may differ."""


@contextmanager
def sample_world(
    base: Ground, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Yield the sample company, the same at each call."""
    folder.mkdir()
    url = f"sqlite:///{(folder / 'store.sqlite').as_posix()}"
    with new_world(base, url, folder, patch) as world:
        bc, dv = sample_services(customers=30, seed=3, today=TODAY)
        world.bc, world.dv, world.company = bc, dv, bc.company(COMPANY)
        base.bc.app = create_business_central(bc)
        base.dataverse.app = create_dataverse(dv)
        patch.setenv("TIELINE_BC__COMPANY", COMPANY)
        yield world


def portrait(world: World, job: str) -> dict[str, list[str]]:
    """Return both sides' rows of a job and its couplings, ids left out."""
    mapping = MAPPINGS[job]
    bc = {row["id"]: _bc_row(mapping, dict(row)) for row in _bc_rows(world, mapping)}
    table = world.dv.schema.tables[mapping.dataverse]
    dataverse = {
        row[table.key]: _dataverse_row(world, mapping, dict(row))
        for row in world.dv.rows(mapping.dataverse)
    }
    pairs = world.coupled(job)
    return {
        "bc": sorted(bc.values()),
        "dataverse": sorted(dataverse.values()),
        "pairs": sorted(
            f"{bc.get(left)} = {dataverse.get(right)}" for left, right in pairs.items()
        ),
    }


def _bc_rows(world: World, mapping: TableMapping) -> list[dict[str, Any]]:
    return world.company.rows(mapping.bc)


def _bc_row(mapping: TableMapping, row: dict[str, Any]) -> str:
    names = {f.bc: f.conversion for f in mapping.fields if f.bc in row}
    return _told(row, names)


def _dataverse_row(world: World, mapping: TableMapping, row: dict[str, Any]) -> str:
    columns = world.dv.schema.tables[mapping.dataverse].columns
    named: dict[str, Any] = {}
    conversions: dict[str, Any] = {}
    for item in mapping.fields:
        if item.dataverse in columns:
            named[item.dataverse] = row.get(columns[item.dataverse].wire)
            conversions[item.dataverse] = item.conversion
    return _told(named, conversions)


def _told(row: dict[str, Any], names: dict[Any, Any]) -> str:
    values = {
        name: bool(row[name]) if isinstance(conversion, Lookup | Option) else row[name]
        for name, conversion in names.items()
        if name not in _NUMBERED and not _is_id(row[name])
    }
    return str(sorted(values.items()))


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4
