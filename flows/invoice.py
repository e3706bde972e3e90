"""POSTEDSALESINV-INV: posted sales invoices of Business Central to invoices.

An invoice travels with its lines, totals and state, once: afterwards only changes of
its header and its payment follow. Asked for, the job runs the other way: an active
invoice of Dataverse is posted in Business Central and coupled with what it became.

Read on in invoices/: header (what a new invoice needs), steps (what follows its
header), and draft and posting (the other way).
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.common_fields import OURS, OWNER
from flows.contacts.own_company import mark_source_as_ours
from flows.customer import PAYMENT_TERMS, SHIPPING_AGENT
from flows.invoices.draft import leave_posted_alone, prepare_drafts
from flows.invoices.header import (
    INVOICES,
    Link,
    LookupForNew,
    describe_invoices,
    prepare_invoices,
)
from flows.invoices.posting import post_invoices
from flows.invoices.steps import INVOICE_STEPS, finish_invoices, update_invoices
from flows.job import job
from flows.products.price_list import STEPS
from tieline.conversions import (
    CODE,
    DAY,
    NUMBER,
    TEXT,
    Currency,
)
from tieline.engine.drive import take_legs
from tieline.engine.hooks import Hooks, Writer
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.model import Change, Written
from tieline.session import Session

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL


async def prepare(rows: Rows, session: Session) -> None:
    """Complete what is to be created, whichever way it goes."""
    await prepare_invoices(rows, session)
    await prepare_drafts(rows, session)


class InvoiceWriter(Writer):
    """Writes invoices of Dataverse in steps, and posts those of Business Central."""

    async def insert(
        self,
        rows: Rows,
        some: Sequence[Row],
        changes: Sequence[Change],
        session: Session,
    ) -> list[Written]:
        """Create invoices in Dataverse as they are; post them in Business Central."""
        if rows.leg.to_dataverse:
            return await super().insert(rows, some, changes, session)
        return await post_invoices(rows, some, changes, session)

    async def update(
        self,
        rows: Rows,
        some: Sequence[Row],
        changes: Sequence[Change],
        session: Session,
    ) -> list[Written]:
        """Change invoices of Dataverse, closed ones too."""
        return await update_invoices(some, changes, session)

    async def finish(self, rows: Rows, session: Session) -> None:
        """Take the steps after the header; an invoice that was posted here is ours."""
        await finish_invoices(rows, session)
        await mark_source_as_ours(rows, session)


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
        writer=InvoiceWriter(),
    ),
)


@job(POSTEDSALESINV)
async def posted_sales_invoice(run: JobRun) -> None:
    """Take posted invoices to Dataverse; asked for, post those of Dataverse instead."""
    await take_legs(run)
