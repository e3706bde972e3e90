"""Writes products: in steps where they need it, each with its own price row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.products.price_list import PriceRow, default_price_list, keep_prices
from flows.products.state import (
    rewrite_products,
    settle_states,
    update_products,
    writes_states,
)
from tieline.engine.fate import Fate
from tieline.engine.hooks import Writer
from tieline.engine.row import Row, Rows
from tieline.errors import ApiError, RecordError
from tieline.failures import rejected
from tieline.odata.model import Change, Written
from tieline.session import Session


class ProductWriter(Writer):
    """Changes products state by state, and keeps their price rows in line."""

    async def update(
        self,
        rows: Rows,
        some: Sequence[Row],
        changes: Sequence[Change],
        session: Session,
    ) -> list[Written]:
        """Change products, by way of a revision where the organisation demands it."""
        if not rows.leg.to_dataverse:
            return await super().update(rows, some, changes, session)
        return await update_products(some, changes, session)

    async def rewrite(
        self, table: str, changes: Sequence[Change], session: Session
    ) -> list[Written]:
        """Change products and leave each in the state that it is in."""
        return await rewrite_products(changes, session)

    async def finish(self, rows: Rows, session: Session) -> None:
        """Keep the price rows in line, then put the products in their final state."""
        if not writes_states(rows.leg):
            return
        came = rows.came_through
        list_id = await _keep_prices(came, session) if came else None
        await settle_states(rows, session, list_id)


async def _keep_prices(rows: Sequence[Row], session: Session) -> str | None:
    """Bring the price rows in line; returns the price list, None without one."""
    try:
        list_id = await default_price_list(session)
    except (RecordError, ApiError) as error:
        for row in rows:
            row.fail(_no_list(error))
        return None
    written = await keep_prices(session, list_id, [_price_row(row) for row in rows])
    for row in rows:
        if row.target_id not in written:
            continue
        refusal = written[row.target_id]
        if refusal is not None:
            row.fail(rejected("Writing", "productpricelevel", refusal))
        elif row.fate is Fate.UNCHANGED:
            row.fate = Fate.MODIFY
    return list_id


def _price_row(row: Row) -> PriceRow:
    return PriceRow(
        product_id=row.target_id,
        group_id=_held(row, "defaultuomscheduleid"),
        unit_id=_held(row, "defaultuomid"),
        amount=_held(row, "price") or 0.0,
    )


def _held(row: Row, key: str) -> Any:
    """Return what a product holds after the write."""
    if key in row.wanted:
        return row.wanted[key]
    return (row.target or {}).get(key)


def _no_list(error: RecordError | ApiError) -> RecordError:
    if isinstance(error, RecordError):
        return error
    return rejected("Inserting", "pricelevel", error)
