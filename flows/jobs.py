"""All jobs, in the order in which they depend on one another."""

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
from tieline.job_names import job_name
from tieline.mapping import TableMapping

__all__ = ["FLOWS", "MAPPINGS", "job_name"]

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
