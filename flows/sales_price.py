"""SALESPRC-PRODUCTPRICE: Sales Price of customer price groups to productpricelevel.

A price of Business Central may depend on dates, a minimum quantity and a variant;
a row of a Dataverse price list knows only product and unit. Of sales prices that
differ in nothing else the one that is valid today without minimum quantity is
carried; the others say so once and take over when their day comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flows.job import job_flow
from flows.price_list import CURRENCY_AMOUNT, MONEY_DIGITS
from flows.units import BaseUnit, UnitPair, unit_pairs
from tieline.batch import Action, Batch, Parked, rows_of
from tieline.conversions import (
    Constant,
    Currency,
    Lookup,
    Number,
    Untold,
)
from tieline.errors import RuleViolated, SharedRow
from tieline.identity import Home, coupled_ids
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
from tieline.odata.model import Condition
from tieline.session import Session

TO = Direction.TO_DATAVERSE
GROUPS, ITEMS = "CUSTPRCGRP-PRICE", "ITEM-PRODUCT"
GROUP_CODES = Home(GROUPS, "customerPriceGroups", "code")
ITEM_NUMBERS = Home(ITEMS, "items")
LOCK = "customer price groups and their prices"

TERMS = ("startingDate", "endingDate", "minimumQuantity", "variantCode")
"""The properties that a row of a price list has no place for."""

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


@dataclass(frozen=True)
class Terms:
    """What a row of a price list cannot tell: when and for whom a price holds.

    Days are ISO days, "" where there is no limit.
    """

    starts: str = ""
    ends: str = ""
    minimum: float = 0
    variant: str = ""

    def has_ended(self, today: str) -> bool:
        """Whether the price was valid until yesterday or earlier."""
        return bool(self.ends) and self.ends < today

    def rank(self, today: str) -> tuple[bool, float, bool, str]:
        """Return how well the price speaks for its row; the highest one is carried.

        First comes what is valid today, then the least minimum quantity, then what
        is no variant's; of several the one that began last.
        """
        is_valid = self.starts <= today and not self.has_ended(today)
        return is_valid, -self.minimum, not self.variant, self.starts


@dataclass(frozen=True)
class Holder:
    """The sales price that a row of Dataverse is coupled to."""

    price_id: str
    item: str
    terms: Terms


async def adopt_price_row(batch: Batch, session: Session) -> None:
    """Couple an uncoupled price with the row of its list, product and unit.

    Of the prices that share the row the best is carried: the one that holds it now
    gives way when it has ended, is out of the filter or is gone, or a better one is
    here. The others are told; of what has ended nothing is said.
    """
    keys = await _keys(batch, session)
    sharing: dict[Key, list[int]] = {}
    for position in map(int, np.flatnonzero(~batch.is_coupled)):
        key = keys[position]
        if key is not None:
            sharing.setdefault(key, []).append(position)
    there = await _rows_there(session, list(sharing))
    holders = await _holders(batch, session, list(there.values()))
    planned: set[Key] = set()
    if batch.options.dry_run:
        planned = session.memory.setdefault("planned price rows", planned)
    terms, today = _terms(batch.source), session.bc.clock.date().isoformat()
    for key, positions in sharing.items():
        row = there.get(key)
        holder = holders.get(row or "")
        ranks = {position: terms[position].rank(today) for position in positions}
        best = max(positions, key=lambda p, of=ranks: (of[p], -p))  # type: ignore[misc]
        holds = holder is not None and holder.terms.rank(today) >= ranks[best]
        if not holds and key not in planned:
            if holder is not None:
                _give_way(batch, holder, best, today)
            if row is not None:
                batch.destination_id[best] = row
                batch.adopted[best] = True
            positions = [position for position in positions if position != best]
            planned.add(key)
        for position in positions:
            if terms[position].has_ended(today):
                batch.action[position] = Action.LEFT_OUT
                batch.cleared.append(batch.source_ids[position])
            else:
                batch.fail(position, _shared(batch, position))


def _give_way(batch: Batch, holder: Holder, best: int, today: str) -> None:
    """Take the row from the price that holds it; it is told, unless it has ended."""
    id_ = holder.price_id
    batch.removed.append(id_)
    batch.released.add(id_)
    if id_ in batch.source_ids:
        position = batch.source_ids.index(id_)
        batch.coupling[position] = None
        batch.destination_id[position] = None
        if holder.terms.has_ended(today):
            batch.action[position] = Action.LEFT_OUT
        else:
            batch.fail(position, _shared(batch, position))
    elif not holder.terms.has_ended(today):
        error = _shared(batch, best)
        batch.parked.append(Parked(id_, None, holder.item, error, None))
    else:
        batch.cleared.append(id_)


def _terms(prices: pd.DataFrame) -> list[Terms]:
    """Return when and for whom some prices hold, in their order."""
    blank = [None] * len(prices)
    columns = [list(prices[name]) if name in prices else blank for name in TERMS]
    return [
        Terms(_day(starts), _day(ends), float(minimum or 0), variant or "")
        for starts, ends, minimum, variant in zip(*columns, strict=True)
    ]


def _day(value: str | None) -> str:
    """Return an ISO day, "" for the service's blank one."""
    return "" if not value or value.startswith("0001-") else value[:10]


