"""What items and resources have in common when they become products.

Field mappings and rules of ITEM-PRODUCT and RESOURCE-PRODUCT; no job of its own.
The currency is the local one, negative prices and quantities travel as zero, and
blocked in Business Central is retired in Dataverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.products.price_list import MONEY_DIGITS
from flows.products.state import (
    ACTIVE,
    RETIRED,
    REVISED,
    STATE,
    note_steps,
    writes_states,
)
from flows.products.units import BaseUnit
from flows.products.writer import ProductWriter
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
from tieline.engine.hooks import Hooks
from tieline.engine.row import Row, Rows
from tieline.errors import RuleViolated, SystemName
from tieline.mapping import Direction, FieldMapping
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


def product_hooks(product_type: int, write_in: str) -> Hooks:
    """Return the rules; `write_in` is what the set-up calls this kind of record."""

    async def ignore(rows: Rows, session: Session) -> None:
        """Leave out the write-in product, and products of another type."""
        if not len(rows):
            return
        if rows.leg.to_dataverse:
            setup = await session.setup()
            if setup.write_in_type == write_in and setup.write_in_number:
                for row in rows:
                    if row.source["number"] == setup.write_in_number:
                        row.leave_out()
            return
        for row in rows:
            if row.source["producttypecode"] == product_type:
                continue
            if rows.options.records:
                row.fail(_wrong_type(row))
            else:
                row.leave_out()

    return Hooks(ignore=ignore, transformed=_transformed, writer=ProductWriter())


def _wrong_type(row: Row) -> RuleViolated:
    return RuleViolated(
        f"The product {row.key} is not of the type that {row.leg.mapping.name} "
        "transfers.",
        advice="Sales inventory goes with items, services go with resources.",
    )


async def _transformed(rows: Rows, session: Session) -> None:
    """Decide in which steps the products will change."""
    if writes_states(rows.leg):
        note_steps(rows)
