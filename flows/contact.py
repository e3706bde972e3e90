"""CONTACT: persons of Business Central and contacts of Dataverse, both ways.

Only persons of a company that is related to a customer take part, and contacts of no
vendor's account; contacts of the type Company correspond to accounts and never travel.
The company is the parent account, by the coupling of the customer. Without the
companion app contacts are kept in step, but not created.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.common_fields import ADDRESS, OURS, OWNER
from flows.contacts.own_company import mark_source_as_ours
from flows.contacts.primary import KEY, PARENT, NewContact, fill_primary
from flows.customer import CUSTOMER
from flows.job import job
from tieline.conversions import (
    CODE,
    TEXT,
    Choice,
    Constant,
    Lookup,
    Transfer,
    Values,
)
from tieline.engine.drive import synchronize_records, take_legs
from tieline.engine.fate import Fate
from tieline.engine.hooks import Hooks, Writer
from tieline.engine.leg import Leg
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun, dataverse_filter
from tieline.errors import RuleViolated
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.model import Condition
from tieline.overrides import with_overrides
from tieline.session import Session, session_of

TO = Direction.TO_DATAVERSE
FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

ACTIVE = 0
CUSTOMER_NUMBER = "companyCustomerNumber"
OF_VENDORS = (Condition("customertypecode", "eq", 11),)


@dataclass(frozen=True)
class ParentAccount(Lookup):
    """The customer of a person's company, and the parent account of a contact.

    A new contact waits for its customer; one that exists keeps its parent. An
    account that is no customer here gives no company; one that is inside the
    filter of CUSTOMER is synchronized first where that job creates customers.
    """

    via: str = "CUSTOMER"
    table: str = "account"
    noun: str = "customer"
    bc: str = CUSTOMER.bc
    bc_key: str = CUSTOMER.bc_key
    title = "company and parent account"

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate by the couplings of CUSTOMER; look into unknown accounts."""
        known = await super().prepare(values, transfer)
        missing = sorted({v for v in values if v} - set(known))
        if transfer.to_dataverse or not missing:
            return known
        session = session_of(transfer.session)
        declared = with_overrides(CUSTOMER, session.settings)
        inside = await session.dataverse.by_id(
            "account",
            missing,
            columns=(),
            where=await dataverse_filter(declared, session),
        )
        if len(inside) and not declared.only_coupled and not transfer.is_dry:
            await synchronize_records(declared, session, FROM, list(inside["id"]))
            known = await super().prepare(values, transfer)
        outside = set(missing) - set(inside["id"])
        return {**dict.fromkeys(outside, ""), **known}

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As a lookup; only new contacts wait for their customer."""
        if not transfer.to_dataverse:
            return super().convert(values, known, transfer)
        found = values.copy()
        for position, value in enumerate(values):
            found[position] = known.get(value)
            if value and value not in known and transfer.inserting[position]:
                transfer.fail(position, self.blocked(value, transfer))
        return found


async def ignore_strangers(rows: Rows, session: Session) -> None:
    """Leave out contacts that belong to no customer, or to no account of one."""
    if not len(rows):
        return
    if not rows.leg.to_dataverse:
        await _ignore_contacts_of_others(rows, session)
        return
    knows_customers = CUSTOMER_NUMBER in rows.columns
    for row in rows:
        if row.source["type"] == "Company":
            row.leave_out()
        elif knows_customers and not row.source[CUSTOMER_NUMBER]:
            if rows.options.records:
                row.fail(_no_customer(row))
            else:
                row.leave_out()


def _no_customer(row: Row) -> RuleViolated:
    number = row.key
    return RuleViolated(
        f"The contact {number} cannot be transferred: it does not belong to a company "
        "that is related to a customer.",
        advice="Create the contact's company as a customer, or give it another one.",
    )


async def _ignore_contacts_of_others(rows: Rows, session: Session) -> None:
    """Leave out contacts of contacts; those of vendors only where not named."""
    parents = sorted({parent for parent in rows.column(PARENT) if parent})
    accounts = session.job(CUSTOMER.name).by_dataverse_id(parents)
    unknown = [parent for parent in parents if parent not in accounts]
    if not unknown:
        return
    read = session.dataverse.by_id
    others = set((await read("contact", unknown, columns=()))["id"])
    if not rows.options.records:
        vendors = await read("account", unknown, columns=(), where=OF_VENDORS)
        others |= set(vendors["id"])
    for row in rows:
        if row.source[PARENT] in others:
            row.leave_out()


async def prepare_contacts(rows: Rows, session: Session) -> None:
    """Refuse what cannot be created; turn the parent account into a company."""
    new = rows.new()
    if not session.bc.has_companion:
        for row in new:
            row.fail(_needs_companion(row))
        return
    for row in new:
        row.steps = {"primary": rows.leg.target}
    if rows.leg.to_dataverse:
        for row in rows:
            _remember_unresolved(row)
            _restore_parent(row)
    else:
        await _write_companies(rows, session)


def _remember_unresolved(row: Row) -> None:
    """Note that an uncoupled customer was not transferred: its account is news."""
    if PARENT not in row.wanted or row.is_pending:
        return  # the account may be another customer's by now
    if row.wanted[PARENT] is None and not row.is_new:
        row.now[PARENT], row.wanted[PARENT] = "", row.there[PARENT]
        row.settle(PARENT, is_settled=not row.is_failed)


def _restore_parent(row: Row) -> None:
    """Give a contact without a parent its own back, whenever its person is looked at.

    Without one it is outside the filter: no leg from there would carry that.
    """
    if PARENT not in row.wanted or row.fate is not Fate.OPEN:
        return
    if row.wanted[PARENT] is not None and row.there[PARENT] is None:
        row.choose(PARENT, row.wanted[PARENT])


def _needs_companion(row: Row) -> RuleViolated:
    return RuleViolated(
        f"The contact {row.key} cannot be created: the standard API of Business "
        "Central knows a contact's whole name only.",
        advice="Publish the companion app as deployments/business_central says.",
    )


async def _write_companies(rows: Rows, session: Session) -> None:
    """Write the company contact of the customer instead of the customer itself."""
    moved = [row for row in rows if PARENT in row.values]
    numbers = sorted({row.values[PARENT] for row in moved})
    frame = await session.bc.by_values(
        "customers", "number", numbers, columns=("number", "companyContactNumber")
    )
    companies = dict(zip(frame["number"], frame["companyContactNumber"], strict=True))
    for row in moved:
        number = row.values.pop(PARENT)
        company = companies.get(number)
        if not company:
            row.fail(_no_company(row, number))
            continue
        # First the company: setting it may bring its address along.
        values = dict(row.values)
        first = {name: values.pop(name) for name in ("type",) if name in values}
        row.values = {**first, "companyNumber": company, **values}
        row.there[PARENT] = number
    for row in rows.new():
        if PARENT in row.wanted and not row.source[PARENT]:
            row.fail(_no_company(row, ""))


def _no_company(row: Row, customer: str) -> RuleViolated:
    reason = (
        f"the customer {customer} has no company contact"
        if customer
        else "it has no parent account"
    )
    return RuleViolated(
        f"The contact {row.key} cannot be transferred: {reason}.",
        advice="Give the contact a parent account whose customer has a company.",
    )


class ContactWriter(Writer):
    """Writes contacts, and completes their parents."""

    async def finish(self, rows: Rows, session: Session) -> None:
        """Mark new contacts as ours, and make them primary where there is none."""
        await mark_source_as_ours(rows, session)
        await _complete_parents(rows, session)


async def _complete_parents(rows: Rows, session: Session) -> None:
    side = rows.leg.target
    due = [
        row
        for row in rows
        if row.steps and row.steps["primary"] == side and not row.is_failed
    ]
    if not due:
        return
    unreached: set[str] = set()
    parents = _parents(rows.leg, due, session)
    if _completes(session, rows.leg.direction):
        contacts: dict[str, list[NewContact]] = {}
        for row in due:
            if row.id in parents:
                contacts.setdefault(parents[row.id], []).append(_new_contact(row))
        unreached = await fill_primary(rows, session, contacts)
    for row in due:
        if parents.get(row.id) not in unreached:
            row.steps = None


def _completes(session: Session, direction: Direction) -> bool:
    """Whether the primary contact travels this way."""
    rows = with_overrides(CUSTOMER, session.settings).active(direction)
    return any(row.key == KEY for row in rows)


def _parents(leg: Leg, rows: Sequence[Row], session: Session) -> dict[str, str]:
    """Return the parents by contact: accounts, or the ids of customers."""
    if leg.to_dataverse:
        wanted = {row.id: row.wanted.get(PARENT) for row in rows}
        return {id_: account for id_, account in wanted.items() if account}
    accounts = {row.id: row.source[PARENT] for row in rows}
    known = session.job(CUSTOMER.name).by_dataverse_id(sorted(set(accounts.values())))
    return {id_: known[a][0] for id_, a in accounts.items() if a in known}


def _new_contact(row: Row) -> NewContact:
    if row.leg.to_dataverse:
        return NewContact(row.key, row.target_id)
    number = (row.after or {}).get("number") or (row.target or {}).get("number")
    return NewContact(str(number), row.id)


CONTACT = TableMapping(
    name="CONTACT",
    description="Persons of customers and contacts of accounts, both ways.",
    bc="contacts",
    dataverse="contact",
    nouns=("contacts", "contacts"),
    direction=BOTH,
    also_offered=(TO, FROM),
    waits_for=("CUSTOMER",),
    lock=CUSTOMER.lock,
    company_scoped=True,
    dataverse_name="fullname",
    bc_filter=(
        Condition("type", "eq", "Person"),
        Condition("companyNumber", "not_blank"),
    ),
    dataverse_filter=(
        Condition(PARENT, "not_blank"),
        Condition("statecode", "eq", ACTIVE),
    ),
    bc_extra=("type",),
    dataverse_extra=(PARENT,),
    fields=(
        FieldMapping("type", None, FROM, Constant("Person")),
        FieldMapping(
            CUSTOMER_NUMBER,
            PARENT,
            BOTH,
            ParentAccount(),
            not_null=True,
            is_default=False,
        ),
        FieldMapping(None, "parentcustomeridtype", TO, Choice("account")),
        *OWNER,
        *ADDRESS,
        FieldMapping("firstName", "firstname", BOTH, TEXT),
        FieldMapping("middleName", "middlename", BOTH, TEXT),
        FieldMapping("surname", "lastname", BOTH, TEXT),
        FieldMapping("mobilePhoneNumber", "mobilephone", BOTH, TEXT),
        FieldMapping("pager", "pager", BOTH, TEXT),
        FieldMapping("salutationCode", "salutation", BOTH, CODE, enabled=False),
        OURS,
    ),
    hooks=Hooks(
        ignore=ignore_strangers,
        transformed=prepare_contacts,
        writer=ContactWriter(),
    ),
)


@job(CONTACT)
async def contact(run: JobRun) -> None:
    """Take both legs, to Dataverse first."""
    await take_legs(run)
