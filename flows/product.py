"""What items and resources have in common when they become products.

Field mappings and rules of ITEM-PRODUCT and RESOURCE-PRODUCT; no job of its own.
The currency is the local one, negative prices and quantities travel as zero, and
blocked in Business Central is retired in Dataverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.price_list import MONEY_DIGITS, PriceRow, default_price_list, keep_prices
from flows.product_state import (
    ACTIVE,
    RETIRED,
    REVISED,
    STATE,
    note_steps,
    rewrite_products,
    settle_states,
    update_products,
)
from flows.units import BaseUnit
from tasks.load import rejected
from tieline.batch import Action, Batch
from tieline.conversions import (
    CODE,
    TEXT,
    Company,
    Constant,
    Conversion,
    Currency,
    Lookup,
    Number,
    Transfer,
    Values,
    column_of,
)
from tieline.conversions.plain import NotNegative
from tieline.errors import ApiError, RecordError, RuleViolated, SystemName
from tieline.mapping import CandidateHook, Direction, FieldMapping, Hooks
from tieline.odata.model import Condition, Filter
from tieline.session import Session

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

UNIT_GROUPS = "unit_group_mapping=true"
QUANTITY_DECIMALS = 2

BC_FILTER: Filter = (Condition("blocked", "eq", value=False),)

MONEY = Number(digits=MONEY_DIGITS)


class Retirement(Conversion):
    """Blocked is retired, and not blocked is active.

    Towards Business Central everything but an active product blocks; one that is
    under revision is left alone until it is published.
    """

    title = "blocked is retired"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Translate between the flag and the state."""
        if transfer.to_dataverse:
            return column_of(RETIRED if blocked else ACTIVE for blocked in values)
        return column_of(None if v == REVISED else v != ACTIVE for v in values)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Return real Booleans on the BC side."""
        return column_of(bool(v) for v in values) if side == "bc" else values


def product_filter(product_type: int) -> Filter:
    """Return the Dataverse filter: active products of one type."""
    return (
        Condition("producttypecode", "eq", product_type),
        Condition("statecode", "eq", ACTIVE),
    )


def product_fields(
    product_type: int,
    *,
    quantity: str,
    measures: Sequence[FieldMapping],
    unit_direction: Direction,
    unit_via: str,
) -> tuple[FieldMapping, ...]:
    """Return the field rows; `quantity` names the BC property of the stock.

    `measures` are rows that only one of the two tables has. `unit_direction` is
    that of the base unit; `unit_via` the job that couples it when unit groups are
    on, which is a row that is always off here.
    """
    unit, group = BaseUnit(table="uom", is_unit=True), BaseUnit()
    return (
        FieldMapping("number", "productnumber", TO, CODE),
        FieldMapping("displayName", "name", BOTH, TEXT),
        FieldMapping("unitPrice", "price", TO, NotNegative(digits=MONEY_DIGITS)),
        FieldMapping("unitCost", "standardcost", TO, MONEY),
        FieldMapping("unitCost", "currentcost", TO, MONEY),
        *measures,
        FieldMapping("vendorNumber", "vendorid", TO, CODE),
        FieldMapping("vendorName", "vendorname", TO, TEXT, is_default=False),
        FieldMapping(quantity, "quantityonhand", TO, NotNegative()),
        FieldMapping(
            "baseUnitOfMeasureCode",
            "defaultuomid",
            unit_direction,
            Lookup(unit_via, "uom", "unit of measure", "unitsOfMeasure", "code"),
            only_when=UNIT_GROUPS,
        ),
        FieldMapping(
            "baseUnitOfMeasureCode",
            "defaultuomscheduleid",
            unit_direction,
            group,
            only_when="unit_group_mapping=false",
            is_default=unit_direction is BOTH,
        ),
        FieldMapping(
            "baseUnitOfMeasureCode", "defaultuomid", TO, unit, is_default=False
        ),
        FieldMapping(
            "blocked", STATE, BOTH, Retirement(), not_null=True, is_default=False
        ),
        FieldMapping(None, "transactioncurrencyid", TO, Currency(), is_default=False),
        FieldMapping(
            None, "producttypecode", TO, Constant(product_type), is_default=False
        ),
        FieldMapping(
            None,
            "quantitydecimal",
            TO,
            Constant(QUANTITY_DECIMALS),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(None, "bcbi_companyid", TO, Company(), is_default=False),
    )


def product_hooks(
    product_type: int, write_in: str, candidates: CandidateHook | None = None
) -> Hooks:
    """Return the rules; `write_in` is what the set-up calls this kind of record."""

    async def ignore(batch: Batch, session: Session) -> None:
        """Leave out the write-in product, and products of another type."""
        if not len(batch):
            return
        if batch.to_dataverse:
            setup = await session.setup()
            if setup.write_in_type == write_in and setup.write_in_number:
                is_write_in = batch.column("number") == setup.write_in_number
                batch.mark(is_write_in, Action.LEFT_OUT)
            return
        for position, found in enumerate(batch.column("producttypecode")):
            if found == product_type:
                continue
            if batch.options.records:
                batch.fail(position, _wrong_type(batch, position))
            else:
                batch.action[position] = Action.LEFT_OUT

    return Hooks(
        candidates=candidates,
        ignore=ignore,
        transformed=_transformed,
        update=update_products,
        rewrite=rewrite_products,
        loaded=_loaded,
    )


def _wrong_type(batch: Batch, position: int) -> RuleViolated:
    name = batch.source_key(position)
    return RuleViolated(
        f"The product {name} is not of the type that {batch.mapping.name} transfers.",
        advice="Sales inventory goes with items, services go with resources.",
    )


async def _transformed(batch: Batch, session: Session) -> None:
    """Decide in which steps the products of the batch will change."""
    if batch.to_dataverse and STATE in batch.wanted:
        note_steps(batch)


async def _loaded(batch: Batch, session: Session) -> None:
    """Keep the price rows in line, then put the products in their final state."""
    if not batch.to_dataverse or STATE not in batch.wanted:
        return
    positions = batch.positions(Action.INSERT, Action.MODIFY, Action.UNCHANGED)
    list_id = await _keep_prices(batch, session, positions) if positions else None
    await settle_states(batch, session, list_id)


async def _keep_prices(
    batch: Batch, session: Session, positions: Sequence[int]
) -> str | None:
    """Bring the price rows in line; returns the price list, None without one."""
    try:
        list_id = await default_price_list(session)
    except (RecordError, ApiError) as error:
        for position in positions:
            batch.fail(position, _no_list(error))
        return None
    rows = [
        PriceRow(
            product_id=batch.destination_id[position],
            group_id=_held(batch, "defaultuomscheduleid", position),
            unit_id=_held(batch, "defaultuomid", position),
            amount=_held(batch, "price", position) or 0.0,
        )
        for position in positions
    ]
    written = await keep_prices(session, list_id, rows)
    for position, row in zip(positions, rows, strict=True):
        if row.product_id not in written:
            continue
        refusal = written[row.product_id]
        if refusal is not None:
            batch.fail(position, rejected("Writing", "productpricelevel", refusal))
        elif batch.action[position] == Action.UNCHANGED:
            batch.action[position] = Action.MODIFY
    return list_id


def _held(batch: Batch, key: str, position: int) -> Any:
    """Return what a product holds after the write."""
    if key in batch.wanted:
        return batch.wanted[key][position]
    return batch.destination_column(key)[position]


def _no_list(error: RecordError | ApiError) -> RecordError:
    if isinstance(error, RecordError):
        return error
    return rejected("Inserting", "pricelevel", error)
