"""ITEM-PRODUCT: items of Business Central and products of Dataverse, both ways.

Only the name and the base unit come back. A product is sales inventory. Movements
of the stock do not modify an item: they are noticed through its ledger entries.
"""

from __future__ import annotations

import pandas as pd

from flows.job import job
from flows.products.price_list import STEPS
from flows.products.product import (
    BC_FILTER,
    BOTH,
    FROM,
    TO,
    product_fields,
    product_filter,
    product_hooks,
)
from tieline.conversions import NUMBER, TEXT
from tieline.cursors import Cursor
from tieline.engine.drive import take_legs
from tieline.engine.leg import Leg
from tieline.engine.run import JobRun
from tieline.identity import Home, coupled_by_code
from tieline.mapping import FieldMapping, TableMapping

NAME = "ITEM-PRODUCT"
SALES_INVENTORY = 1
LEDGER = "itemLedgerEntries"
CURSOR = "item ledger entries"
_NONE = pd.DataFrame({"bc_id": [], "dataverse_id": []}, dtype=object)


async def moved_items(run: JobRun, leg: Leg) -> list[str]:
    """Return the coupled items whose stock moved since the last look.

    The look begins at the job's own watermark the first time; before its first
    run all items are read anyway. The items are remembered as pending together
    with the new position, so that none is lost when the run ends early. All are
    looked at when a clock was wrong.
    """
    session, store, full = run.session, run.store, run.options.full
    if not leg.to_dataverse or not session.bc.has_companion:
        return []
    begin = store.watermark(TO)
    cursor = Cursor(session, NAME, CURSOR, LEDGER)
    numbers = await cursor.values("itemNumber", full=full, begin=begin)
    if numbers is not None and not numbers:
        cursor.save()
        return []
    if numbers is not None:
        coupled = await coupled_by_code(session, Home(NAME, "items"), numbers)
        ids = [one.bc_id for one in coupled.values()]
        known = store.couplings(side="bc", ids=ids)
        moved = known[~known["skipped"]]
    elif begin is None or full:
        # All items are read anyway.
        cursor.save()
        return []
    else:
        moved = pd.concat([_NONE, *store.each_coupling(skipped=False)])
    pending = pd.DataFrame(
        {
            "bc_id": moved["bc_id"].to_list(),
            "dataverse_id": moved["dataverse_id"].to_list(),
            "pending_to": [True] * len(moved),
        },
        dtype=object,
    )
    cursors = {CURSOR: cursor.reached} if cursor.reached else {}
    store.save(TO, couplings=pending, cursors=cursors)
    return [str(id_) for id_ in moved["bc_id"]]


ITEM_PRODUCT = TableMapping(
    name=NAME,
    description="Items and products, both ways; prices, costs and stock to Dataverse.",
    bc="items",
    dataverse="product",
    nouns=("items", "products"),
    direction=BOTH,
    also_offered=(TO, FROM),
    waits_for=("UNITOFMEASURE",),
    company_scoped=True,
    inactivity_minutes=1440,
    needs_local_currency=True,
    also_needs=STEPS,
    bc_filter=BC_FILTER,
    dataverse_filter=product_filter(SALES_INVENTORY),
    fields=product_fields(
        SALES_INVENTORY,
        quantity="inventory",
        measures=(
            FieldMapping("unitVolume", "stockvolume", TO, NUMBER),
            FieldMapping("grossWeight", "stockweight", TO, NUMBER),
            FieldMapping("vendorItemNumber", "vendorpartnumber", TO, TEXT),
        ),
        unit_direction=BOTH,
        unit_via="ITEM UOM",
    ),
    hooks=product_hooks(SALES_INVENTORY, "Item"),
)


@job(ITEM_PRODUCT)
async def item_product(run: JobRun) -> None:
    """Take both legs, to Dataverse first: there with the items whose stock moved."""
    await take_legs(run, also=moved_items)
