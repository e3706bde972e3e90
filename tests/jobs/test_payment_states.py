"""Payments in Business Central set the states of coupled invoices in Dataverse."""

from __future__ import annotations

import pytest

from flows.apply import apply
from flows.invoices.state import (
    BILLED,
    CANCELED,
    PAID,
    PARTLY_PAID,
    payment_state,
    state_of,
)
from flows.statistics.payment_states import INVOICES
from tests.jobs.prices import couple
from tests.scenarios.pairs import later
from tieline.dataverse import Dataverse

JOB, TO = "CUSTOMER-STATISTICS", "to-dataverse"


@pytest.fixture
def billed(world):
    """A posted invoice over 100 of a coupled customer, and its Dataverse invoice."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    draft = world.company.insert(
        "salesInvoices", {"customerNumber": customer["number"]}, route="standard"
    )
    world.company.insert(
        "salesInvoiceLines",
        {
            "documentId": draft["id"],
            "lineType": "Account",
            "lineObjectNumber": "6100",
            "quantity": 1,
            "unitPrice": 100,
        },
        route="standard",
    )
    posted = world.company.post_invoice(draft["id"])
    level = world.dv.insert("pricelevel", {"name": "Any"})
    account = world.coupled()[customer["id"]]
    there = world.dv.insert(
        "invoice",
        {
            "name": posted["number"],
            "customerid_account@odata.bind": f"/accounts({account})",
            "pricelevelid@odata.bind": f"/pricelevels({level})",
        },
    )
    couple(world, INVOICES, posted["id"], there, posted["number"])
    world.number, world.invoice, world.customer_number = (
        posted["number"],
        there,
        customer["number"],
    )
    return world


def state(world):
    """Return the state of the Dataverse invoice."""
    return state_of(world.dv.row("invoice", world.invoice))


def lines(report):
    """Return the counters of the invoices that are not zero."""
    counters = report.lines.get(TO)
    found = counters.as_dict() if counters else {}
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize(
    ("amount", "remaining", "canceled", "expected"),
    [
        (100, 100, False, BILLED),
        (100, 40, False, PARTLY_PAID),
        (100, 0, False, PAID),
        (0, 0, False, PAID),
        (100, 0, True, CANCELED),
    ],
)
def test_what_remains_tells_the_state(amount, remaining, canceled, expected):
    """Canceled first, then nothing, some or all of it unpaid."""
    assert expected == payment_state(amount, remaining, canceled=canceled)


def test_new_entries_set_the_state_once(billed):
    """The first look sets the state; without new entries nothing is looked at."""
    report = billed.run(JOB)
    assert {"modified": 1} == lines(report)
    assert BILLED == state(billed)
    assert {} == lines(billed.run(JOB))
    billed.company.pay_invoice(billed.number)
    assert {"modified": 1} == lines(billed.run(JOB))
    assert PAID == state(billed)


def test_a_payment_that_is_committed_late_is_seen(billed):
    """It bears an earlier time than an entry of another customer read before it."""
    billed.run(JOB)
    later(billed, 600)
    payment = billed.company.late(lambda: billed.company.pay_invoice(billed.number))
    later(billed, 25)
    other = billed.customer("Relecloud")["number"]
    billed.company.add_ledger_entry(other, 5, due=billed.bc.work_date)
    billed.run(JOB)
    assert BILLED == state(billed)
    payment.commit()
    assert {"modified": 1} == lines(billed.run(JOB))
    assert PAID == state(billed)


@pytest.mark.scenario(
    "CRMStatisticsJob/AccountStatisticsJobUpdatesInvoiceStatusPartiallyThenFullyPaid"
)
def test_on_demand_for_one_customer(billed):
    """A run of one customer sets its invoices and moves no cursor."""
    billed.run(JOB)
    billed.company.pay_invoice(billed.number, 33)
    assert {"modified": 1} == lines(billed.run(JOB, records=[billed.customer_number]))
    assert PARTLY_PAID == state(billed)
    billed.company.pay_invoice(billed.number)
    assert {"modified": 1} == lines(billed.run(JOB, records=[billed.customer_number]))
    assert PAID == state(billed)
    assert {"unchanged": 1} == lines(billed.run(JOB))


@pytest.mark.scenario(
    "CRMStatisticsJob/AccountStatisticsJobUpdatesInvoiceStatusFullyPaidThenUnapplied"
)
def test_an_unapplied_payment_opens_the_invoice_again(billed):
    """When all of it remains again, a paid invoice is active and billed."""
    billed.company.pay_invoice(billed.number)
    billed.run(JOB)
    billed.company.pay_invoice(billed.number, -100)
    assert {"modified": 1} == lines(billed.run(JOB))
    assert BILLED == state(billed)


@pytest.mark.scenario("CRMStatisticsJob/AccountStatisticsJobUpdatesCanceledInvoice")
def test_a_closed_invoice_is_opened_before_it_changes(billed):
    """An invoice that somebody canceled in Dataverse becomes paid."""
    billed.dv.edit_as(billed.human, "invoice", billed.invoice, CANCELED.values())
    billed.company.pay_invoice(billed.number)
    assert {"modified": 1} == lines(billed.run(JOB))
    assert PAID == state(billed)


def test_a_canceled_invoice_is_canceled(billed):
    """Canceled in Business Central, canceled in Dataverse."""
    billed.run(JOB)
    billed.company.cancel_invoice(billed.number)
    billed.run(JOB)
    assert CANCELED == state(billed)


def test_a_dry_run_changes_no_state(billed):
    """It lists the new state, and the next run still sets it."""
    billed.run(JOB)
    billed.company.pay_invoice(billed.number)
    report = billed.run(JOB, dry_run=True)
    assert ("modify", billed.invoice) in [
        (change.action, change.destination_id) for change in report.changes
    ]
    assert BILLED == state(billed)
    assert {"modified": 1} == lines(billed.run(JOB))


class Killed(BaseException):
    """The process is gone."""


def dies_before_closing(patch):
    """Let the process die where an invoice that was opened is to be closed."""
    update = Dataverse.update

    async def dies(self, table, rows):
        if table == "invoice" and rows and rows[0].values == PAID.values():
            raise Killed
        return await update(self, table, rows)

    patch.setattr(Dataverse, "update", dies)


@pytest.mark.parametrize("on_demand", [False, True])
def test_an_invoice_left_open_by_a_crash_is_closed_again(
    billed, monkeypatch, on_demand
):
    """Killed between opening and closing: the next run finishes the invoice."""
    billed.dv.edit_as(billed.human, "invoice", billed.invoice, CANCELED.values())
    billed.company.pay_invoice(billed.number)
    records = [billed.customer_number] if on_demand else None
    with monkeypatch.context() as patch:
        dies_before_closing(patch)
        with pytest.raises(Killed):
            billed.run(JOB, records=records)
    assert BILLED == state(billed)
    assert {"modified": 1} == lines(billed.run(JOB))
    assert PAID == state(billed)


def test_an_invoice_that_a_plan_left_open_is_closed_again(billed, monkeypatch):
    """Its entries are old: that the plan was about it has to be remembered."""
    billed.company.pay_invoice(billed.number)
    billed.run(JOB)
    for values in (BILLED.values(), CANCELED.values()):
        billed.dv.edit_as(billed.human, "invoice", billed.invoice, values)
    plan = billed.run(JOB, records=[billed.customer_number], dry_run=True)
    with monkeypatch.context() as patch:
        dies_before_closing(patch)
        with pytest.raises(Killed):
            billed.run_flow(apply, plan_id=plan.plan_id)
    assert BILLED == state(billed)
    assert {"modified": 1} == lines(billed.run(JOB))
    assert PAID == state(billed)


def test_a_refused_invoice_is_tried_again(billed, monkeypatch):
    """An invoice that cannot be written fails alone, and is remembered."""
    billed.run(JOB)
    billed.company.pay_invoice(billed.number)
    update = Dataverse.update

    async def meets_a_deletion(self, table, rows):
        if table == "invoice" and rows:
            billed.dv.delete_as(billed.human, "invoice", billed.invoice)
        return await update(self, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Dataverse, "update", meets_a_deletion)
        report = billed.run(JOB)
    assert {"failed": 1} == lines(report)
    assert ["TL-307"] == [error.code for error in report.errors]
    again = billed.run(JOB)
    assert ["TL-303"] == [error.code for error in again.errors]
    assert {} == lines(billed.run(JOB))