async def _keys(batch: Batch, session: Session) -> list[Key | None]:
    """Return what each price's row is known by, None where a part is not coupled."""
    levels = await coupled_ids(session, GROUP_CODES, batch.column("salesCode"))
    products = await coupled_ids(session, ITEM_NUMBERS, batch.column("itemNumber"))
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


async def _holders(
    batch: Batch, session: Session, rows: Sequence[str]
) -> dict[str, Holder]:
    """Return the prices that rows are coupled to; what is gone or filtered frees it."""
    mapping = batch.mapping
    frame = session.store.couplings(
        session.company_id, mapping.name, side="dataverse", ids=rows
    )
    owners: dict[str, str] = dict(zip(frame.index, frame["bc_id"], strict=True))
    if not owners:
        return {}
    prices = await session.bc.by_id(
        mapping.bc,
        sorted(set(owners.values())),
        columns=("itemNumber", *(name for name in TERMS if name in mapping.bc_extra)),
        where=mapping.bc_filter,
    )
    known = {
        id_: Holder(id_, item, terms)
        for id_, item, terms in zip(
            prices["id"], prices["itemNumber"], _terms(prices), strict=True
        )
    }
    freed = sorted(set(owners.values()) - set(known))
    batch.removed += freed
    batch.released.update(freed)
    batch.cleared += freed
    return {row: known[owner] for row, owner in owners.items() if owner in known}


def _shared(batch: Batch, position: int) -> SharedRow:
    source = batch.source.iloc[position]
    return SharedRow(
        f"Another sales price of the item {source['itemNumber']} in the customer "
        f"price group {source['salesCode']} stands for the row that Dataverse has for "
        f"the unit {source['unitOfMeasureCode']}: dates, minimum quantity and variant "
        "make no difference there.",
        advice="The one that is valid today without minimum quantity is carried; this "
        "one takes over when its day comes.",
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
    nouns=("sales prices", "price list items"),
    direction=TO,
    aliases=("SALESPRC-PRODPRICE", "PRODUCT PRICE-SALES PRICE"),
    bc_key="itemNumber",
    bc_title="item {itemNumber} in price group {salesCode}",
    dataverse_name="productnumber",
    only_coupled=False,
    waits_for=(GROUPS, ITEMS),
    lock=LOCK,
    hangs_on="pricelevelid",
    bc_extra=TERMS,
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
            Lookup(
                GROUPS,
                "pricelevel",
                "customer price group",
                GROUP_CODES.table,
                GROUP_CODES.column,
            ),
            applies="insert",
        ),
        FieldMapping(
            "itemNumber",
            "productid",
            TO,
            Lookup(ITEMS, "product", "item", ITEM_NUMBERS.table),
        ),
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
