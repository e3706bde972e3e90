"""Finds the order of Dataverse that an invoice was made for, and what it takes of it.

Your Reference of an invoice holds the number of the order. Such an invoice bears the
order's name, price list, opportunity and owner, and must still be for its customer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.errors import Blocked, DriftError, RecordError, RuleViolated
from tieline.identity import Home, coupled_by_dataverse_id
from tieline.odata.frames import rows_of
from tieline.session import Session

_COLUMNS = (
    "ordernumber",
    "name",
    "customerid",
    "pricelevelid",
    "opportunityid",
    "ownerid",
)


@dataclass(frozen=True)
class Orders:
    """The orders that a batch of invoices refers to, by number.

    `customers` are the customer numbers of the orders' accounts as far as they are
    coupled, `users` the owners that are users; the others are teams.
    """

    rows: Mapping[str, Mapping[str, Any]]
    customers: Mapping[str, str | None]
    users: frozenset[str]

    def of(self, reference: str) -> Mapping[str, Any] | None:
        """Return the order that Your Reference names, if there is one."""
        return self.rows.get(reference.strip().casefold()) if reference else None

    def obstacle(self, order: Mapping[str, Any], customer: str) -> RecordError | None:
        """Return why an invoice for `customer` does not fit the order, if so."""
        account = order["customerid"]
        if account not in self.customers:
            return Blocked(
                f"The Dataverse account {account} of the order {order['ordernumber']} "
                "must be coupled to a customer before the invoice can be transferred.",
                mapping="CUSTOMER",
                key=str(account),
            )
        if self.customers[account] != customer:
            return RuleViolated(
                "The invoice cannot be transferred: the customer of the Dataverse "
                f"order {order['ordernumber']} is not {customer} any more.",
                advice="Give both the same customer, or clear Your Reference.",
            )
        return None


async def orders_of(session: Session, references: Sequence[str]) -> Orders:
    """Read the orders with these numbers, their customers and owners."""
    numbers = sorted({text.strip() for text in references if text and text.strip()})
    rows = await _read(session, numbers) if numbers else []
    accounts = [row["customerid"] for row in rows if row["customerid"]]
    home = Home("CUSTOMER", "customers")
    coupled = await coupled_by_dataverse_id(session, home, accounts)
    owners = sorted({row["ownerid"] for row in rows if row["ownerid"]})
    users = await session.dataverse.by_id("systemuser", owners, columns=())
    return Orders(
        {str(row["ordernumber"]).casefold(): row for row in rows},
        {id_: one and one.code for id_, one in coupled.items()},
        frozenset(users["id"]),
    )


async def _read(session: Session, numbers: Sequence[str]) -> list[dict[str, Any]]:
    try:
        offered = (await session.dataverse.table("salesorder")).columns
    except DriftError:
        return []
    columns = [name for name in _COLUMNS if name in offered]
    frame = await session.dataverse.by_values(
        "salesorder", "ordernumber", numbers, columns=columns
    )
    nothing = dict.fromkeys(_COLUMNS)
    return [nothing | row for row in rows_of(frame)]
