"""CUSTOMER-STATISTICS: figures of customers to nav_accountstatistics of Dataverse.

The figures are worked out when they are read and modify no record: a customer is
looked at when its statistics were never sent, or when its ledger entries or open
sales lines changed since the last run. Payments set the states of invoices too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd

from flows.job import LOCK_WAIT_S, job_flow
from flows.payment_states import (
    INVOICES,
    Payments,
    apply_states,
    payment_states,
    plan_of,
)
from flows.price_list import MONEY_DIGITS
from flows.statistics_creation import CUSTOMERS, TABLE
from flows.statistics_rows import find_rows, link_again
from tieline.batch import Action, Batch, RunOptions
from tieline.conversions import CODE, DAY, TEXT, Currency, Number
from tieline.cursors import Cursor
from tieline.identity import Home, coupled_by_code
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
from tieline.report import Counters, JobReport
from tieline.session import Session
from tieline.store import Outcome, PlanRow

TO = Direction.TO_DATAVERSE
NAME = "CUSTOMER-STATISTICS"
NUMBER = "nav_customerno"
ACTIVITY = ("customerLedgerEntries", "openSalesLines")

_CURSORS = "statistics cursors"
_SENT = "statistics sent"
_NUMBERS = "statistics customers"


async def candidates(
    session: Session, options: RunOptions, direction: Direction
) -> list[str]:
    """Name the customers never sent and those active since.

    All, where nothing tells since when: at first, in a full run, and after a clock
    was wrong.
    """
    cursors = [Cursor(session, NAME, table, table) for table in ACTIVITY]
    session.memory[_CURSORS] = cursors
    active = [await one.values("customerNumber", full=options.full) for one in cursors]
    if None in active:
        return [
            id_
            for frame in session.store.each_coupling(
                session.company_id, CUSTOMERS, skipped=False
            )
            for id_ in frame["bc_id"]
        ]
    new = session.store.never_sent(session.company_id, CUSTOMERS)
    numbers = {number for some in active for number in some or ()}
    return [*new, *await _coupled(session, numbers)]


async def _coupled(session: Session, numbers: set[str]) -> list[str]:
    """Return the ids of those customers that are coupled and not skipped."""
    store, company = session.store, session.company_id
    found = await coupled_by_code(session, Home(CUSTOMERS, "customers"), numbers)
    ids = [one.bc_id for one in found.values()]
    frame = store.couplings(company, CUSTOMERS, side="bc", ids=ids)
    return list(frame["bc_id"][~frame["skipped"]])


async def take_rows(batch: Batch, session: Session) -> None:
    """Find the customers' rows, and note who was looked at."""
    session.memory[_SENT] = [*batch.source_ids, *batch.gone]
    session.memory.setdefault(_NUMBERS, set()).update(batch.column("number"))
    await find_rows(batch, session)


def count_new_rows(batch: Batch) -> None:
    """A row that had no customer number before was inserted by this job."""
    numbers = batch.destination_now.get(NUMBER)
    if numbers is None:
        batch.made.clear()
        return
    batch.made = {position for position in batch.made if not numbers[position]}
    for position in batch.results:
        if batch.action[position] is Action.MODIFY and not numbers[position]:
            batch.action[position] = Action.INSERT


async def settle_rows(batch: Batch, session: Session) -> None:
    """Count rows as what they are, and link those that came back."""
    count_new_rows(batch)
    await link_again(batch, session)


async def note_sent(batch: Batch, session: Session) -> None:
    """Customers that were looked at are no longer new; failures are kept as such."""
    ids: Sequence[str] = session.memory.get(_SENT, ())
    frame = session.store.couplings(session.company_id, CUSTOMERS, side="bc", ids=ids)
    new = frame[~frame["statistics_uploaded"]]
    if len(new):
        couplings = pd.DataFrame(
            {
                "bc_id": list(new["bc_id"]),
                "dataverse_id": list(new["dataverse_id"]),
                "statistics_uploaded": True,
            }
        )
        outcome = Outcome(
            session.company_id,
            CUSTOMERS,
            "to-dataverse",
            at=datetime.now(UTC),
            couplings=couplings,
        )
        session.store.save(outcome)


async def end_run(session: Session, options: RunOptions, report: JobReport) -> None:
    """Set the states of invoices that were paid; save how far the run came."""
    customers = sorted(session.memory.get(_NUMBERS, ())) if options.records else None
    with session.store.lock(INVOICES, company=session.company_id, wait_s=LOCK_WAIT_S):
        payments = await payment_states(
            session, customers=customers, full=options.full, dry_run=options.dry_run
        )
    _report(payments, report)
    if report.plan_id is not None:
        session.store.add_plan_rows(report.plan_id, plan_of(payments))
    if not options.dry_run:
        for cursor in session.memory.get(_CURSORS, ()):
            cursor.save()


async def apply_planned(
    session: Session, rows: Sequence[PlanRow], report: JobReport
) -> None:
    """Set the states of invoices that a plan lists."""
    with session.store.lock(INVOICES, company=session.company_id, wait_s=LOCK_WAIT_S):
        _report(await apply_states(session, rows), report)


def _report(payments: Payments, report: JobReport) -> None:
    if any(payments.counters.as_dict().values()):
        report.lines.setdefault(TO.value, Counters()).add(payments.counters)
    report.errors += payments.errors
    report.changes += payments.changes


def _row(bc: str, dataverse: str) -> FieldMapping:
    return FieldMapping(bc, dataverse, TO, Number(MONEY_DIGITS), is_default=False)


CUSTOMER_STATISTICS = TableMapping(
    name=NAME,
    description="Figures of customers, and the states of invoices that were paid.",
    bc="customerStatistics",
    dataverse=TABLE,
    nouns=("customers", "account statistics"),
    direction=TO,
    aliases=("CUSTOMER STATISTICS",),
    dataverse_name="nav_name",
    only_coupled=False,
    only_candidates=True,
    waits_for=(CUSTOMERS,),
    lock="CUSTOMER and CONTACT",
    inactivity_minutes=30,
    needs_companion=True,
    needs_solution=True,
    fields=(
        FieldMapping("displayName", "nav_name", TO, TEXT, is_default=False),
        FieldMapping("number", NUMBER, TO, CODE, is_default=False),
        _row("balance", "nav_balancelcy"),
        _row("outstandingOrders", "nav_outstandingorderslcy"),
        _row("shippedNotInvoiced", "nav_shippednotinvoicedlcy"),
        _row("outstandingInvoices", "nav_outstandinginvoiceslcy"),
        _row("totalAmount", "nav_totallcy"),
        _row("creditLimit", "nav_creditlimitlcy"),
        _row("overdueAmount", "nav_overdueamountslcy"),
        FieldMapping(
            "overdueAsOf", "nav_overdueamountsasof", TO, DAY, is_default=False
        ),
        _row("totalSales", "nav_totalsaleslcy"),
        _row("invoicedPrepaymentAmount", "nav_invoicedprepaymentamountlcy"),
        FieldMapping(None, "transactioncurrencyid", TO, Currency(), is_default=False),
    ),
    hooks=Hooks(
        candidates=candidates,
        complete=take_rows,
        loaded=settle_rows,
        stored=note_sent,
        finished=end_run,
        planned=apply_planned,
    ),
)

customer_statistics = job_flow(CUSTOMER_STATISTICS)
