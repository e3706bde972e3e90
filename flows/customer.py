"""CUSTOMER: customers of Business Central and accounts of Dataverse, both ways.

Besides the field mappings: a new account is of the type customer; an account
that is inactive blocks its customer, and never unblocks it; the contacts of a
customer that gets its account are looked at again; those of an account that
becomes a customer get its company, and the account learns its company row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from flows.common_fields import ADDRESS, OURS, OWNER
from flows.contacts.own_company import mark_source_as_ours
from flows.contacts.primary import (
    PERSONS,
    adopt_contacts,
    keep_primary,
    postpone_primary,
)
from flows.job import job
from tieline.conversions import (
    CODE,
    NUMBER,
    TEXT,
    Constant,
    Lookup,
    Option,
    Rule,
)
from tieline.engine.drive import take_legs
from tieline.engine.hooks import Hooks, Writer
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.frames import rows_of
from tieline.odata.model import Condition
from tieline.session import Session

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

CONTACT = PERSONS.job
ACTIVE = 0
INACTIVE_STATUS = 2
TYPE_CUSTOMER = 3

PAYMENT_TERMS = Option(
    "paymentTerms",
    "account.paymenttermscode",
    "payment term",
    also=("invoice.paymenttermscode",),
)
SHIPMENT_METHOD = Option(
    "shipmentMethods", "account.address1_freighttermscode", "shipment method"
)
SHIPPING_AGENT = Option(
    "shippingAgents",
    "account.address1_shippingmethodcode",
    "shipping agent",
    also=("invoice.shippingmethodcode",),
)


def _blocks(status: Any) -> str | None:
    """Return Blocked = All for an inactive account, else nothing to write."""
    return "All" if status == INACTIVE_STATUS else None


def _any_block(value: Any) -> Any:
    """A customer that is blocked in any way is blocked: it is left as it is."""
    return "All" if isinstance(value, str) and value.strip() else value


async def prepare_customers(rows: Rows, session: Session) -> None:
    """Let the primary contact follow its rules."""
    postpone_primary(rows)
    await keep_primary(rows, session)


class CustomerWriter(Writer):
    """Writes customers and accounts, and what follows them."""

    async def finish(self, rows: Rows, session: Session) -> None:
        """Let contacts follow their customer, and the account know its company."""
        await look_at_contacts_again(rows, session)
        await mark_source_as_ours(rows, session)
        await adopt_contacts(rows, session)


async def look_at_contacts_again(rows: Rows, session: Session) -> None:
    """Move CONTACT's watermark back to the oldest customer that got an account."""
    if not rows.leg.to_dataverse:
        return
    new = [row for row in rows.new() if row.written is not None]
    if not new or "createdDateTime" not in rows.columns:
        return
    created = [value for row in new if (value := row.source["createdDateTime"])]
    if created:
        oldest = min(pd.Timestamp(value) for value in created)
        rows.lowered[CONTACT, TO] = oldest.to_pydatetime()
    await _release_contacts(rows, new, session)


async def _release_contacts(rows: Rows, new: Sequence[Row], session: Session) -> None:
    """Let coupled contacts of the new accounts learn their parent."""
    contacts = session.job(CONTACT)
    companies = {row.source["companyContactNumber"] for row in new} - {""}
    if not companies or not contacts.has_couplings():
        return
    found = await session.bc.by_values(
        "contacts", "companyNumber", sorted(companies), columns=()
    )
    coupled = contacts.couplings(side="bc", ids=list(found["id"]))
    pairs = coupled[["bc_id", "dataverse_id"]].astype(object).reset_index(drop=True)
    pairs["pending_to"] = True
    rows.beside.append(contacts.outcome(TO, couplings=pairs))


async def name_contacts(
    pairs: Mapping[str, str], session: Session
) -> dict[str, list[str]]:
    """Name the contacts that are uncoupled together with their company.

    Those whose parent is the account and whose company is the customer's.
    """
    contacts = session.job(CONTACT)
    if not contacts.has_couplings():
        return {}
    columns = ("parentcustomerid",)
    there = await session.dataverse.by_values(
        "contact", columns[0], sorted(pairs.values()), columns=columns
    )
    coupled = contacts.couplings(side="dataverse", ids=list(there["id"]))
    customers = await session.bc.by_id(
        "customers", list(pairs), columns=("companyContactNumber",)
    )
    persons = await session.bc.by_id(
        "contacts", list(coupled["bc_id"]), columns=("companyNumber",)
    )
    companies = {
        pairs[row["id"]]: row["companyContactNumber"]
        for row in rows_of(customers)
        if row["companyContactNumber"]
    }
    accounts = {row["id"]: row[columns[0]] for row in rows_of(there)}
    employers = {row["id"]: row["companyNumber"] for row in rows_of(persons)}
    gone = [
        row["dataverse_id"]
        for row in rows_of(coupled)
        if row["bc_id"] in employers
        and employers[row["bc_id"]] == companies.get(accounts[row["dataverse_id"]])
    ]
    return {CONTACT: gone}


CUSTOMER = TableMapping(
    name="CUSTOMER",
    description="Customers and accounts, both ways.",
    bc="customers",
    dataverse="account",
    nouns=("customers", "accounts"),
    direction=BOTH,
    also_offered=(TO, FROM),
    waits_for=("CURRENCY", "SALESPEOPLE"),
    lock="CUSTOMER and CONTACT",
    company_scoped=True,
    bc_filter=(Condition("blocked", "blank"),),
    dataverse_filter=(
        Condition("statecode", "eq", ACTIVE),
        Condition("customertypecode", "eq", TYPE_CUSTOMER),
    ),
    bc_extra=("createdDateTime", "companyContactNumber"),
    fields=(
        *OWNER,
        FieldMapping("displayName", "name", BOTH, TEXT),
        FieldMapping("contactName", "address1_primarycontactname", BOTH, TEXT),
        *ADDRESS,
        FieldMapping(
            "shipmentMethodCode", "address1_freighttermscode", BOTH, SHIPMENT_METHOD
        ),
        FieldMapping(
            "shippingAgentCode", "address1_shippingmethodcode", BOTH, SHIPPING_AGENT
        ),
        FieldMapping("paymentTermsCode", "paymenttermscode", BOTH, PAYMENT_TERMS),
        FieldMapping("creditLimit", "creditlimit", TO, NUMBER),
        FieldMapping(
            "primaryContactNumber",
            "primarycontactid",
            BOTH,
            Lookup(CONTACT, "contact", "contact", PERSONS.table),
            clear_on_failure=True,
        ),
        FieldMapping("number", "accountnumber", TO, CODE, enabled=False),
        FieldMapping("mobilePhoneNumber", "telephone2", BOTH, TEXT, enabled=False),
        OURS,
        FieldMapping(
            None,
            "customertypecode",
            TO,
            Constant(TYPE_CUSTOMER),
            applies="insert",
            is_default=False,
        ),
        FieldMapping(
            "blocked",
            "statuscode",
            FROM,
            Rule("inactive blocks", from_dataverse=_blocks, as_normal=_any_block),
            not_null=True,
            is_default=False,
        ),
    ),
    hooks=Hooks(
        transformed=prepare_customers,
        writer=CustomerWriter(),
        dependents=name_contacts,
    ),
)


@job(CUSTOMER)
async def customer(run: JobRun) -> None:
    """Take both legs, to Dataverse first."""
    await take_legs(run)
