"""POSTEDSALESINV-INV: posted sales invoices of Business Central to invoices.

An invoice travels with its lines, totals and state, once: afterwards only changes of
its header and its payment follow. Asked for, the job runs the other way: an active
invoice of Dataverse is posted in Business Central and coupled with what it became.

Read on in invoice_header (what a new invoice needs), invoice_steps (what follows its
header), and invoice_draft and invoice_posting (the other way).
"""

from __future__ import annotations

from flows.common_fields import OURS, OWNER
from flows.customer import PAYMENT_TERMS, SHIPPING_AGENT
from flows.invoice_draft import leave_posted_alone, prepare_drafts
from flows.invoice_header import (
    INVOICES,
    Link,
    LookupForNew,
    describe_invoices,
    prepare_invoices,
)
from flows.invoice_posting import insert_invoices
from flows.invoice_steps import INVOICE_STEPS, finish_invoices, update_invoices
from flows.job import job_flow
from flows.own_company import mark_source_as_ours
from flows.price_list import STEPS
from tieline.batch import Batch
from tieline.conversions import (
    CODE,
    DAY,
    NUMBER,
    TEXT,
    Currency,
)
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
from tieline.session import Session

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL


async def prepare(batch: Batch, session: Session) -> None:
    """Complete what is to be created, whichever way it goes."""
    await prepare_invoices(batch, session)
    await prepare_drafts(batch, session)


async def finish(batch: Batch, session: Session) -> None:
    """Take the steps after the header; an invoice that was posted here is ours."""
    await finish_invoices(batch, session)
    await mark_source_as_ours(batch, session)


POSTEDSALESINV = TableMapping(
    name="POSTEDSALESINV-INV",
    aliases=("INVOICES-POSTED SALES INVOICES",),
    description="Posted sales invoices, to Dataverse; asked for, the other way.",
    bc=INVOICES,
    dataverse="invoice",
    nouns=("posted sales invoices", "invoices"),
    direction=TO,
    also_offered=(FROM,),
    dataverse_name="invoicenumber",
    waits_for=("CUSTOMER", "ITEM-PRODUCT", "RESOURCE-PRODUCT"),
    company_scoped=True,
    needs_companion=True,
    inactivity_minutes=1440,
    also_needs=(*STEPS, *INVOICE_STEPS),
    bc_extra=(
        "yourReference",
        "shipmentMethodCode",
        "pricesIncludeTax",
        "remainingAmount",
        "canceled",
    ),
    dataverse_extra=(
        "statecode",
        "statuscode",
        "freightamount",
        "discountpercentage",
    ),
    fields=(
        FieldMapping("number", "invoicenumber", TO, CODE, applies="insert"),
        *OWNER,
        FieldMapping(
            "currencyCode", "transactioncurrencyid", TO, Currency(), applies="insert"
        ),
        FieldMapping("dueDate", "duedate", TO, DAY),
        FieldMapping("shipToName", "shipto_name", TO, TEXT),
        FieldMapping("shipToAddressLine1", "shipto_line1", TO, TEXT),
        FieldMapping("shipToAddressLine2", "shipto_line2", TO, TEXT),
        FieldMapping("shipToCity", "shipto_city", TO, TEXT),
        FieldMapping("shipToCountry", "shipto_country", TO, CODE),
        FieldMapping("shipToPostCode", "shipto_postalcode", TO, CODE),
        FieldMapping("shipToState", "shipto_stateorprovince", TO, TEXT),
        FieldMapping("shipmentDate", "datedelivered", TO, DAY),
        FieldMapping("billToName", "billto_name", TO, TEXT),
        FieldMapping("billToAddressLine1", "billto_line1", TO, TEXT),
        FieldMapping("billToAddressLine2", "billto_line2", TO, TEXT),
        FieldMapping("billToCity", "billto_city", TO, TEXT),
        FieldMapping("billToCountry", "billto_country", TO, CODE),
        FieldMapping("billToPostCode", "billto_postalcode", TO, CODE),
        FieldMapping("billToState", "billto_stateorprovince", TO, TEXT),
        FieldMapping(
            "totalAmountExcludingTax",
            "totalamountlessfreight",
            TO,
            NUMBER,
            applies="modify",
        ),
        FieldMapping(
            "totalAmountIncludingTax", "totalamount", TO, NUMBER, applies="modify"
        ),
        FieldMapping("discountAmount", "discountamount", TO, NUMBER),
        FieldMapping(
            "shippingAgentCode",
            "shippingmethodcode",
            TO,
            SHIPPING_AGENT.on("invoice.shippingmethodcode"),
        ),
        FieldMapping(
            "paymentTermsCode",
            "paymenttermscode",
            TO,
            PAYMENT_TERMS.on("invoice.paymenttermscode"),
        ),
        FieldMapping("workDescription", "description", TO, TEXT),
        FieldMapping(
            "customerNumber",
            "customerid",
            BOTH,
            LookupForNew("CUSTOMER", "account", "customer", "customers"),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(None, "name", TO, Link(), applies="insert", is_default=False),
        FieldMapping(
            None,
            "pricelevelid",
            TO,
            Link("pricelevel"),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(
            None,
            "salesorderid",
            TO,
            Link("salesorder"),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(
            None,
            "opportunityid",
            TO,
            Link("opportunity"),
            applies="insert",
            is_default=False,
        ),
        OURS,
        FieldMapping(
            "externalDocumentNumber", "invoicenumber", FROM, CODE, is_default=False
        ),
    ),
    hooks=Hooks(
        ignore=leave_posted_alone,
        complete=describe_invoices,
        transformed=prepare,
        insert=insert_invoices,
        update=update_invoices,
        loaded=finish,
    ),
)

posted_sales_invoice = job_flow(POSTEDSALESINV)
