"""SALESPRC-PRODUCTPRICE: Sales Price of customer price groups to productpricelevel.

A price of Business Central may depend on dates, a minimum quantity and a variant;
a row of a Dataverse price list knows only product and unit. Of sales prices that
differ in nothing else the first one is coupled, the others fail and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flows.job import job_flow
from flows.price_list import CURRENCY_AMOUNT, MONEY_DIGITS
from flows.units import BaseUnit, UnitPair, unit_pairs
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import (
    Constant,
    Currency,
    Lookup,
    Number,
    Untold,
    coupled_ids,
)
from tieline.errors import RuleViolated, SharedRow
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
from tieline.odata.model import Condition
from tieline.session import Session

TO = Direction.TO_DATAVERSE
GROUPS, ITEMS = "CUSTPRCGRP-PRICE", "ITEM-PRODUCT"
LOCK = "customer price groups and their prices"

Key = tuple[str, str, str]
"""Price list, product and unit: what a row of a price list is known by."""


async def fill_in_base_unit(batch: Batch, session: Session) -> None:
    """A price without a unit is one of the item's base unit."""
    units = await units_of(
        session,
        list(batch.column("itemNumber")),
        list(batch.column("unitOfMeasureCode")),
    )
    batch.replace_column("unitOfMeasureCode", units)


async def units_of(
    session: Session, items: Sequence[str], units: Sequence[str]
) -> list[str]:
    """Return the units of prices: the one named, else the item's base unit."""
    known: dict[str, str] = session.memory.setdefault("base units of items", {})
    wanted = {
        item
        for item, unit in zip(items, units, strict=True)
        if item and not unit and item not in known
    }
    if wanted:
        column = "baseUnitOfMeasureCode"
        frame = await session.bc.by_values(
            "items", "number", sorted(wanted), columns=("number", column)
        )
        known |= dict(zip(frame["number"], frame[column], strict=True))
    return [
        unit or known.get(item) or "" for item, unit in zip(items, units, strict=True)
    ]


async def adopt_price_row(batch: Batch, session: Session) -> None:
    """Couple an uncoupled price with the row of its list, product and unit."""
    keys = await _keys(batch, session)
    there = await _rows_there(session, keys)
    owners = await _living_owners(batch, session, list(there.values()))
    seen: set[Key] = set()
    if batch.options.dry_run:
        seen = session.memory.setdefault("planned price rows", seen)
    for position in map(int, np.flatnonzero(~batch.is_coupled)):
        key = keys[position]
        if key is None:
            continue
        row = there.get(key)
        if key in seen or owners.get(row or ""):
            batch.fail(position, _shared(batch, position))
            continue
        seen.add(key)
        if row is not None:
            batch.destination_id[position] = row
            batch.adopted[position] = True


async def _keys(batch: Batch, session: Session) -> list[Key | None]:
    """Return what each price's row is known by, None where a part is not coupled."""
    levels = coupled_ids(session, GROUPS, batch.column("salesCode"))
    products = coupled_ids(session, ITEMS, batch.column("itemNumber"))
    pairs = await unit_pairs(session, batch.column("unitOfMeasureCode"))
    keys: list[Key | None] = []
    for code, item, unit in zip(
        batch.column("salesCode"),
        batch.column("itemNumber"),
        batch.column("unitOfMeasureCode"),
        strict=True,
    ):
        level, product, pair = levels.get(code), products.get(item), pairs.get(unit)
        is_known = level and product and isinstance(pair, UnitPair)
        keys.append((level, product, pair.unit_id) if is_known else None)  # type: ignore[arg-type, union-attr]
    return keys


async def _rows_there(
    session: Session, keys: Sequence[Key | None]
) -> Mapping[Key, str]:
    """Return the rows that these lists have for these products."""
    known = [key for key in keys if key is not None]
    levels = sorted({level for level, _, _ in known})
    frame = await session.dataverse.by_values(
        "productpricelevel",
        "productid",
        sorted({product for _, product, _ in known}),
        columns=("pricelevelid", "productid", "uomid"),
        where=(Condition("pricelevelid", "in", levels),),
    )
    return {
        (row["pricelevelid"], row["productid"], row["uomid"]): row["id"]
        for row in rows_of(frame)
    }


