"""CUSTOMER-STATISTICS: figures of customers to nav_accountstatistics of Dataverse.

The figures are worked out when they are read and modify no record: a customer is
looked at when its statistics were never sent, or when its ledger entries or open
sales lines changed since the last run. Payments set the states of invoices too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.job import LOCK_WAIT_S, job
from flows.products.price_list import MONEY_DIGITS
from flows.statistics.creation import CUSTOMERS, TABLE
from flows.statistics.payment_states import (
    INVOICES,
    Payments,
    apply_states,
    payment_states,
    plan_of,
)
from flows.statistics.rows import find_rows, link_again
from tieline.conversions import CODE, DAY, TEXT, Currency, Number
from tieline.cursors import Cursor, NotBelieved
from tieline.engine.drive import take_legs
from tieline.engine.fate import Fate
from tieline.engine.hooks import Hooks, Writer
from tieline.engine.leg import Leg
from tieline.engine.row import Rows
from tieline.engine.run import JobRun
from tieline.identity import Home, coupled_by_code
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.report import Counters, JobReport
from tieline.session import Session
from tieline.store import PlanRow

TO = Direction.TO_DATAVERSE
NAME = "CUSTOMER-STATISTICS"
NUMBER = "nav_customerno"
ACTIVITY = ("customerLedgerEntries", "openSalesLines")


class Activity:
    """The activity that tells which customers to look at, and how far it was read."""

    def __init__(self, session: Session) -> None:
        """Begin where the last run ended."""
        self._cursors = [Cursor(session, NAME, table, table) for table in ACTIVITY]

    async def customers(self, run: JobRun, _: Leg) -> list[str]:
        """Name the customers never sent and those active since.

        All, where nothing tells since when: at first, in a full run, and after a clock
        was wrong.
        """
        customers, full = run.session.job(CUSTOMERS), run.options.full
        active = [
            await cursor.values("customerNumber", full=full) for cursor in self._cursors
        ]
        if None in active:
            frames = customers.each_coupling(skipped=False)
            return [id_ for frame in frames for id_ in frame["bc_id"]]
        numbers = {number for some in active for number in some or ()}
        return [*customers.never_sent(), *await _coupled(run.session, numbers)]

    def save(self) -> None:
        """Store how far it was read, now that all that it called for is stored."""
        for cursor in self._cursors:
            cursor.save()


async def _coupled(session: Session, numbers: set[str]) -> list[str]:
    """Return the ids of those customers that are coupled and not skipped."""
    found = await coupled_by_code(session, Home(CUSTOMERS, "customers"), numbers)
    ids = [one.bc_id for one in found.values()]
    frame = session.job(CUSTOMERS).couplings(side="bc", ids=ids)
    return list(frame["bc_id"][~frame["skipped"]])


@dataclass
class LookedAt:
    """The numbers of the customers that a run has looked at."""

    numbers: set[str] = field(default_factory=set)


async def take_rows(rows: Rows, session: Session) -> None:
    """Find the customers' rows, and note who was looked at."""
    session.kept(LookedAt).numbers |= set(rows.column("number"))
    await find_rows(rows, session)


def count_new_rows(rows: Rows) -> None:
    """A row that had no customer number before was inserted by this job."""
    for row in rows:
        is_new = NUMBER in row.there and not row.there[NUMBER]
        row.is_created_by_rule &= is_new
        if is_new and row.written is not None and row.fate is Fate.MODIFY:
            row.fate = Fate.INSERT


class StatisticsWriter(Writer):
    """Writes account statistics, and counts and links those that are new."""

    async def finish(self, rows: Rows, session: Session) -> None:
        """Count rows as what they are, and link those that came back."""
        count_new_rows(rows)
        await link_again(rows, session)


async def set_invoice_states(run: JobRun) -> None:
    """Set the states of invoices that were paid; a dry run lists and plans them."""
    session, options, report = run.session, run.options, run.report
    looked_at = sorted(session.kept(LookedAt).numbers) if options.records else None
    with session.store.lock(INVOICES, company=session.company_id, wait_s=LOCK_WAIT_S):
        payments = await payment_states(
            session, customers=looked_at, full=options.full, dry_run=options.dry_run
        )
    _report(payments, report)
    if report.plan_id is not None:
        session.store.add_plan_rows(report.plan_id, plan_of(payments))
    for sentence in session.kept(NotBelieved).take():
        run.warn(sentence)


async def apply_planned(run: JobRun, rows: Sequence[PlanRow]) -> None:
    """Set the states of invoices that a plan lists."""
    session = run.session
    with session.store.lock(INVOICES, company=session.company_id, wait_s=LOCK_WAIT_S):
        _report(await apply_states(session, rows), run.report)


def _report(payments: Payments, report: JobReport) -> None:
    if any(payments.counters.as_dict().values()):
        report.lines.setdefault(TO, Counters()).add(payments.counters)
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
    hooks=Hooks(complete=take_rows, writer=StatisticsWriter()),
)


@job(CUSTOMER_STATISTICS, afterwards=apply_planned)
async def customer_statistics(run: JobRun) -> None:
    """Send the figures of the customers that were active, then set invoices' states.

    Only then is it stored how far the customers' activity was read.
    """
    activity = Activity(run.session)
    await take_legs(run, also=activity.customers)
    await set_invoice_states(run)
    if not run.options.dry_run:
        activity.save()
