"""CUSTPRCGRP-PRICE: Customer Price Group to pricelevel, with its sales prices.

A price list of Dataverse has one currency, for good: that of the group's first
price, or the local one. The prices of a group travel right after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from flows.job import job_flow
from flows.price_list import lists_of_other_jobs
from flows.sales_price import (
    GROUPS,
    ITEM_NUMBERS,
    ITEMS,
    LOCK,
    SALES_PRICE,
    units_of,
)
from flows.units import UNIT_CODES, UNITS, unit_pairs
from tieline.batch import Action, Batch
from tieline.conversions import TEXT, Company, Currency
from tieline.errors import Blocked, RecordError, RuleViolated
from tieline.identity import coupled_ids
from tieline.mapping import Direction, FieldMapping, Hooks, Nested, TableMapping
from tieline.session import Session

TO = Direction.TO_DATAVERSE


@dataclass(frozen=True)
class Known:
    """What of the prices' items and units can be referred to in Dataverse."""

    items: Mapping[str, str]
    units: Mapping[str, Any]


async def prices_of_groups(batch: Batch, session: Session) -> pd.DataFrame:
    """Read the sales prices of all groups of a batch at once."""
    groups = dict(zip(batch.column("code"), batch.source_ids, strict=True))
    assert batch.mapping.nested is not None
    lines = batch.mapping.nested.mapping
    frame = await session.bc.by_values(
        lines.bc,
        "salesCode",
        list(groups),
        columns=lines.columns("bc"),
        where=lines.bc_filter,
    )
    return frame.assign(parent_id=frame["salesCode"].map(groups))


async def take_currency_of_prices(batch: Batch, session: Session) -> None:
    """The currency of a group is that of its first price, blank without prices."""
    first: dict[str, str] = {}
    if batch.lines is not None:
        lines = batch.lines.drop_duplicates("parent_id")
        first = dict(zip(lines["parent_id"], lines["currencyCode"], strict=True))
    currencies = [first.get(id_, "") for id_ in batch.source_ids]
    batch.replace_column("currencyCode", currencies)


async def check_prices(batch: Batch, session: Session) -> None:
    """Refuse groups whose prices could not follow them, before they are written."""
    written = [
        position
        for position in range(len(batch))
        if batch.action[position] == Action.INSERT
        or batch.values[position]
        or batch.forced[position]
    ]
    prices = await _prices_by_group(batch, session, written)
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
    wanted = batch.wanted["transactioncurrencyid"]
    there = batch.destination_now["transactioncurrencyid"]
    for position in written:
        group = batch.source_key(position)
        error = None
        lines = prices.get(batch.source_ids[position])
        if lines is not None:
            error = problem_of_prices(group, lines, known)
        if error is None and batch.action[position] != Action.INSERT:
            error = problem_of_currency(group, wanted[position], there[position])
        if error is not None:
            batch.fail(position, error)


async def _prices_by_group(
    batch: Batch, session: Session, positions: list[int]
) -> dict[str, pd.DataFrame]:
    if batch.lines is None:
        return {}
    ids = [batch.source_ids[position] for position in positions]
    lines = batch.lines[batch.lines["parent_id"].isin(ids)]
    units = await units_of(
        session, list(lines["itemNumber"]), list(lines["unitOfMeasureCode"])
    )
    lines = lines.assign(unitOfMeasureCode=np.array(units, dtype=object))
    return {str(id_): some for id_, some in lines.groupby("parent_id", sort=False)}


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
    nested=Nested(SALES_PRICE, prices_of_groups),
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
    hooks=Hooks(
        complete=take_currency_of_prices,
        transformed=check_prices,
        given=lists_of_other_jobs,
    ),
)

price_group = job_flow(PRICE_GROUP)
