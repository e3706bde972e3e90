"""What price tests stand on: units, items and products that are coupled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from tests.world import World
from tieline.store import Outcome

GROUPS, PRICES = "CUSTPRCGRP-PRICE", "SALESPRC-PRODUCTPRICE"


def couple(world: World, job: str, bc_id: str, dataverse_id: str, key: str) -> None:
    """Couple two records as if their job had done it."""
    pair = {"bc_id": [bc_id], "dataverse_id": [dataverse_id], "bc_key": [key]}
    with world.open_store() as store:
        store.save(
            Outcome(
                world.company.id,
                job,
                "to-dataverse",
                at=datetime.now(UTC),
                couplings=pd.DataFrame(pair, dtype=object),
            )
        )


def unit(world: World, code: str = "PCS") -> str:
    """Create a unit on both sides, coupled; returns the id of its Dataverse unit."""
    row = world.company.insert("unitsOfMeasure", {"code": code, "displayName": code})
    values = {"name": f"NAV {code}", "baseuomname": code}
    group = world.dv.insert("uomschedule", values)
    couple(world, "UNITOFMEASURE", row["id"], group, code)
    return next(
        one["uomid"]
        for one in world.dv.rows("uom")
        if one["_uomscheduleid_value"] == group
    )


def group_of(world: World, unit_id: str) -> str:
    """Return the unit group of a unit."""
    return str(world.dv.row("uom", unit_id)["_uomscheduleid_value"])


def item(world: World, number: str, unit_id: str, *, coupled: bool = True) -> str:
    """Create an item and its product; returns the product's id."""
    code = world.dv.row("uom", unit_id)["name"]
    row = world.company.insert(
        "items",
        {"number": number, "displayName": number, "baseUnitOfMeasureCode": code},
    )
    product = world.dv.insert(
        "product",
        {
            "productnumber": number,
            "name": number,
            "quantitydecimal": 2,
            "defaultuomid@odata.bind": f"/uoms({unit_id})",
            "defaultuomscheduleid@odata.bind": (
                f"/uomschedules({group_of(world, unit_id)})"
            ),
        },
    )
    if coupled:
        couple(world, "ITEM-PRODUCT", row["id"], product, number)
    return product


def group(world: World, code: str = "RETAIL", **values: Any) -> dict[str, Any]:
    """Create a customer price group."""
    body = {"code": code, "displayName": f"{code} customers", **values}
    return dict(world.company.insert("customerPriceGroups", body))


def price(
    world: World, number: str, amount: float, code: str = "RETAIL", **values: Any
) -> dict[str, Any]:
    """Create a sales price of a customer price group."""
    body = {
        "salesType": "Customer_x0020_Price_x0020_Group",
        "salesCode": code,
        "itemNumber": number,
        "unitPrice": amount,
        **values,
    }
    return dict(world.company.insert("salesPrices", body))


def price_list(world: World, code: str = "RETAIL", **values: Any) -> str:
    """Create a price list coupled to an existing customer price group."""
    row = next(
        row for row in world.company.rows("customerPriceGroups") if row["code"] == code
    )
    level = world.dv.insert("pricelevel", {"name": code, **values})
    couple(world, GROUPS, row["id"], level, code)
    return level
