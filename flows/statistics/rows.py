"""Finds the statistics row of a customer's account; creates it where it is missing.

The row hangs on the account by a link; what the links say is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from flows.statistics.creation import (
    CUSTOMERS,
    LINK,
    Missing,
    create_rows,
    link_rows,
    row_id_for,
)
from tieline.engine.coupling_rows import coupling_row
from tieline.engine.row import Row, Rows, SetAside
from tieline.errors import (
    AlreadyCoupled,
    Blocked,
    CoupledToDeleted,
)
from tieline.mapping import Direction
from tieline.odata.frames import rows_of
from tieline.session import Session


async def find_rows(rows: Rows, session: Session) -> None:
    """Name the statistics row of every customer; create and link what is missing.

    Customers and accounts that are gone fail, and are skipped at once.
    """
    customers = _customers(session, [*rows.ids, *rows.gone])
    _note_looked_at(rows, session, customers)
    _set_gone_aside(rows, session, customers)
    accounts = await _accounts(session, customers)
    missing: list[Missing] = []
    wanted: dict[str, str] = {}
    for row in rows:
        number, customer = row.source["number"], customers.get(row.id)
        if customer is None:
            row.fail(_uncoupled(number))
            continue
        account = accounts.get(customer["dataverse_id"])
        if account is None:
            _skip(row, number, customer["dataverse_id"])
            continue
        own = row_id_for(session.company_id, account["id"])
        wanted[row.id] = account[LINK] or own
        row.is_created_by_rule = wanted[row.id] == own
        if not account[LINK]:
            missing.append(Missing(row, account["id"], account["version"], own))
    await create_rows(rows, session, missing, customers)
    _take(rows, session, wanted)


async def link_again(rows: Rows, session: Session) -> None:
    """Link the accounts of rows that came back, as an undo of an undo has it."""
    back = [row for row in rows.new() if row.coupling is None]
    back = [row for row in back if row.written is not None]
    customers = _customers(session, [row.id for row in back])
    accounts = await _accounts(session, customers)
    missing: list[Missing] = []
    for row in back:
        customer = customers.get(row.id)
        account = None if customer is None else accounts.get(customer["dataverse_id"])
        if account is not None and not account[LINK]:
            missing.append(
                Missing(row, account["id"], account["version"], row.target_id)
            )
    await link_rows(rows, session, missing, customers)


def _note_looked_at(
    rows: Rows, session: Session, customers: Mapping[str, Mapping[str, Any]]
) -> None:
    """Customers that are looked at are no longer new; failures are kept as such."""
    new = [one for one in customers.values() if not one["statistics_uploaded"]]
    if not new:
        return
    couplings = pd.DataFrame(
        {
            "bc_id": [one["bc_id"] for one in new],
            "dataverse_id": [one["dataverse_id"] for one in new],
            "statistics_uploaded": True,
        }
    )
    job = session.job(CUSTOMERS)
    rows.beside.append(job.outcome(Direction.TO_DATAVERSE, couplings=couplings))


def _customers(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return session.job(CUSTOMERS).coupling_rows(side="bc", ids=ids)


async def _accounts(
    session: Session, customers: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    ids = [row["dataverse_id"] for row in customers.values()]
    frame = await session.dataverse.by_id("account", ids, columns=(LINK,))
    return {row["id"]: row for row in rows_of(frame)}


def _uncoupled(number: str) -> Blocked:
    return Blocked(
        f"The customer {number} must be coupled to a Dataverse account before its "
        "statistics can be transferred.",
        mapping=CUSTOMERS,
        key=number,
    )


def _skip(row: Row, number: str, account_id: str) -> None:
    """Fail a customer whose account is gone, and leave it alone from now on."""
    if row.coupling is not None:
        row.coupling = {**row.coupling, "skipped": True}
    row.fail(
        CoupledToDeleted(
            f"The account {account_id} of the customer {number} was not found."
        )
    )


def _set_gone_aside(
    rows: Rows, session: Session, customers: Mapping[str, Mapping[str, Any]]
) -> None:
    known = session.job(rows.leg.mapping.name).coupling_rows(side="bc", ids=rows.gone)
    own = {id_: {**coupling, "skipped": True} for id_, coupling in known.items()}
    for id_ in rows.gone:
        coupling, customer = own.get(id_), customers.get(id_, {})
        number, account = customer.get("bc_key") or "", _account_of(customer)
        rows.set_aside.append(
            SetAside(
                source_id=id_,
                destination_id=None if coupling is None else coupling["dataverse_id"],
                source_key=number,
                error=CoupledToDeleted(
                    f"The customer {number or id_} was not found{account}."
                ),
                coupling=coupling,
                source_title=f"{number} {_name_of(customer)}".strip(),
            )
        )


def _account_of(customer: Mapping[str, Any]) -> str:
    """Name the account that a customer's coupling leads to, "" without one."""
    id_ = customer.get("dataverse_id")
    if id_ is None:
        return ""
    name = _name_of(customer)
    return f"; its account is {name} ({id_})" if name else f"; its account is {id_}"


def _name_of(customer: Mapping[str, Any]) -> str:
    return (customer.get("dataverse_common") or {}).get("name") or ""


def _take(rows: Rows, session: Session, wanted: Mapping[str, str]) -> None:
    """Lay each row beside its customer; a customer that got another is recoupled."""
    owners = session.job(rows.leg.mapping.name).by_dataverse_id(list(wanted.values()))
    taken: set[str] = set()
    for row in rows:
        if row.is_failed:
            continue
        row_id, own = wanted[row.id], row.coupling
        if row_id in taken or owners.get(row_id, (row.id,))[0] != row.id:
            row.fail(_claimed(row_id))
            continue
        taken.add(row_id)
        if own is None or own["dataverse_id"] != row_id:
            if own is not None:
                rows.removed.append(row.id)
            pair = {"bc_id": row.id, "dataverse_id": row_id}
            row.coupling = coupling_row(None) | pair
        row.target_id = row_id


def _claimed(row_id: str) -> AlreadyCoupled:
    return AlreadyCoupled(
        f"The account statistics {row_id} belong to another customer already.",
        advice="Empty the link of one of the two accounts.",
    )
