"""Sets the states of invoices of Dataverse that were paid since we last looked.

New detailed ledger entries of customers tell which posted invoices to look at; what
remains of them tells their state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from flows.invoices.state import (
    InvoiceState,
    payment_state,
    read_states,
    set_states,
)
from tieline.cursors import Cursor
from tieline.engine.apply import AFTERWARDS
from tieline.errors import CoupledToDeleted, MovedMeanwhile, TielineError
from tieline.failures import parts, rejected
from tieline.mapping import Direction
from tieline.odata.frames import rows_of
from tieline.odata.model import Written
from tieline.report import Counters, PlannedChange, RecordFailure
from tieline.session import Session
from tieline.store import PlanRow

INVOICES = "POSTEDSALESINV-INV"
ENTRIES = "detailedCustomerLedgerEntries"
AGAIN = "invoices whose payment state remains to be set"
TO = Direction.TO_DATAVERSE

Pair = tuple[str, str]
"""The ids of a posted invoice and of its invoice in Dataverse."""


@dataclass
class Payments:
    """What became of the invoices that were looked at."""

    counters: Counters = field(default_factory=Counters)
    errors: list[RecordFailure] = field(default_factory=list)
    changes: list[PlannedChange] = field(default_factory=list)


async def payment_states(
    session: Session,
    *,
    customers: Sequence[str] | None = None,
    full: bool = False,
    dry_run: bool = False,
) -> Payments:
    """Bring the states of coupled invoices in line with what remains unpaid.

    Looks at the invoices that got new ledger entries since the last time, and at
    those that were not finished then; with `customers` (numbers) at all invoices
    of these instead, and forgets nothing of the rest. Looks at all coupled invoices
    when it is `full`, and where nothing tells which have new entries.

    Raises:
        ApiError: a service cannot be read; the next time begins where this did.
    """
    payments = Payments()
    remembered = _remembered(session)
    cursor = Cursor(session, INVOICES, ENTRIES, ENTRIES)
    if customers is None:
        numbers = await cursor.values("invoiceNumber", full=full)
        found = _all(session) if numbers is None else _coupled(session, numbers)
        pairs = found | _coupled_by_id(session, remembered)
    else:
        pairs = await _of_customers(session, customers)
    unsettled: set[str] = set() if customers is None else set(remembered)
    for some in _slices(sorted(pairs), session.settings.batch_rows):
        unsettled |= await _settle(session, some, payments, unsettled, dry_run=dry_run)
    if not dry_run:
        _remember(session, unsettled)
        cursor.save()
    return payments


def plan_of(payments: Payments) -> list[PlanRow]:
    """Return the rows by which a plan keeps the states that a dry run listed."""
    return [
        PlanRow(
            direction=TO,
            action=AFTERWARDS,
            source_id=change.source_id,
            destination_id=change.destination_id,
            bc_version=None,
            dataverse_version=None,
            values={},
            fields=list(change.fields),
        )
        for change in payments.changes
    ]


async def apply_states(session: Session, rows: Sequence[PlanRow]) -> Payments:
    """Set the planned states of invoices whose payment and state are as they were."""
    payments = Payments()
    there = {str(row.source_id): str(row.destination_id) for row in rows}
    wanted = await _wanted(session, there)
    present = await read_states(session, list(wanted))
    fitting: dict[str, str] = {}
    for row in rows:
        bc_id, id_ = str(row.source_id), str(row.destination_id)
        if id_ in present:
            due = _planned(bc_id, id_, present[id_], wanted[id_])
            if list(due.fields) == row.fields:
                fitting[bc_id] = id_
                continue
        moved = MovedMeanwhile(
            "The planned state no longer fits: the invoice or its payment changed.",
            advice="Make a new plan.",
        )
        _failed(payments, bc_id, id_, moved)
    before = set(_remembered(session))
    failed = await _set(session, fitting, wanted, present, payments, before=before)
    _remember(session, before | failed)
    return payments


async def _of_customers(session: Session, customers: Sequence[str]) -> set[Pair]:
    frame = await session.bc.by_values(
        "postedSalesInvoices", "customerNumber", customers, columns=()
    )
    return _coupled_by_id(session, list(frame["id"]))


def _all(session: Session) -> set[Pair]:
    return {
        pair
        for frame in session.job(INVOICES).each_coupling()
        for pair in zip(frame["bc_id"], frame["dataverse_id"], strict=True)
    }


def _coupled(session: Session, numbers: set[str]) -> set[Pair]:
    found = session.job(INVOICES).by_key(sorted(numbers))
    return set(found.values())


def _coupled_by_id(session: Session, ids: Sequence[str]) -> set[Pair]:
    frame = session.job(INVOICES).couplings(side="bc", ids=ids)
    return set(zip(frame["bc_id"], frame["dataverse_id"], strict=True))


def _slices(pairs: Sequence[Pair], size: int) -> Iterator[Sequence[Pair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


async def _settle(
    session: Session,
    pairs: Sequence[Pair],
    payments: Payments,
    before: set[str],
    *,
    dry_run: bool,
) -> set[str]:
    """Set the states of some invoices; returns the posted ones that failed."""
    there = dict(pairs)
    wanted = await _wanted(session, there)
    present = await read_states(session, list(wanted))
    moving = {
        bc_id: there[bc_id]
        for bc_id in there
        if there[bc_id] in present
        and present[there[bc_id]] != wanted.get(there[bc_id], present[there[bc_id]])
    }
    for bc_id, id_ in there.items():
        if id_ in wanted and id_ not in present:
            gone = CoupledToDeleted(f"The invoice {id_} no longer exists.")
            _failed(payments, bc_id, id_, gone)
    payments.counters.unchanged += sum(id_ in present for id_ in wanted) - len(moving)
    if dry_run:
        payments.counters.modified += len(moving)
        payments.changes += [
            _planned(bc_id, id_, present[id_], wanted[id_])
            for bc_id, id_ in moving.items()
        ]
        return set()
    return await _set(session, moving, wanted, present, payments, before=before)


async def _set(
    session: Session,
    moving: Mapping[str, str],
    wanted: Mapping[str, InvoiceState],
    present: Mapping[str, InvoiceState],
    payments: Payments,
    *,
    before: set[str],
) -> set[str]:
    """Write the states of posted invoices (to Dataverse id); return those that failed.

    A closed invoice is opened before its state changes: until that is done, it is
    remembered together with those of `before`.
    """
    if not moving:
        return set()
    _remember(session, before | set(moving))
    results = await set_states(
        session, {id_: wanted[id_] for id_ in moving.values()}, present
    )
    return {
        bc_id
        for bc_id, id_ in moving.items()
        if not _counted(payments, bc_id, results[id_])
    }


async def _wanted(session: Session, there: dict[str, str]) -> dict[str, InvoiceState]:
    frame = await session.bc.by_id(
        "postedSalesInvoices",
        list(there),
        columns=("totalAmountIncludingTax", "remainingAmount", "canceled"),
    )
    return {
        there[row["id"]]: payment_state(
            row["totalAmountIncludingTax"],
            row["remainingAmount"],
            canceled=bool(row["canceled"]),
        )
        for row in rows_of(frame)
    }


def _counted(payments: Payments, bc_id: str, written: Written) -> bool:
    if written.error is None:
        payments.counters.modified += 1
        return True
    error = rejected("Modifying", "invoice", written.error)
    _failed(payments, bc_id, written.id, error)
    return False


def _failed(payments: Payments, bc_id: str, id_: str, error: TielineError) -> None:
    payments.counters.failed += 1
    code, message = parts(error)
    payments.errors.append(RecordFailure(TO, bc_id, id_, code, message))


def _planned(
    bc_id: str, id_: str, present: InvoiceState, wanted: InvoiceState
) -> PlannedChange:
    before, after = present.values(), wanted.values()
    fields = tuple(
        {"field": name, "from": before[name], "to": after[name]}
        for name in after
        if before[name] != after[name]
    )
    return PlannedChange(TO, "modify", bc_id, id_, fields)


def _remembered(session: Session) -> list[str]:
    text = session.job(INVOICES).cursor(AGAIN)
    found: list[str] = orjson.loads(text) if text else []
    return found


def _remember(session: Session, ids: set[str]) -> None:
    if sorted(ids) != _remembered(session):
        text = orjson.dumps(sorted(ids)).decode()
        session.job(INVOICES).set_cursor(AGAIN, text, flushed=True)
