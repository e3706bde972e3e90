"""SALESPRC-PRODUCTPRICE: Sales Price of customer price groups to productpricelevel.

A price of Business Central may depend on dates, a minimum quantity and a variant;
a row of a Dataverse price list knows only product and unit. Of sales prices that
differ in nothing else the one that is valid today without minimum quantity is
carried; the others say so once and take over when their day comes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.job import job
from flows.products.price_list import CURRENCY_AMOUNT, MONEY_DIGITS
from flows.products.units import BaseUnit, UnitPair, unit_pairs
from tieline.conversions import (
    Constant,
    Currency,
    Lookup,
    Number,
    Untold,
)
from tieline.engine.drive import take_legs
from tieline.engine.hooks import Hooks
from tieline.engine.row import Row, Rows, SetAside, by_id
from tieline.engine.run import JobRun
from tieline.errors import RuleViolated, SharedRow
from tieline.identity import Home, coupled_ids
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.frames import rows_of
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


@dataclass
class _KnownUnits:
    """The base units of items that the run has read, by item number."""

    codes: dict[str, str] = field(default_factory=dict)


@dataclass
class _PlannedRows:
    """The rows that a dry run has given to a price."""

    rows: set[Key] = field(default_factory=set)


async def fill_in_base_unit(rows: Rows, session: Session) -> None:
    """A price without a unit is one of the item's base unit."""
    items, units = rows.column("itemNumber"), rows.column("unitOfMeasureCode")
    rows.fill("unitOfMeasureCode", await units_of(session, items, units))


async def units_of(
    session: Session, items: Sequence[str], units: Sequence[str]
) -> list[str]:
    """Return the units of prices: the one named, else the item's base unit."""
    known = session.kept(_KnownUnits).codes
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

    @classmethod
    def of(cls, price: Mapping[str, Any]) -> Terms:
        """Return the terms of a price, as far as the service tells them."""
        starts, ends, minimum, variant = (price.get(name) for name in TERMS)
        return cls(_day(starts), _day(ends), float(minimum or 0), variant or "")

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


async def adopt_price_row(rows: Rows, session: Session) -> None:
    """Couple an uncoupled price with the row of its list, product and unit.

    Of the prices that share the row the best is carried: the one that holds it now
    gives way when it has ended, is out of the filter or is gone, or a better one is
    here. The others are told; of what has ended nothing is said.
    """
    keys = await _keys(rows, session)
    sharing: dict[Key, list[Row]] = {}
    for row in rows:
        if row.coupling is None and row.id in keys:
            sharing.setdefault(keys[row.id], []).append(row)
    there = await _rows_there(session, sharing)
    holders = await _holders(rows, session, list(there.values()))
    planned = session.kept(_PlannedRows).rows if rows.options.dry_run else set()
    terms = {row.id: Terms.of(row.source) for row in rows}
    today = session.bc.clock.date().isoformat()
    for key, sharers in sharing.items():
        holder = holders.get(there.get(key, ""))
        ranks = {row.id: terms[row.id].rank(today) for row in sharers}
        best = max(sharers, key=lambda row, of=ranks: of[row.id])  # type: ignore[misc]
        holds = holder is not None and holder.terms.rank(today) >= ranks[best.id]
        left = sharers
        if not holds and key not in planned:
            if holder is not None:
                _give_way(rows, holder, best, today)
            if key in there:
                best.target_id = there[key]
                best.is_adopted = True
            left = [row for row in sharers if row is not best]
            planned.add(key)
        for row in left:
            if terms[row.id].has_ended(today):
                row.leave_out()
                rows.cleared.append(row.id)
            else:
                row.fail(_shared(row))


