"""Completes posted invoices that are to be created in Dataverse.

They need lines whose products are known, an account, a price list, and what the
order they were made for says. What the lines come to is worked out here and written
afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.invoices.lines import LINE_COLUMNS, Figures, figures
from flows.invoices.order import Orders, orders_of
from flows.invoices.prices import price_lists
from flows.invoices.products import Sold, what_is_sold
from flows.invoices.state import OPEN, InvoiceState, payment_state
from tieline.conversions import (
    Conversion,
    Lookup,
    Transfer,
    Values,
    column_of,
)
from tieline.conversions.lookup import TeamId
from tieline.engine.converting import decide
from tieline.engine.fate import Fate
from tieline.engine.row import Row, Rows
from tieline.errors import ApiError, RecordError, RuleViolated, SystemName
from tieline.failures import rejected
from tieline.odata.frames import rows_of
from tieline.odata.model import Ref
from tieline.session import Session

INVOICES = "postedSalesInvoices"
LINES = "postedSalesInvoiceLines"
TEXT_COLUMN = "workDescription"

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Link(Conversion):
    """A value that the job's rules choose; a reference points to `table`."""

    table: str = ""
    title = "chosen by the job"
    reads_bc = False

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Leave it to the rules."""
        return column_of([None] * len(values))

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind the row that a reference points to."""
        return Ref(self.table, value) if self.table and value else value


class LookupForNew(Lookup):
    """A lookup that only a new row needs: nothing blocks an existing one."""

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As a lookup; rows that exist already are not blocked."""
        found = super().convert(values, known, transfer)
        for position in list(transfer.problems):
            if not transfer.inserting[position]:
                del transfer.problems[position]
        return found


@dataclass(frozen=True)
class Contents:
    """The lines of the invoices of one batch, and what they sell."""

    lines: Mapping[str, Sequence[Record]]
    sold: Sold
    precision: float

    def figures(self, header: Record, line: Record) -> Figures:
        """Return a line's amounts."""
        with_tax = bool(header["pricesIncludeTax"])
        return figures(line, with_tax=with_tax, precision=self.precision)


NO_CONTENTS = Contents({}, Sold({}, frozenset(), frozenset()), 0)


@dataclass
class OnTheirWay:
    """What was read of the invoices on their way, for the steps after the header."""

    contents: Contents = NO_CONTENTS


async def prepare_invoices(rows: Rows, session: Session) -> None:
    """Complete new invoices, leave closed ones alone, and note the steps to come."""
    if not rows.leg.to_dataverse:
        return
    is_asked = rows.options.force or bool(rows.options.records)
    for row in rows:
        _leave_closed_alone(row, is_asked=is_asked)
    some = [*rows.new(), *(row for row in rows.having(Fate.OPEN) if lacks_lines(row))]
    contents = await _contents(session, [row.id for row in some])
    session.kept(OnTheirWay).contents = contents
    for row in some:
        lines = contents.lines.get(row.id, ())
        obstacle = _obstacle(contents.sold, lines, is_new=row.is_new)
        if obstacle is not None:
            row.fail(obstacle)
    if rows.new():
        await _complete(rows.new(), session)
    for row in rows.new():
        row.steps = {"lines": True}


def lacks_lines(row: Row) -> bool:
    """Whether an invoice's lines, or what follows them, remain to be written."""
    return row.steps is not None and "lines" in row.steps


def _leave_closed_alone(row: Row, *, is_asked: bool) -> None:
    """Nothing but the payment travels to a closed invoice, unless it was asked for.

    A closed invoice that is written all the same has to be closed again.
    """
    target = row.target or {}
    state = target.get("statecode")
    if state is None or state == OPEN:
        return
    if is_asked or row.steps is not None:
        if row.values and row.steps is None:
            row.steps = {"state": True}
        return
    row.error = None
    row.values = {}
    row.is_forced = False
    row.settle_nothing()
    is_due = (state, target.get("statuscode")) != payment_state_of(row.source)
    row.fate = Fate.OPEN if is_due else Fate.LEFT_OUT


