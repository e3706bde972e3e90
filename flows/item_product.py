"""ITEM-PRODUCT: items of Business Central and products of Dataverse, both ways.

Only the name and the base unit come back. A product is sales inventory. Movements
of the stock do not modify an item: they are noticed through its ledger entries.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from flows.job import job_flow
from flows.price_list import STEPS
from flows.product import (
    BC_FILTER,
    BOTH,
    FROM,
    TO,
    product_fields,
    product_filter,
    product_hooks,
)
from tieline.batch import RunOptions
from tieline.conversions import NUMBER, TEXT
from tieline.cursors import Cursor
from tieline.identity import Home, coupled_by_code
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.session import Session
from tieline.store import Outcome

NAME = "ITEM-PRODUCT"
SALES_INVENTORY = 1
LEDGER = "itemLedgerEntries"
CURSOR = "item ledger entries"
_NONE = pd.DataFrame({"bc_id": [], "dataverse_id": []}, dtype=object)


async def moved_items(
    session: Session, options: RunOptions, direction: Direction
) -> list[str]:
    """Return the coupled items whose stock moved since the last look.

    The look begins at the job's own watermark the first time; before its first
    run all items are read anyway. The items are remembered as pending together
    with the new position, so that none is lost when the run ends early. All are
    looked at when a clock was wrong.
    """
    if direction is not TO or not session.bc.has_companion:
        return []
    store, company = session.store, session.company_id
    begin = store.watermark(company, NAME, "to-dataverse")[0]
    cursor = Cursor(session, NAME, CURSOR, LEDGER)
    numbers = await cursor.values("itemNumber", full=options.full, begin=begin)
    if numbers is not None and not numbers:
        cursor.save()
        return []
    if numbers is not None:
        coupled = await coupled_by_code(session, Home(NAME, "items"), numbers)
        ids = [one.bc_id for one in coupled.values()]
        known = store.couplings(company, NAME, side="bc", ids=ids)
        moved = known[~known["skipped"]]
    elif begin is None or options.full:
        # All items are read anyway.
        cursor.save()
        return []
    else:
        moved = pd.concat([_NONE, *store.each_coupling(company, NAME, skipped=False)])
    pending = pd.DataFrame(
        {
            "bc_id": moved["bc_id"].to_list(),
            "dataverse_id": moved["dataverse_id"].to_list(),
            "pending_to": [True] * len(moved),
        },
        dtype=object,
    )
    outcome = Outcome(
        company,
        NAME,
        "to-dataverse",
        at=datetime.now(UTC),
        couplings=pending,
        cursors={CURSOR: cursor.reached} if cursor.reached else {},
    )
    store.save(outcome)
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
    hooks=product_hooks(SALES_INVENTORY, "Item", moved_items),
)

item_product = job_flow(ITEM_PRODUCT)