async def _living_owners(
    batch: Batch, session: Session, rows: Sequence[str]
) -> dict[str, str]:
    """Return the prices that rows are coupled to; one that is gone gives way."""
    frame = session.store.couplings(
        session.company_id, batch.mapping.name, side="dataverse", ids=rows
    )
    owners: dict[str, str] = dict(zip(frame.index, frame["bc_id"], strict=True))
    here = set(batch.source_ids)
    others = [owner for owner in owners.values() if owner not in here]
    alive = await session.bc.by_id(batch.mapping.bc, others, columns=())
    gone = set(others) - set(alive["id"])
    batch.removed += sorted(gone)
    return {row: owner for row, owner in owners.items() if owner not in gone}


def _shared(batch: Batch, position: int) -> SharedRow:
    source = batch.source.iloc[position]
    return SharedRow(
        f"Another sales price of the item {source['itemNumber']} in the customer "
        f"price group {source['salesCode']} stands for the row that Dataverse has for "
        f"the unit {source['unitOfMeasureCode']}: dates, minimum quantity and variant "
        "make no difference there.",
        advice="Keep one price for each item and unit.",
    )


async def check_currency(batch: Batch, session: Session) -> None:
    """A price has the currency of its list, which Dataverse fixes for good."""
    there = batch.destination_now["transactioncurrencyid"]
    inserting = batch.positions(Action.INSERT)
    levels = batch.wanted["pricelevelid"]
    lists = await session.dataverse.by_id(
        "pricelevel",
        sorted({levels[p] for p in inserting if levels[p]}),
        columns=("transactioncurrencyid",),
    )
    of_list = dict(zip(lists["id"], lists["transactioncurrencyid"], strict=True))
    for position, wanted in enumerate(batch.wanted["transactioncurrencyid"]):
        is_new = batch.action[position] == Action.INSERT
        currency = of_list.get(levels[position]) if is_new else there[position]
        if currency is None or currency == wanted or position in batch.problems:
            continue
        source = batch.source.iloc[position]
        batch.fail(
            position,
            RuleViolated(
                f"The sales price of the item {source['itemNumber']} is in "
                f"{source['currencyCode'] or 'the local currency'}, but the price "
                f"list of the customer price group {source['salesCode']} is not.",
                advice="All prices of a group need one currency.",
            ),
        )


SALES_PRICE = TableMapping(
    name="SALESPRC-PRODUCTPRICE",
    description="Prices of customer price groups, as rows of Dataverse price lists.",
    bc="salesPrices",
    dataverse="productpricelevel",
    direction=TO,
    aliases=("SALESPRC-PRODPRICE",),
    bc_key="itemNumber",
    dataverse_name="productnumber",
    only_coupled=False,
    waits_for=(GROUPS, ITEMS),
    lock=LOCK,
    hangs_on="pricelevelid",
    inactivity_minutes=1440,
    needs_companion=True,
    bc_filter=(
        Condition("salesType", "eq", "Customer Price Group"),
        Condition("salesCode", "not_blank"),
    ),
    fields=(
        FieldMapping(
            "salesCode",
            "pricelevelid",
            TO,
            Lookup(GROUPS, "pricelevel", "customer price group"),
            applies="insert",
        ),
        FieldMapping("itemNumber", "productid", TO, Lookup(ITEMS, "product", "item")),
        FieldMapping("itemNumber", "productnumber", TO, Untold()),
        FieldMapping(
            "currencyCode", "transactioncurrencyid", TO, Currency(), applies="modify"
        ),
        FieldMapping(None, "pricingmethodcode", TO, Constant(CURRENCY_AMOUNT)),
        FieldMapping("unitPrice", "amount", TO, Number(MONEY_DIGITS)),
        FieldMapping(
            "unitOfMeasureCode",
            "uomid",
            TO,
            BaseUnit(table="uom", is_unit=True),
            is_default=False,
        ),
        FieldMapping(
            "unitOfMeasureCode", "uomscheduleid", TO, BaseUnit(), is_default=False
        ),
    ),
    hooks=Hooks(
        complete=fill_in_base_unit, adopt=adopt_price_row, transformed=check_currency
    ),
)

sales_price = job_flow(SALES_PRICE)
