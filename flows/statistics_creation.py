"""How does an account get its statistics row? Row first, link second, figures last.

A new row starts with 1 in every amount, because Sales shows an amount that was never
changed from zero as empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from tasks.load import rejected
from tieline.batch import Batch
from tieline.errors import VersionConflict
from tieline.odata.model import Change, Ref, Written
from tieline.session import Session
from tieline.store import Outcome

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
    """An account that has no statistics row yet."""

    position: int
    customer_id: str
    account_id: str
    account_version: str
    row_id: str


def row_id_for(company_id: str, account_id: str) -> str:
    """Return the id that an account's new row gets: always the same one.

    A run that dies between the row and its link leaves nothing behind twice.
    """
    return str(uuid.uuid5(_IDS, f"{company_id}/{account_id}"))


async def create_rows(
    batch: Batch,
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
            batch.fail(one.position, rejected("Inserting", TABLE, result.error))
    ready = [one for one in missing if one.position not in batch.problems]
    await link_rows(batch, session, ready, customers)


async def link_rows(
    batch: Batch,
    session: Session,
    rows: Sequence[Missing],
    customers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Link accounts with their rows: a link is no change of its account."""
    links = await _link(session, rows)
    for one in rows:
        failure = links[one.position].error
        if failure is not None:
            batch.fail(one.position, rejected("Modifying", "account", failure))
    linked = [one for one in rows if one.position not in batch.problems]
    _know_links(session, linked, links, customers)


async def _link(session: Session, ready: Sequence[Missing]) -> dict[int, Written]:
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
    results = {one.position: result for one, result in zip(ready, written, strict=True)}
    moved = [
        (one, Change(change.id, change.values))
        for one, change in zip(ready, changes, strict=True)
        if isinstance(results[one.position].error, VersionConflict)
    ]
    again = await session.dataverse.update("account", [change for _, change in moved])
    for (one, _), result in zip(moved, again, strict=True):
        results[one.position] = Written(result.id, error=result.error)
    return results


def _know_links(
    session: Session,
    linked: Sequence[Missing],
    links: Mapping[int, Written],
    customers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Store the new versions of accounts that were in step before their link."""
    in_step = [
        one
        for one in linked
        if links[one.position].version is not None
        and customers[one.customer_id]["dataverse_version"] == one.account_version
    ]
    if not in_step:
        return
    couplings = pd.DataFrame(
        {
            "bc_id": [one.customer_id for one in in_step],
            "dataverse_id": [one.account_id for one in in_step],
            "dataverse_version": [links[one.position].version for one in in_step],
            "dataverse_modified": pd.Series(
                [links[one.position].modified for one in in_step], dtype=object
            ),
        }
    )
    session.store.save(
        Outcome(
            session.company_id,
            CUSTOMERS,
            "to-dataverse",
            at=datetime.now(UTC),
            couplings=couplings,
        )
    )
