"""Compares all couplings of a job, and lists what stands alone."""

from __future__ import annotations

import asyncio

import numpy as np
import pandas as pd

from tieline.engine.compare import differing_fields
from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.row import Rows
from tieline.engine.run import JobRun
from tieline.errors import SystemName
from tieline.mapping import Direction
from tieline.report import SHOWN
from tieline.verification import Difference, Verification


async def compare_page(run: JobRun, couplings: pd.DataFrame) -> Verification:
    """Read both sides of a page of couplings in bulk and compare them."""
    mapping, found = run.mapping, Verification(run.mapping.name)
    bc_ids, dataverse_ids = list(couplings["bc_id"]), list(couplings["dataverse_id"])
    bc, dataverse = await asyncio.gather(
        run.session.bc.by_id(mapping.bc, bc_ids, columns=mapping.columns("bc")),
        run.session.dataverse.by_id(
            mapping.dataverse, dataverse_ids, columns=mapping.columns("dataverse")
        ),
    )
    on_bc = np.isin(bc_ids, bc.index.to_numpy(dtype=str))
    on_dataverse = np.isin(dataverse_ids, dataverse.index.to_numpy(dtype=str))
    found.only_bc += list(couplings.loc[on_bc & ~on_dataverse, "bc_id"])
    found.only_dataverse += list(couplings.loc[on_dataverse & ~on_bc, "dataverse_id"])
    found.unexpected = len(found.only_bc) + len(found.only_dataverse)
    whole = couplings[on_bc & on_dataverse]
    differing = await differing_fields(
        run, whole, bc.loc[whole["bc_id"]], dataverse.loc[whole["dataverse_id"]]
    )
    pairs = zip(whole["bc_id"], whole["dataverse_id"], differing, strict=True)
    found.different += [Difference(b, d, tuple(f)) for b, d, f in pairs if f]
    found.equal = len(whole) - len(found.different)
    return found


Alone = tuple[list[str], dict[str, str]]
"""Ids of the records without a coupling, and what the first of them are called."""


async def list_uncoupled(run: JobRun, side: SystemName) -> Alone:
    """Return what is inside a side's filter and has no coupling.

    What a rule of the table keeps out of every run is not listed.
    """
    mapping, ignore = run.mapping, run.hooks.ignore
    to = side == "bc"
    leg = Leg(mapping, Direction.TO_DATAVERSE if to else Direction.FROM_DATAVERSE)
    pages = run.session.side(side).changed(
        leg.source_table,
        columns=(leg.source_key,) if ignore is None else leg.source_columns,
        where=await run.filter_of(side),
        page_rows=run.session.settings.batch_rows,
    )
    alone: list[str] = []
    names: dict[str, str] = {}
    async for page in pages:
        known = run.store.couplings(side=side, ids=list(page.frame["id"]))
        left = page.frame[~page.frame["id"].isin(known.index)]
        rows = Rows(leg, run.options, left)
        if ignore is not None and len(rows):
            await ignore(rows, run.session)
        taken = [row for row in rows if row.fate is not Fate.LEFT_OUT]
        alone += [row.id for row in taken]
        if len(names) < SHOWN:
            names |= {row.id: row.key for row in taken[:SHOWN]}
    return alone, names
