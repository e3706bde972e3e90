"""Table relations: fields that hold a code, and the ids that stand for those codes."""

from __future__ import annotations

from typing import NamedTuple

SALESPERSON = "Salesperson/Purchaser"
INVOICES = "Sales Invoice Entity Aggregate"
POSTED = "Sales Invoice Header"


class Relation(NamedTuple):
    """A field, by its caption, that holds a code or number of another table."""

    caption: str
    related: str


class Pair(NamedTuple):
    """An id property that stands for a code property of the same row."""

    code: str
    related: str
    entity: str


RELATIONS: dict[tuple[str, str], Relation] = {
    ("Customer", "currencyCode"): Relation("Currency Code", "Currency"),
    ("Customer", "salespersonCode"): Relation("Salesperson Code", SALESPERSON),
    ("Customer", "paymentTermsCode"): Relation("Payment Terms Code", "Payment Terms"),
    ("Customer", "shipmentMethodCode"): Relation(
        "Shipment Method Code", "Shipment Method"
    ),
    ("Customer", "shippingAgentCode"): Relation(
        "Shipping Agent Code", "Shipping Agent"
    ),
    ("Customer", "primaryContactNumber"): Relation("Primary Contact No.", "Contact"),
    ("Customer", "customerPriceGroup"): Relation(
        "Customer Price Group", "Customer Price Group"
    ),
    ("Contact", "currencyCode"): Relation("Currency Code", "Currency"),
    ("Contact", "salespersonCode"): Relation("Salesperson Code", SALESPERSON),
    ("Contact", "companyNumber"): Relation("Company No.", "Contact"),
    ("Item", "baseUnitOfMeasureCode"): Relation(
        "Base Unit of Measure", "Unit of Measure"
    ),
    ("Item", "itemCategoryCode"): Relation("Item Category Code", "Item Category"),
    ("Item", "vendorNumber"): Relation("Vendor No.", "Vendor"),
    ("Item Variant", "itemNumber"): Relation("Item No.", "Item"),
    ("Resource", "baseUnitOfMeasureCode"): Relation(
        "Base Unit of Measure", "Unit of Measure"
    ),
    ("Resource", "vendorNumber"): Relation("Vendor No.", "Vendor"),
    ("Sales Price", "itemNumber"): Relation("Item No.", "Item"),
    ("Sales Price", "currencyCode"): Relation("Currency Code", "Currency"),
    ("Sales Price", "unitOfMeasureCode"): Relation(
        "Unit of Measure Code", "Unit of Measure"
    ),
    ("Currency Exchange Rate", "currencyCode"): Relation("Currency Code", "Currency"),
    (INVOICES, "customerNumber"): Relation("Sell-to Customer No.", "Customer"),
    (INVOICES, "billToCustomerNumber"): Relation("Bill-to Customer No.", "Customer"),
    (INVOICES, "currencyCode"): Relation("Currency Code", "Currency"),
    (INVOICES, "salesperson"): Relation("Salesperson Code", SALESPERSON),
    (POSTED, "customerNumber"): Relation("Sell-to Customer No.", "Customer"),
    (POSTED, "currencyCode"): Relation("Currency Code", "Currency"),
    (POSTED, "salespersonCode"): Relation("Salesperson Code", SALESPERSON),
    ("Sales Line", "unitOfMeasureCode"): Relation(
        "Unit of Measure Code", "Unit of Measure"
    ),
    ("Sales Line", "customerNumber"): Relation("Sell-to Customer No.", "Customer"),
    ("Cust. Ledger Entry", "customerNumber"): Relation("Customer No.", "Customer"),
    ("Detailed Cust. Ledg. Entry", "customerNumber"): Relation(
        "Customer No.", "Customer"
    ),
    ("Item Ledger Entry", "itemNumber"): Relation("Item No.", "Item"),
}

COUNTRIES: dict[tuple[str, str], Relation] = {
    (table, "country"): Relation("Country/Region Code", "Country/Region")
    for table in ("Customer", "Contact")
}
"""Relations that the companion's pages validate only where a test asks for it."""

PAIRS: dict[tuple[str, str], Pair] = {
    ("Customer", "currencyId"): Pair("currencyCode", "Currency", "Currency"),
    ("Customer", "paymentTermsId"): Pair(
        "paymentTermsCode", "Payment Terms", "Payment Terms"
    ),
    ("Customer", "shipmentMethodId"): Pair(
        "shipmentMethodCode", "Shipment Method", "Shipment Method"
    ),
    ("Customer", "paymentMethodId"): Pair(
        "paymentMethodCode", "Payment Method", "Payment Method"
    ),
    ("Item", "itemCategoryId"): Pair(
        "itemCategoryCode", "Item Category", "Item Category"
    ),
    ("Item", "baseUnitOfMeasureId"): Pair(
        "baseUnitOfMeasureCode", "Unit of Measure", "Unit of Measure"
    ),
    ("Item Variant", "itemId"): Pair("itemNumber", "Item", "Item"),
    (INVOICES, "customerId"): Pair("customerNumber", "Customer", "Customer"),
    (INVOICES, "billToCustomerId"): Pair(
        "billToCustomerNumber", "Customer", "Customer"
    ),
    (INVOICES, "currencyId"): Pair("currencyCode", "Currency", "Currency"),
    (INVOICES, "paymentTermsId"): Pair(
        "paymentTermsCode", "Payment Terms", "Payment Terms"
    ),
    (INVOICES, "shipmentMethodId"): Pair(
        "shipmentMethodCode", "Shipment Method", "Shipment Method"
    ),
    ("Sales Line", "unitOfMeasureId"): Pair(
        "unitOfMeasureCode", "Unit of Measure", "Unit of Measure"
    ),
}

HIDDEN: dict[str, dict[str, object]] = {
    "Customer": {"paymentMethodCode": ""},
    "Sales Line": {"customerNumber": "", "amountIncludingTaxLocal": 0},
    INVOICES: {
        "posted": False,
        "paymentTermsCode": "",
        "shipmentMethodCode": "",
        "shippingAgentCode": "",
    },
}
"""Fields of a table that no page shows, with their blank values."""
