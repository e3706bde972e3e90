"""RESOURCE-PRODUCT: resources of Business Central and products, both ways.

Only the name comes back. A product is a service; its capacity is its stock.
"""

from __future__ import annotations

from flows.job import job
from flows.products.price_list import STEPS
from flows.products.product import (
    BC_FILTER,
    BOTH,
    FROM,
    TO,
    product_fields,
    product_filter,
    product_hooks,
)
from tieline.engine.drive import take_legs
from tieline.engine.run import JobRun
from tieline.mapping import TableMapping

SERVICES = 3

RESOURCE_PRODUCT = TableMapping(
    name="RESOURCE-PRODUCT",
    description="Resources and products, both ways; prices and costs to Dataverse.",
    bc="resources",
    dataverse="product",
    nouns=("resources", "products"),
    direction=BOTH,
    also_offered=(TO, FROM),
    waits_for=("UNITOFMEASURE",),
    company_scoped=True,
    needs_companion=True,
    needs_local_currency=True,
    also_needs=STEPS,
    bc_filter=BC_FILTER,
    dataverse_filter=product_filter(SERVICES),
    fields=product_fields(
        SERVICES,
        quantity="capacity",
        measures=(),
        unit_direction=TO,
        unit_via="RESOURCE UOM",
    ),
    hooks=product_hooks(SERVICES, "Resource"),
)


@job(RESOURCE_PRODUCT)
async def resource_product(run: JobRun) -> None:
    """Take both legs, to Dataverse first."""
    await take_legs(run)
