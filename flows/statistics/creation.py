"""Gives accounts their statistics rows: row first, link second, figures last.

A new row starts with 1 in every amount, because Sales shows an amount that was never
changed from zero as empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tieline.engine.row import Row, Rows
from tieline.errors import VersionConflict
from tieline.failures import rejected
from tieline.mapping import Direction
from tieline.odata.model import Change, Ref, Written
from tieline.session import Session

CUSTOMERS = "CUSTOMER"
TABLE = "nav_accountstatistics"
LINK = "nav_accountstatisticsid"

AMOUNTS = (
    "nav_balancelcy",
    "nav_outstandingorderslcy",
    "nav_shippednotinvoicedlcy",
    "nav_outstandinginvoiceslcy",
    "nav_outstandingserviceorderslcy",
    "nav_servshippednotinvoicedlcy",
    "nav_outstandingservinvoiceslcy",
    "nav_totallcy",
    "nav_creditlimitlcy",
    "nav_overdueamountslcy",
    "nav_totalsaleslcy",
    "nav_invoicedprepaymentamountlcy",
)

_IDS = uuid.UUID("7d1c1c0e-6a70-4a1f-9a7e-0f6d2b7c5e11")


@dataclass(frozen=True)
class Missing:
    """A customer whose account has no statistics row yet."""

    row: Row
    account_id: str
    account_version: str
    row_id: str


def row_id_for(company_id: str, account_id: str) -> str:
    """Return the id that an account's new row gets: always the same one.

    A run that dies between the row and its link leaves nothing behind twice.
    """
    return str(uuid.uuid5(_IDS, f"{company_id}/{account_id}"))


async def create_rows(
    rows: Rows,
    session: Session,
    missing: Sequence[Missing],
    customers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Create rows and link them. Rows that are refused fail."""
    if not missing:
        return
    there = await session.dataverse.by_id(
        TABLE, [one.row_id for one in missing], columns=()
    )
    values = dict.fromkeys(AMOUNTS, 1) | {
        "transactioncurrencyid": Ref(
            "transactioncurrency", str(await session.local_currency_id(create=True))
        )
    }
    new = [one for one in missing if one.row_id not in there.index]
    written = await session.dataverse.insert(
        TABLE, [Change(one.row_id, values) for one in new]
    )
    for one, result in zip(new, written, strict=True):
        if result.error is not None:
            one.row.fail(rejected("Inserting", TABLE, result.error))
    ready = [one for one in missing if not one.row.is_failed]
    await link_rows(rows, session, ready, customers)


async def link_rows(
    rows: Rows,
    session: Session,
    missing: Sequence[Missing],
    customers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Link accounts with their rows: a link is no change of its account."""
    links = await _link(session, missing)
    for one, link in links:
        if link.error is not None:
            one.row.fail(rejected("Modifying", "account", link.error))
    linked = [(one, link) for one, link in links if not one.row.is_failed]
    _know_links(rows, session, linked, customers)


async def _link(
    session: Session, ready: Sequence[Missing]
) -> list[tuple[Missing, Written]]:
    """Set the links of accounts; what changed meanwhile is linked all the same.

    The result of such an account has no version: it counts as changed.
    """
    changes = [
        Change(
            one.account_id,
            {LINK: Ref(TABLE, one.row_id)},
            one.account_version,
            part_of=one.row_id,
        )
        for one in ready
    ]
    written = await session.dataverse.update("account", changes)
    moved = [
        place
        for place, result in enumerate(written)
        if isinstance(result.error, VersionConflict)
    ]
    again = await session.dataverse.update(
        "account",
        [Change(changes[place].id, changes[place].values) for place in moved],
    )
    results = dict(enumerate(written))
    for place, result in zip(moved, again, strict=True):
        results[place] = Written(result.id, error=result.error)
    return list(zip(ready, results.values(), strict=True))


def _know_links(
    rows: Rows,
    session: Session,
    linked: Sequence[tuple[Missing, Written]],
    customers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Note the new versions of accounts that were in step before their link."""
    in_step = [
        (one, link)
        for one, link in linked
        if link.version is not None
        and customers[one.row.id]["dataverse_version"] == one.account_version
    ]
    if not in_step:
        return
    couplings = pd.DataFrame(
        {
            "bc_id": [one.row.id for one, _ in in_step],
            "dataverse_id": [one.account_id for one, _ in in_step],
            "dataverse_version": [link.version for _, link in in_step],
            "dataverse_modified": pd.Series(
                [link.modified for _, link in in_step], dtype=object
            ),
        }
    )
    job = session.job(CUSTOMERS)
    rows.beside.append(job.outcome(Direction.TO_DATAVERSE, couplings=couplings))
