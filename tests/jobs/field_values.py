"""Sample values that show that a field travels: two for each field row of each job.

A row goes by its two names, `BC property>column`. Text in angle brackets stands for
a record that the scene makes: its code on one side, its id on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Values:
    """What one side holds and the other gets, first and after a change.

    `late` values can be set only when the record exists. `shown_by` names the column
    that tells, for rows that write none of their own. `shown_from` names the test of
    the way from Dataverse, where that one needs its own.
    """

    first: tuple[Any, Any]
    second: tuple[Any, Any]
    late: bool = False
    shown_by: str = ""
    shown_from: str = ""


@dataclass(frozen=True)
class Shown:
    """A row that needs a test of its own, named `module::test` of tests/jobs."""

    test: str


def same(first: Any, second: Any, **more: Any) -> Values:
    """Both sides hold the same value."""
    return Values((first, first), (second, second), **more)


def always(value: Any, **more: Any) -> Values:
    """The job itself knows the value; the source has none."""
    return Values((None, value), (None, value), **more)


USER = {
    ">owneridtype": same("<SP NO. 00002>", "<SP NO. 00001>", shown_by="ownerid"),
    "salespersonCode>ownerid": same("<SP NO. 00002>", "<SP NO. 00001>"),
}
OURS = {">bcbi_companyid": always("<company>")}
CURRENCY = {"currencyCode>transactioncurrencyid": same("<USD>", "<GBP>")}
ADDRESS = {
    "addressLine1>address1_line1": same("Main Street 1", "Side Street 2"),
    "addressLine2>address1_line2": same("Yard", "Attic"),
    "postalCode>address1_postalcode": same("W1", "W2"),
    "city>address1_city": same("London", "Leeds"),
    "country>address1_country": same("GB", "DE"),
    "state>address1_stateorprovince": same("Kent", "Essex"),
    "email>emailaddress1": same("a@example.com", "b@example.com"),
    "faxNumber>fax": same("31", "32"),
    "website>websiteurl": same("a.example.com", "b.example.com"),
    "phoneNumber>telephone1": same("61", "62"),
}
PRODUCT = {
    "number>productnumber": same("N1", "N2"),
    "displayName>name": same("Bike", "Trike"),
    "unitPrice>price": same(5.25, 6.5),
    "unitCost>standardcost": same(3.5, 4.5),
    "unitCost>currentcost": same(3.5, 4.5),
    "vendorNumber>vendorid": same("V1", "V2"),
    "vendorName>vendorname": same("Wheels Ltd", "Frames Ltd"),
    "baseUnitOfMeasureCode>defaultuomid": same("<PCS unit>", "<BOX unit>"),
    "blocked>statecode": Values((False, 0), (True, 1)),
    ">transactioncurrencyid": always("<EUR>"),
    ">quantitydecimal": always(2),
    **OURS,
}
PARTY = {
    "Name": "name",
    "AddressLine1": "line1",
    "AddressLine2": "line2",
    "City": "city",
    "Country": "country",
    "PostCode": "postalcode",
    "State": "stateorprovince",
}
POSTING = "test_invoice_posting::test_an_active_invoice_is_posted_and_coupled"

SAMPLES: dict[str, dict[str, Values | Shown]] = {
    "CURRENCY": {
        "code>isocurrencycode": same("USD", "USD"),
        "symbol>currencysymbol": same("$", "US$"),
        "displayName>currencyname": same("Dollar", "US dollar"),
        "currencyFactor>exchangerate": Values((0.5, 2.0), (0.25, 4.0)),
        ">currencyprecision": always(2),
    },
    "SALESPEOPLE": {
        "email>internalemailaddress": same("a@example.com", "b@example.com"),
        "displayName>fullname": same("Bea Busy", "Bea Bold"),
        "phoneNo>mobilephone": same("1", "2"),
        "jobTitle>jobtitle": same("Boss", "Chief"),
        "email2>personalemailaddress": same("c@example.com", "d@example.com"),
    },
    "UNITOFMEASURE": {
        "code>baseuomname": same("PCS", "PIECE"),
        "code>name": Values(("PCS", "NAV PCS"), ("PIECE", "NAV PIECE")),
    },
    "CUSTOMER": {
        **USER,
        **OURS,
        **CURRENCY,
        **ADDRESS,
        "displayName>name": same("Adatum", "Adatum Ltd"),
        "contactName>address1_primarycontactname": same("Ada", "Bea"),
        "shipmentMethodCode>address1_freighttermscode": Values(
            ("FOB", 1), ("NO CHARGE", 2)
        ),
        "shippingAgentCode>address1_shippingmethodcode": Values(
            ("DHL", 2), ("FEDEX", 3)
        ),
        "paymentTermsCode>paymenttermscode": Values(("NET 30", 1), ("NET 45", 3)),
        "creditLimit>creditlimit": same(100.5, 200.5),
        "primaryContactNumber>primarycontactid": same("<second>", "<first>", late=True),
        "number>accountnumber": same("C1", "C2"),
        "mobilePhoneNumber>telephone2": same("71", "72"),
        ">customertypecode": always(3),
        "blocked>statuscode": Shown(
            "test_customer::test_an_inactive_account_blocks_its_customer"
        ),
    },
    "CONTACT": {
        **USER,
        **OURS,
        **CURRENCY,
        **ADDRESS,
        "type>": same("Person", "Person"),
        "companyCustomerNumber>parentcustomerid": same("<A>", "<B>"),
        ">parentcustomeridtype": same("<A>", "<B>", shown_by="parentcustomerid"),
        "firstName>firstname": same("Jo", "Al"),
        "middleName>middlename": same("B.", "C."),
        "surname>lastname": same("Smith", "Jones"),
        "mobilePhoneNumber>mobilephone": same("41", "42"),
        "pager>pager": same("51", "52"),
        "salutationCode>salutation": same("MR", "MS"),
    },
    "ITEM-PRODUCT": {
        **PRODUCT,
        "unitVolume>stockvolume": same(1.5, 1.75),
        "grossWeight>stockweight": same(2.5, 2.75),
        "vendorItemNumber>vendorpartnumber": same("W-1", "W-2"),
        "inventory>quantityonhand": same(7.0, 9.0),
        "baseUnitOfMeasureCode>defaultuomscheduleid": same("<PCS>", "<BOX>"),
        ">producttypecode": always(1),
    },
    "RESOURCE-PRODUCT": {
        **PRODUCT,
        "capacity>quantityonhand": same(7.0, 9.0),
        "baseUnitOfMeasureCode>defaultuomscheduleid": same("<PCS>", "<BOX>"),
        ">producttypecode": always(3),
    },
    "CUSTPRCGRP-PRICE": {
        "code>name": same("RETAIL", "SHOPS"),
        "displayName>description": same("Shops", "All shops"),
        "currencyCode>transactioncurrencyid": always("<EUR>"),
        **OURS,
    },
    "SALESPRC-PRODUCTPRICE": {
        "salesCode>pricelevelid": same("<RETAIL>", "<RETAIL>"),
        "itemNumber>productid": same("<I1>", "<I1>"),
        "itemNumber>productnumber": always("I1"),
        "currencyCode>transactioncurrencyid": always("<EUR>"),
        ">pricingmethodcode": always(1),
        "unitPrice>amount": same(8.5, 9.25),
        "unitOfMeasureCode>uomid": same("<PCS unit>", "<PCS unit>"),
        "unitOfMeasureCode>uomscheduleid": same("<PCS>", "<PCS>"),
    },
    "POSTEDSALESINV-INV": {
        **USER,
        **OURS,
        "number>invoicenumber": same("INV-1", "INV-1"),
        "currencyCode>transactioncurrencyid": always("<EUR>"),
        "dueDate>duedate": same("2026-05-01", "2026-06-01"),
        "shipmentDate>datedelivered": same("2026-04-01", "2026-04-02"),
        **{
            f"{bc}{name}>{dataverse}_{column}": same(f"{name[:8]}1", f"{name[:8]}2")
            for bc, dataverse in (("shipTo", "shipto"), ("billTo", "billto"))
            for name, column in PARTY.items()
        },
        "totalAmountExcludingTax>totalamountlessfreight": same(180.0, 190.0),
        "totalAmountIncludingTax>totalamount": same(200.0, 210.0),
        "discountAmount>discountamount": same(10.0, 20.0),
        "shippingAgentCode>shippingmethodcode": Values(("DHL", 2), ("FEDEX", 3)),
        "paymentTermsCode>paymenttermscode": Values(("NET 30", 1), ("NET 45", 3)),
        "workDescription>description": same("Mind the step", "Ring twice"),
        "customerNumber>customerid": same("<A>", "<A>", shown_from=POSTING),
        ">name": always("INV-1"),
        ">pricelevelid": always("<default list>"),
        ">salesorderid": Shown(
            "test_invoice_links::test_an_invoice_in_a_currency_for_an_order"
        ),
        ">opportunityid": Shown(
            "test_invoice_links::test_an_invoice_in_a_currency_for_an_order"
        ),
        "externalDocumentNumber>invoicenumber": Shown(POSTING),
    },
    "CUSTOMER-STATISTICS": {
        "displayName>nav_name": same("Adatum", "Adatum Ltd"),
        "number>nav_customerno": same("<number>", "<number>"),
        "balance>nav_balancelcy": same(80.0, 160.0),
        "outstandingOrders>nav_outstandingorderslcy": same(20.0, 40.0),
        "shippedNotInvoiced>nav_shippednotinvoicedlcy": same(5.0, 10.0),
        "outstandingInvoices>nav_outstandinginvoiceslcy": same(11.0, 22.0),
        "totalAmount>nav_totallcy": same(113.0, 226.0),
        "creditLimit>nav_creditlimitlcy": same(100.5, 200.5),
        "overdueAmount>nav_overdueamountslcy": same(80.0, 160.0),
        "overdueAsOf>nav_overdueamountsasof": same("2026-03-10", "2026-03-11"),
        "totalSales>nav_totalsaleslcy": same(70.0, 140.0),
        "invoicedPrepaymentAmount>nav_invoicedprepaymentamountlcy": same(3.0, 6.0),
        ">transactioncurrencyid": always("<EUR>"),
    },
}
