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
from flows.customer import CUSTOMER
from flows.job import job_flow, synchronize_records
from flows.own_company import mark_source_as_ours
from flows.primary_contact import KEY, PARENT, NewContact, fill_primary
from tasks.job_run import dataverse_filter
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import (
    CODE,
    TEXT,
    Choice,
    Constant,
    Lookup,
    Transfer,
    Values,
)
from tieline.errors import RuleViolated
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
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


async def ignore_strangers(batch: Batch, session: Session) -> None:
    """Leave out contacts that belong to no customer, or to no account of one."""
    if not len(batch):
        return
    if not batch.to_dataverse:
        await _ignore_contacts_of_others(batch, session)
        return
    is_company = batch.column("type") == "Company"
    batch.mark(is_company, Action.LEFT_OUT)
    if CUSTOMER_NUMBER not in batch.source:
        return
    for position, number in enumerate(batch.column(CUSTOMER_NUMBER)):
        if number or is_company[position]:
            continue
        if batch.options.records:
            batch.fail(position, _no_customer(batch, position))
        else:
            batch.action[position] = Action.LEFT_OUT


def _no_customer(batch: Batch, position: int) -> RuleViolated:
    number = batch.source_key(position)
    return RuleViolated(
        f"The contact {number} cannot be transferred: it does not belong to a company "
        "that is related to a customer.",
        advice="Create the contact's company as a customer, or give it another one.",
    )


async def _ignore_contacts_of_others(batch: Batch, session: Session) -> None:
    """Leave out contacts of contacts; those of vendors only where not named."""
    parents = sorted({parent for parent in batch.column(PARENT) if parent})
    accounts = session.store.by_dataverse_id(session.company_id, "CUSTOMER", parents)
    unknown = [parent for parent in parents if parent not in accounts]
    if not unknown:
        return
    read = session.dataverse.by_id
    others = set((await read("contact", unknown, columns=()))["id"])
    if not batch.options.records:
        vendors = await read("account", unknown, columns=(), where=OF_VENDORS)
        others |= set(vendors["id"])
    for position, parent in enumerate(batch.column(PARENT)):
        if parent in others:
            batch.action[position] = Action.LEFT_OUT


async def prepare_contacts(batch: Batch, session: Session) -> None:
    """Refuse what cannot be created; turn the parent account into a company."""
    new = batch.positions(Action.INSERT)
    if not session.bc.has_companion:
        for position in new:
            batch.fail(position, _needs_companion(batch, position))
        return
    side = batch.destination_side
    for position in new:
        batch.unfinished[position] = {"primary": side}
    if batch.to_dataverse:
        _remember_unresolved(batch)
        _restore_parents(batch)
    else:
        await _write_companies(batch, session)


def _remember_unresolved(batch: Batch) -> None:
    """Note that an uncoupled customer was not transferred: its account is news."""
    if PARENT not in batch.wanted:
        return
    for name in ("wanted", "source_now"):
        columns = getattr(batch, name)
        columns[PARENT] = columns[PARENT].copy()
    for position, account in enumerate(batch.wanted[PARENT]):
        if batch.pending[position]:
            continue  # the account may be another customer's by now
        if account is None and batch.action[position] != Action.INSERT:
            batch.source_now[PARENT][position] = ""
            batch.wanted[PARENT][position] = batch.destination_now[PARENT][position]
            batch.settled[PARENT][position] = position not in batch.problems


def _restore_parents(batch: Batch) -> None:
    """Give contacts without a parent theirs back, whenever their person is looked at.

    Without one they are outside the filter: no pass from there would carry that.
    """
    if PARENT not in batch.wanted:
        return
    accounts, there = batch.wanted[PARENT], batch.destination_now[PARENT]
    for position in batch.positions(Action.OPEN):
        if accounts[position] is not None and there[position] is None:
            batch.values[position][PARENT] = accounts[position]
            batch.settled[PARENT][position] = True


def _needs_companion(batch: Batch, position: int) -> RuleViolated:
    name = batch.source_key(position)
    return RuleViolated(
        f"The contact {name} cannot be created: the standard API of Business Central "
        "knows a contact's whole name only.",
        advice="Publish the companion app as deployments/business_central says.",
    )


async def _write_companies(batch: Batch, session: Session) -> None:
    """Write the company contact of the customer instead of the customer itself."""
    if PARENT not in batch.wanted:
        return
    moved = [p for p, values in enumerate(batch.values) if PARENT in values]
    numbers = sorted({batch.values[position][PARENT] for position in moved})
    frame = await session.bc.by_values(
        "customers", "number", numbers, columns=("number", "companyContactNumber")
    )
    companies = {row["number"]: row["companyContactNumber"] for row in rows_of(frame)}
    there = batch.destination_now[PARENT].copy()
    for position in moved:
        values = batch.values[position]
        number = values.pop(PARENT)
        company = companies.get(number)
        if not company:
            batch.fail(position, _no_company(batch, position, number))
            continue
        # First the company: setting it may bring its address along.
        first = {name: values.pop(name) for name in ("type",) if name in values}
        batch.values[position] = {**first, "companyNumber": company, **values}
        there[position] = number
    batch.destination_now[PARENT] = there
    for position in batch.positions(Action.INSERT):
        if not batch.column(PARENT)[position]:
            batch.fail(position, _no_company(batch, position, ""))


def _no_company(batch: Batch, position: int, customer: str) -> RuleViolated:
    name = batch.source_key(position)
    reason = (
        f"the customer {customer} has no company contact"
        if customer
        else "it has no parent account"
    )
    return RuleViolated(
        f"The contact {name} cannot be transferred: {reason}.",
        advice="Give the contact a parent account whose customer has a company.",
    )


async def complete_parents(batch: Batch, session: Session) -> None:
    """Mark new contacts as ours, and make them primary where there is none."""
    await mark_source_as_ours(batch, session)
    side = batch.destination_side
    positions = [
        position
        for position, steps in batch.unfinished.items()
        if steps["primary"] == side and batch.action[position] != Action.FAIL
    ]
    if not positions:
        return
    unreached: set[str] = set()
    parents = _parents(batch, session, positions)
    if _completes(session, batch.direction):
        contacts: dict[str, list[NewContact]] = {}
        for position, parent in parents.items():
            contacts.setdefault(parent, []).append(_new_contact(batch, position))
        unreached = await fill_primary(session, side, contacts)
    for position in positions:
        if parents.get(position) not in unreached:
            del batch.unfinished[position]


def _completes(session: Session, direction: Direction) -> bool:
    """Whether the primary contact travels this way."""
    rows = with_overrides(CUSTOMER, session.settings).active(direction)
    return any(row.key == KEY for row in rows)


def _parents(
    batch: Batch, session: Session, positions: Sequence[int]
) -> dict[int, str]:
    """Return the parents by position: accounts, or the ids of customers."""
    if batch.to_dataverse:
        found = batch.wanted[PARENT]
        return {p: found[p] for p in positions if found[p]}
    accounts = batch.column(PARENT)
    known = session.store.by_dataverse_id(
        session.company_id, "CUSTOMER", sorted({accounts[p] for p in positions})
    )
    return {p: known[accounts[p]][0] for p in positions if accounts[p] in known}


def _new_contact(batch: Batch, position: int) -> NewContact:
    if batch.to_dataverse:
        return NewContact(batch.source_key(position), batch.destination_id[position])
    row = batch.after.get(position) or {}
    number = row.get("number") or batch.destination_cells("number")[position]
    return NewContact(str(number), batch.source_ids[position])


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
        loaded=complete_parents,
    ),
)

contact = job_flow(CONTACT)
