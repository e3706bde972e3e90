"""Which statistics row belongs to a customer's account? Creates it where it is missing.

The row hangs on the account by a link; what the links say is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.statistics_creation import (
    CUSTOMERS,
    LINK,
    Missing,
    create_rows,
    link_rows,
    row_id_for,
)
from tasks.coupling_rows import coupling_row
from tieline.batch import Action, Batch, Parked, rows_of
from tieline.errors import (
    AlreadyCoupled,
    Blocked,
    CoupledToDeleted,
)
from tieline.session import Session


async def find_rows(batch: Batch, session: Session) -> None:
    """Name the statistics row of every customer; create and link what is missing.

    Customers and accounts that are gone fail, and are skipped at once.
    """
    customers = _customers(session, [*batch.source_ids, *batch.gone])
    _park_gone(batch, session, customers)
    accounts = await _accounts(session, customers)
    numbers = batch.column("number")
    missing: list[Missing] = []
    rows: dict[int, str] = {}
    for position, id_ in enumerate(batch.source_ids):
        customer = customers.get(id_)
        if customer is None:
            batch.fail(position, _uncoupled(numbers[position]))
            continue
        account = accounts.get(customer["dataverse_id"])
        if account is None:
            _skip(batch, position, numbers[position], customer["dataverse_id"])
            continue
        own = row_id_for(session.company_id, account["id"])
        row_id = rows[position] = account[LINK] or own
        if row_id == own:
            batch.made.add(position)
        if not account[LINK]:
            missing.append(
                Missing(position, id_, account["id"], account["version"], own)
            )
    await create_rows(batch, session, missing, customers)
    _take(batch, session, rows)


async def link_again(batch: Batch, session: Session) -> None:
    """Link the accounts of rows that came back, as an undo of an undo has it."""
    back = {
        batch.source_ids[position]: position
        for position in batch.positions(Action.INSERT)
        if batch.coupling[position] is None and position in batch.results
    }
    customers = _customers(session, list(back))
    accounts = await _accounts(session, customers)
    missing: list[Missing] = []
    for id_, customer in customers.items():
        account, position = accounts.get(customer["dataverse_id"]), back[id_]
        if account is not None and not account[LINK]:
            row_id = batch.destination_id[position]
            one = Missing(position, id_, account["id"], account["version"], row_id)
            missing.append(one)
    await link_rows(batch, session, missing, customers)


def _customers(session: Session, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    return session.store.coupling_rows(
        session.company_id, CUSTOMERS, side="bc", ids=ids
    )


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


def _skip(batch: Batch, position: int, number: str, account_id: str) -> None:
    """Fail a customer whose account is gone, and leave it alone from now on."""
    if batch.coupling[position] is not None:
        batch.coupling[position] = {**batch.coupling[position], "skipped": True}
    error = CoupledToDeleted(
        f"The account {account_id} of the customer {number} was not found."
    )
    batch.fail(position, error)


def _park_gone(
    batch: Batch, session: Session, customers: Mapping[str, Mapping[str, Any]]
) -> None:
    known = session.store.coupling_rows(
        session.company_id, batch.mapping.name, side="bc", ids=batch.gone
    )
    own = {id_: {**row, "skipped": True} for id_, row in known.items()}
    for id_ in batch.gone:
        coupling, customer = own.get(id_), customers.get(id_, {})
        number, account = customer.get("bc_key") or "", _account_of(customer)
        batch.parked.append(
            Parked(
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


def _take(batch: Batch, session: Session, rows: Mapping[int, str]) -> None:
    """Lay each row beside its customer; a customer that got another is recoupled."""
    owners = session.store.by_dataverse_id(
        session.company_id, batch.mapping.name, list(rows.values())
    )
    taken: set[str] = set()
    for position in range(len(batch)):
        if position in batch.problems:
            continue
        row_id, id_ = rows[position], batch.source_ids[position]
        own = batch.coupling[position]
        if row_id in taken or owners.get(row_id, (id_,))[0] != id_:
            batch.fail(position, _claimed(row_id))
            continue
        taken.add(row_id)
        if own is None or own["dataverse_id"] != row_id:
            if own is not None:
                batch.removed.append(id_)
            batch.coupling[position] = coupling_row(None)
        batch.destination_id[position] = row_id


def _claimed(row_id: str) -> AlreadyCoupled:
    return AlreadyCoupled(
        f"The account statistics {row_id} belong to another customer already.",
        advice="Empty the link of one of the two accounts.",
    )
