"""Tells the state of an invoice of Dataverse by what is paid of it, and sets it.

A closed invoice is read-only: before its state changes it is made active again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tieline.odata.frames import rows_of
from tieline.odata.model import Change, Written
from tieline.session import Session

OPEN = 0
"""The state of an invoice that may be changed."""

COLUMNS = ("statecode", "statuscode")


class InvoiceState(NamedTuple):
    """The state of an invoice and the reason for it."""

    statecode: int
    statuscode: int

    def values(self) -> dict[str, Any]:
        """Return the columns to write."""
        return dict(zip(COLUMNS, self, strict=True))


BILLED = InvoiceState(OPEN, 4)
PAID = InvoiceState(2, 100001)
PARTLY_PAID = InvoiceState(2, 100002)
CANCELED = InvoiceState(3, 100003)


def payment_state(
    amount: float, remaining: float, *, canceled: bool = False
) -> InvoiceState:
    """Return the state of an invoice over `amount` of which `remaining` is unpaid.

    | invoice | state |
    |---|---|
    | canceled | canceled |
    | nothing remains | paid, complete |
    | some of it remains | paid, partial |
    | all of it remains | active, billed |
    """
    if canceled:
        return CANCELED
    if not remaining:
        return PAID
    return BILLED if remaining == amount else PARTLY_PAID


async def read_states(session: Session, ids: Sequence[str]) -> dict[str, InvoiceState]:
    """Return the present states of these invoices of Dataverse."""
    rows = await session.dataverse.by_id("invoice", ids, columns=COLUMNS)
    return {row["id"]: state_of(row) for row in rows_of(rows)}


def state_of(row: Mapping[str, Any]) -> InvoiceState:
    """Return the state that an invoice row tells."""
    return InvoiceState(int(row["statecode"]), int(row["statuscode"]))


async def set_states(
    session: Session,
    wanted: Mapping[str, InvoiceState],
    present: Mapping[str, InvoiceState],
) -> dict[str, Written]:
    """Bring invoices into their wanted states; those that are in it are left alone.

    Returns what became of each invoice that was written, by its id.
    """
    moving = {id_: state for id_, state in wanted.items() if present[id_] != state}
    done = await reopen(
        session,
        [
            id_
            for id_, state in moving.items()
            if present[id_].statecode != OPEN and state != BILLED
        ],
    )
    ready = [
        Change(id_, state.values())
        for id_, state in moving.items()
        if id_ not in done or done[id_].error is None
    ]
    results = await session.dataverse.update("invoice", ready)
    return done | {written.id: written for written in results}


async def reopen(session: Session, ids: Sequence[str]) -> dict[str, Written]:
    """Make closed invoices active, so that they can be changed."""
    changes = [Change(id_, BILLED.values()) for id_ in ids]
    results = await session.dataverse.update("invoice", changes)
    return {written.id: written for written in results}
