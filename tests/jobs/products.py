"""Items, resources and their products, as the tests of both jobs make them."""

from __future__ import annotations

import pytest

from emulator.dataverse.organization import LENIENT, STRICT

TO, FROM = "to-dataverse", "from-dataverse"
ITEM, RESOURCE = "ITEM-PRODUCT", "RESOURCE-PRODUCT"
SETS = {ITEM: "items", RESOURCE: "resources"}
BOTH_JOBS = pytest.mark.parametrize("job", [ITEM, RESOURCE])
ANY_KIND = pytest.mark.parametrize("accepts", [STRICT, LENIENT])
ACTIVE, RETIRED, DRAFT, REVISED = 0, 1, 2, 3


def record(world, job, **values):
    """Create an item or a resource; returns the stored row."""
    body = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS", **values}
    return dict(world.company.insert(SETS[job], body))


def coupled(world, job, **values):
    """Create a record and its product; returns both ids."""
    row = record(world, job, **values)
    report = world.run(job, create_new=True)
    assert 0 == report.failed
    return row["id"], world.coupled(job)[row["id"]]


def product(world, id_):
    """Return a product as it stands."""
    return world.dv.row("product", id_)


def product_like(world, twin, **values):
    """Create a draft product with another's unit as a person; returns its id."""
    body = {
        "producttypecode": twin["producttypecode"],
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({twin['_defaultuomid_value']})",
        "defaultuomscheduleid@odata.bind": "/uomschedules("
        f"{twin['_defaultuomscheduleid_value']})",
        **values,
    }
    return world.dv.insert("product", body, user=world.human)


def price_row(world, id_):
    """Return the product's one price row."""
    (row,) = [
        row
        for row in world.dv.rows("productpricelevel")
        if row["_productid_value"] == id_
    ]
    return row
