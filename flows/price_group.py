"""CUSTPRCGRP-PRICE: Customer Price Group to pricelevel, with its sales prices.

A price list of Dataverse has one currency, for good: that of the group's first
price, or the local one. The prices of a group travel right after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flows.job import job
from flows.products.price_list import lists_of_other_jobs
from flows.products.units import UNIT_CODES, UNITS, unit_pairs
from flows.sales_price import (
    GROUPS,
    ITEM_NUMBERS,
    ITEMS,
    LOCK,
    SALES_PRICE,
    units_of,
)
from tieline.conversions import TEXT, Company, Currency
from tieline.engine.drive import take_legs
from tieline.engine.first_load import FirstLoad
from tieline.engine.hooks import Hooks
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun
from tieline.errors import Blocked, RecordError, RuleViolated
from tieline.identity import coupled_ids
from tieline.mapping import Direction, FieldMapping, Nested, TableMapping
from tieline.session import Session

TO = Direction.TO_DATAVERSE


@dataclass(frozen=True)
class Known:
    """What of the prices' items and units can be referred to in Dataverse."""

    items: Mapping[str, str]
    units: Mapping[str, Any]


async def take_currency_of_prices(rows: Rows, session: Session) -> None:
    """The currency of a group is that of its first price, blank without prices."""
    first: dict[str, str] = {}
    if rows.lines is not None:
        lines = rows.lines.drop_duplicates("parent_id")
        first = dict(zip(lines["parent_id"], lines["currencyCode"], strict=True))
    rows.fill("currencyCode", [first.get(id_, "") for id_ in rows.ids])


async def check_prices(rows: Rows, session: Session) -> None:
    """Refuse groups whose prices could not follow them, before they are written."""
    written = [row for row in rows if row.is_new or row.values or row.is_forced]
    prices = await _prices_by_group(rows, session, written)
    known = Known(
        await coupled_ids(
            session,
            ITEM_NUMBERS,
            {i for lines in prices.values() for i in lines["itemNumber"]},
        ),
        await _units(
            session,
            {u for lines in prices.values() for u in lines["unitOfMeasureCode"]},
        ),
    )
    for row in written:
        error = None
        lines = prices.get(row.id)
        if lines is not None:
            error = problem_of_prices(row.key, lines, known)
        if error is None and not row.is_new:
            wanted = row.wanted["transactioncurrencyid"]
            there = row.there["transactioncurrencyid"]
            error = problem_of_currency(row.key, wanted, there)
        if error is not None:
            row.fail(error)


async def _prices_by_group(
    rows: Rows, session: Session, some: Sequence[Row]
) -> dict[str, pd.DataFrame]:
    """Return the prices of some of the groups, each with its unit."""
    if rows.lines is None:
        return {}
    lines = rows.lines[rows.lines["parent_id"].isin([row.id for row in some])]
    units = await units_of(
        session, list(lines["itemNumber"]), list(lines["unitOfMeasureCode"])
    )
    lines = lines.assign(unitOfMeasureCode=np.array(units, dtype=object))
    return {str(id_): own for id_, own in lines.groupby("parent_id", sort=False)}


async def _units(session: Session, codes: set[str]) -> dict[str, Any]:
    coupled = await coupled_ids(session, UNIT_CODES, codes)
    pairs = await unit_pairs(session, coupled)
    return {code: pairs[code] for code in coupled}


def problem_of_prices(
    group: str, prices: pd.DataFrame, known: Known
) -> RecordError | None:
    """Say why the prices of a group cannot follow it, None if they can."""
    currencies = [code or "the local currency" for code in prices["currencyCode"]]
    if len(set(currencies)) > 1:
        named = ", ".join(sorted(set(currencies)))
        return RuleViolated(
            f"The sales prices of the customer price group {group} are in several "
            f"currencies: {named}.",
            advice="A price list of Dataverse has one currency.",
        )
    for item in prices["itemNumber"]:
        if item not in known.items:
            return Blocked(
                f"The item {item} must be coupled to a Dataverse product before the "
                f"customer price group {group} can be transferred.",
                mapping=ITEMS,
                key=item,
            )
    for item, unit in zip(
        prices["itemNumber"], prices["unitOfMeasureCode"], strict=True
    ):
        pair = known.units.get(unit)
        if isinstance(pair, RecordError):
            return pair
        if not unit:
            return RuleViolated(f"The item {item} has no base unit of measure.")
        if pair is None:
            return Blocked(
                f"The unit of measure {unit} must be coupled to a Dataverse unit group "
                f"before the customer price group {group} can be transferred.",
                mapping=UNITS,
                key=unit,
            )
    return None


def problem_of_currency(
    group: str, wanted: str | None, there: str | None
) -> RuleViolated | None:
    """Say that an existing price list has another currency, None if it has not."""
    if wanted is None or wanted == there:
        return None
    return RuleViolated(
        f"The price list that the customer price group {group} is coupled to has "
        "another currency than its sales prices.",
        advice="Uncouple the group and couple it to a list in the right currency.",
    )


PRICE_GROUP = TableMapping(
    name=GROUPS,
    description="Customer price groups and their sales prices, as price lists.",
    bc="customerPriceGroups",
    dataverse="pricelevel",
    nouns=("customer price groups", "price lists"),
    direction=TO,
    aliases=("CUSTOMER PRICE GROUPS-SALES PRICE LISTS",),
    bc_key="code",
    waits_for=("CURRENCY", ITEMS),
    lock=LOCK,
    company_scoped=True,
    inactivity_minutes=1440,
    needs_companion=True,
    bc_derived=("currencyCode",),
    nested=Nested(SALES_PRICE, "salesCode"),
    fields=(
        FieldMapping("code", "name", TO, TEXT),
        FieldMapping(
            "displayName", "description", TO, TEXT, applies="insert", is_default=False
        ),
        FieldMapping(
            "currencyCode",
            "transactioncurrencyid",
            TO,
            Currency(),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(None, "bcbi_companyid", TO, Company(), is_default=False),
    ),
    hooks=Hooks(complete=take_currency_of_prices, transformed=check_prices),
    first_load=FirstLoad(given=lists_of_other_jobs),
)


@job(PRICE_GROUP)
async def price_group(run: JobRun) -> None:
    """Take the one leg; each batch of groups takes its prices along."""
    await take_legs(run)