def _give_way(rows: Rows, holder: Holder, best: Row, today: str) -> None:
    """Take the row from the price that holds it; it is told, unless it has ended."""
    id_ = holder.price_id
    rows.removed.append(id_)
    rows.released.add(id_)
    here = by_id(rows).get(id_)
    if here is not None:
        here.coupling, here.target_id = None, ""
        if holder.terms.has_ended(today):
            here.leave_out()
        else:
            here.fail(_shared(here))
    elif not holder.terms.has_ended(today):
        aside = SetAside(id_, None, holder.item, _shared(best), coupling=None)
        rows.set_aside.append(aside)
    else:
        rows.cleared.append(id_)


def _day(value: str | None) -> str:
    """Return an ISO day, "" for the service's blank one."""
    return "" if not value or value.startswith("0001-") else value[:10]


async def _keys(rows: Rows, session: Session) -> dict[str, Key]:
    """Return what each price's row is known by, where all its parts are coupled."""
    levels = await coupled_ids(session, GROUP_CODES, rows.column("salesCode"))
    products = await coupled_ids(session, ITEM_NUMBERS, rows.column("itemNumber"))
    pairs = await unit_pairs(session, rows.column("unitOfMeasureCode"))
    keys: dict[str, Key] = {}
    for row in rows:
        level = levels.get(row.source["salesCode"])
        product = products.get(row.source["itemNumber"])
        pair = pairs.get(row.source["unitOfMeasureCode"])
        if level and product and isinstance(pair, UnitPair):
            keys[row.id] = level, product, pair.unit_id
    return keys


async def _rows_there(session: Session, keys: Collection[Key]) -> Mapping[Key, str]:
    """Return the rows that these lists have for these products."""
    levels = sorted({level for level, _, _ in keys})
    frame = await session.dataverse.by_values(
        "productpricelevel",
        "productid",
        sorted({product for _, product, _ in keys}),
        columns=("pricelevelid", "productid", "uomid"),
        where=(Condition("pricelevelid", "in", levels),),
    )
    return {
        (row["pricelevelid"], row["productid"], row["uomid"]): row["id"]
        for row in rows_of(frame)
    }


async def _holders(
    rows: Rows, session: Session, there: Sequence[str]
) -> dict[str, Holder]:
    """Return the prices that rows are coupled to; what is gone or filtered frees it."""
    mapping = rows.leg.mapping
    frame = session.job(mapping.name).couplings(side="dataverse", ids=there)
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
        price["id"]: Holder(price["id"], price["itemNumber"], Terms.of(price))
        for price in rows_of(prices)
    }
    freed = sorted(set(owners.values()) - set(known))
    rows.removed += freed
    rows.released.update(freed)
    rows.cleared += freed
    return {id_: known[owner] for id_, owner in owners.items() if owner in known}


def _shared(row: Row) -> SharedRow:
    source = row.source
    return SharedRow(
        f"Another sales price of the item {source['itemNumber']} in the customer "
        f"price group {source['salesCode']} stands for the row that Dataverse has for "
        f"the unit {source['unitOfMeasureCode']}: dates, minimum quantity and variant "
        "make no difference there.",
        advice="The one that is valid today without minimum quantity is carried; this "
        "one takes over when its day comes.",
    )


async def check_currency(rows: Rows, session: Session) -> None:
    """A price has the currency of its list, which Dataverse fixes for good."""
    levels = {row.wanted["pricelevelid"] for row in rows.new()}
    lists = await session.dataverse.by_id(
        "pricelevel",
        sorted(level for level in levels if level),
        columns=("transactioncurrencyid",),
    )
    of_list = dict(zip(lists["id"], lists["transactioncurrencyid"], strict=True))
    for row in rows:
        there = row.there["transactioncurrencyid"]
        currency = of_list.get(row.wanted["pricelevelid"]) if row.is_new else there
        wanted = row.wanted["transactioncurrencyid"]
        if currency is None or currency == wanted or row.is_failed:
            continue
        source = row.source
        row.fail(
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


@job(SALES_PRICE)
async def sales_price(run: JobRun) -> None:
    """Take the one leg; a price waits until its group and its item are coupled."""
    await take_legs(run)