def payment_state_of(header: Record) -> InvoiceState:
    """Return the state that what remains to be paid of an invoice calls for."""
    return payment_state(
        header["totalAmountIncludingTax"],
        header["remainingAmount"],
        canceled=header["canceled"],
    )


async def _contents(session: Session, ids: Sequence[str]) -> Contents:
    if not ids:
        return NO_CONTENTS
    frame = await session.bc.children(INVOICES, ids, LINES, columns=LINE_COLUMNS)
    found = sorted(rows_of(frame), key=lambda line: int(line["sequence"]))
    lines: dict[str, list[Record]] = {}
    for line in found:
        lines.setdefault(line["parent_id"], []).append(line)
    sold = await what_is_sold(session, found)
    return Contents(lines, sold, (await session.setup()).unit_amount_precision)


def _obstacle(
    sold: Sold, lines: Sequence[Record], *, is_new: bool
) -> RecordError | None:
    """Return why the lines cannot be transferred; what is begun is not checked anew."""
    if not lines:
        return RuleViolated(
            "The invoice cannot be transferred: it has no lines yet.",
            advice="The next run tries again.",
        )
    if is_new:
        return sold.obstacle(lines)
    products = (sold.product(line) for line in lines)
    return next((one for one in products if isinstance(one, RecordError)), None)


async def _complete(new: Sequence[Row], session: Session) -> None:
    """Link new invoices with their order, or give them the list of their currency."""
    orders = await orders_of(session, [row.source["yourReference"] for row in new])
    by_currency: list[Row] = []
    for row in new:
        order = orders.of(row.source["yourReference"])
        if order is None:
            _choose(row, "name", row.source["number"])
            by_currency.append(row)
        else:
            _take_order(row, orders, order)
    lists = await price_lists(
        session,
        {
            row.source["currencyCode"]: row.wanted["transactioncurrencyid"]
            for row in by_currency
        },
    )
    for row in by_currency:
        found = lists.get(row.source["currencyCode"])
        if isinstance(found, ApiError):
            row.fail(rejected("Inserting", "pricelevel", found))
        else:
            _choose(row, "pricelevelid", found)


def _take_order(row: Row, orders: Orders, order: Record) -> None:
    obstacle = orders.obstacle(order, row.source["customerNumber"])
    if obstacle is not None:
        row.fail(obstacle)
        return
    _choose(row, "salesorderid", order["id"])
    _choose(row, "customerid", order["customerid"])
    for name in ("name", "pricelevelid", "opportunityid"):
        _choose(row, name, order[name])
    owner = order["ownerid"]
    if owner is not None and owner not in orders.users:
        owner = TeamId(owner)
    _choose(row, "ownerid", owner)
    if owner is not None and "ownerid" in row.wanted:
        # Not the salesperson's user: later runs keep the order's owner.
        decide(row, "ownerid", by_rule=True)


def _choose(row: Row, key: str, value: Any) -> None:
    """Give a row the value that a rule chose for one of its fields."""
    if value is not None and key in row.wanted:
        row.wanted[key] = row.values[key] = value


async def describe_invoices(rows: Rows, session: Session) -> None:
    """The shipment method's text stands in for an empty work description."""
    if not rows.leg.to_dataverse or TEXT_COLUMN not in rows.columns:
        return
    bare = [
        row
        for row in rows
        if not row.source[TEXT_COLUMN] and row.source["shipmentMethodCode"]
    ]
    if not bare:
        return
    frame = await session.bc.by_values(
        "shipmentMethods",
        "code",
        sorted({row.source["shipmentMethodCode"] for row in bare}),
        columns=("code", "displayName"),
    )
    names = dict(zip(frame["code"], frame["displayName"], strict=True))
    for row in bare:
        row.source[TEXT_COLUMN] = names.get(row.source["shipmentMethodCode"]) or ""
