"""Which jobs are there, and in which order do they depend on one another?"""

from __future__ import annotations

from typing import Any

from prefect import Flow

from flows.contact import CONTACT, contact
from flows.currency import CURRENCY, currency
from flows.customer import CUSTOMER, customer
from flows.customer_statistics import CUSTOMER_STATISTICS, customer_statistics
from flows.invoice import POSTEDSALESINV, posted_sales_invoice
from flows.item_product import ITEM_PRODUCT, item_product
from flows.price_group import PRICE_GROUP, price_group
from flows.resource_product import RESOURCE_PRODUCT, resource_product
from flows.sales_price import SALES_PRICE, sales_price
from flows.salespeople import SALESPEOPLE, salespeople
from flows.unit_of_measure import UNITOFMEASURE, unit_of_measure
from tieline.errors import SettingsError
from tieline.mapping import TableMapping

MAPPINGS: dict[str, TableMapping] = {
    mapping.name: mapping
    for mapping in (
        CURRENCY,
        SALESPEOPLE,
        UNITOFMEASURE,
        CUSTOMER,
        CONTACT,
        ITEM_PRODUCT,
        RESOURCE_PRODUCT,
        PRICE_GROUP,
        SALES_PRICE,
        POSTEDSALESINV,
        CUSTOMER_STATISTICS,
    )
}
"""The table mappings by job name, in dependency order."""

FLOWS: dict[str, Flow[..., Any]] = {
    "CURRENCY": currency,
    "SALESPEOPLE": salespeople,
    "UNITOFMEASURE": unit_of_measure,
    "CUSTOMER": customer,
    "CONTACT": contact,
    "ITEM-PRODUCT": item_product,
    "RESOURCE-PRODUCT": resource_product,
    "CUSTPRCGRP-PRICE": price_group,
    "SALESPRC-PRODUCTPRICE": sales_price,
    "CUSTOMER-STATISTICS": customer_statistics,
    "POSTEDSALESINV-INV": posted_sales_invoice,
}


def job_name(name: str) -> str:
    """Return the job that `name` means: its own, its entry's or its mapping's name.

    Raises:
        SettingsError: there is no such job.
    """
    for mapping in MAPPINGS.values():
        if mapping.is_called(name):
            return mapping.name
    msg = f"There is no job {name}."
    raise SettingsError(msg, advice=f"The jobs are {', '.join(MAPPINGS)}.")
