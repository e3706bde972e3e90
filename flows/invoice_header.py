"""What does a posted invoice need before it can be created in Dataverse?

Lines whose products are known, an account, a price list, and what the order it was
made for says. What the lines come to is worked out here and written afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.invoice_lines import LINE_COLUMNS, Figures, figures
from flows.invoice_order import Orders, orders_of
from flows.invoice_prices import price_lists
from flows.invoice_products import Sold, what_is_sold
from flows.invoice_state import OPEN, InvoiceState, payment_state
from tasks.converting import decide
from tasks.load import rejected
from tieline.batch import Action, Batch, rows_of
from tieline.conversions import (
    Conversion,
    Lookup,
    Transfer,
    Values,
    column_of,
)
from tieline.conversions.lookup import TeamId
from tieline.errors import ApiError, RecordError, RuleViolated, SystemName
from tieline.odata.model import Ref
from tieline.session import Session

INVOICES = "postedSalesInvoices"
LINES = "postedSalesInvoiceLines"
MEMORY = "posted invoices"
TEXT_COLUMN = "workDescription"

Row = Mapping[str, Any]


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

    lines: Mapping[str, Sequence[Row]]
    sold: Sold
    precision: float

    def figures(self, header: Row, line: Row) -> Figures:
        """Return a line's amounts."""
        with_tax = bool(header["pricesIncludeTax"])
        return figures(line, with_tax=with_tax, precision=self.precision)


async def prepare_invoices(batch: Batch, session: Session) -> None:
    """Complete new invoices, leave closed ones alone, and note the steps to come."""
    if not batch.to_dataverse:
        return
    _leave_closed_alone(batch)
    new = batch.positions(Action.INSERT)
    begun = [
        position
        for position, steps in batch.unfinished.items()
        if "lines" in steps and batch.action[position] == Action.OPEN
    ]
    contents = await _contents(batch, session, [*new, *begun])
    session.memory[MEMORY] = contents
    for position in [*new, *begun]:
        lines = contents.lines.get(batch.source_ids[position], ())
        obstacle = _obstacle(contents.sold, lines, is_new=position in new)
        if obstacle is not None:
            batch.fail(position, obstacle)
    new = [p for p in new if p not in batch.problems]
    if new:
        await _complete(batch, session, new)
    for position in new:
        if position not in batch.problems:
            batch.unfinished[position] = {"lines": True}


def _leave_closed_alone(batch: Batch) -> None:
    """Nothing but the payment travels to a closed invoice, unless it was asked for.

    A closed invoice that is written all the same has to be closed again.
    """
    states = batch.destination_column("statecode")
    asked = batch.options.force or bool(batch.options.records)
    for position, state in enumerate(states):
        if state is None or state == OPEN:
            continue
        if asked or position in batch.unfinished:
            if batch.values[position]:
                batch.unfinished.setdefault(position, {"state": True})
            continue
        batch.problems.pop(position, None)
        batch.values[position] = {}
        batch.forced[position] = False
        for settled in batch.settled.values():
            settled[position] = False
        status = batch.destination_column("statuscode")[position]
        is_due = (state, status) != payment_state_of(header_of(batch, position))
        batch.action[position] = Action.OPEN if is_due else Action.LEFT_OUT


def header_of(batch: Batch, position: int) -> Row:
    """Return the posted invoice at a position."""
    return {str(name): cell for name, cell in batch.source.iloc[position].items()}


def payment_state_of(header: Row) -> InvoiceState:
    """Return the state that what remains to be paid of an invoice calls for."""
    return payment_state(
        header["totalAmountIncludingTax"],
        header["remainingAmount"],
        canceled=header["canceled"],
    )


async def _contents(
    batch: Batch, session: Session, positions: Sequence[int]
) -> Contents:
    if not positions:
        return Contents({}, Sold({}, frozenset(), frozenset()), 0)
    ids = [batch.source_ids[position] for position in positions]
    frame = await session.bc.children(INVOICES, ids, LINES, columns=LINE_COLUMNS)
    rows = sorted(rows_of(frame), key=lambda row: int(row["sequence"]))
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row["parent_id"], []).append(row)
    sold = await what_is_sold(session, rows)
    return Contents(lines, sold, (await session.setup()).unit_amount_precision)


def _obstacle(sold: Sold, lines: Sequence[Row], *, is_new: bool) -> RecordError | None:
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


async def _complete(batch: Batch, session: Session, positions: Sequence[int]) -> None:
    """Link new invoices with their order, or give them the list of their currency."""
    references = batch.column("yourReference")
    orders = await orders_of(session, [references[p] for p in positions])
    by_currency: list[int] = []
    for position in positions:
        order = orders.of(references[position])
        if order is None:
            _choose(batch, position, "name", batch.column("number")[position])
            by_currency.append(position)
        else:
            _take_order(batch, position, orders, order)
    codes = batch.column("currencyCode")
    currencies = batch.wanted["transactioncurrencyid"]
    lists = await price_lists(
        session,
        {codes[p]: currencies[p] for p in by_currency},
    )
    for position in by_currency:
        found = lists.get(codes[position])
        if isinstance(found, ApiError):
            batch.fail(position, rejected("Inserting", "pricelevel", found))
        else:
            _choose(batch, position, "pricelevelid", found)


def _take_order(batch: Batch, position: int, orders: Orders, order: Row) -> None:
    obstacle = orders.obstacle(order, batch.column("customerNumber")[position])
    if obstacle is not None:
        batch.fail(position, obstacle)
        return
    _choose(batch, position, "salesorderid", order["id"])
    _choose(batch, position, "customerid", order["customerid"])
    for name in ("name", "pricelevelid", "opportunityid"):
        _choose(batch, position, name, order[name])
    owner = order["ownerid"]
    if owner is not None and owner not in orders.users:
        owner = TeamId(owner)
    _choose(batch, position, "ownerid", owner)
    if owner is not None and "ownerid" in batch.wanted:
        # Not the salesperson's user: later runs keep the order's owner.
        decide(batch, "ownerid", position, by_rule=True)


def _choose(batch: Batch, position: int, key: str, value: Any) -> None:
    """Give a row the value that a rule chose for one of its fields."""
    if value is not None and key in batch.wanted:
        batch.wanted[key][position] = value
        batch.values[position][key] = value


async def describe_invoices(batch: Batch, session: Session) -> None:
    """The shipment method's text stands in for an empty work description."""
    if not batch.to_dataverse or TEXT_COLUMN not in batch.source:
        return
    codes = batch.column("shipmentMethodCode")
    texts = list(batch.column(TEXT_COLUMN))
    empty = [p for p, text in enumerate(texts) if not text and codes[p]]
    if not empty:
        return
    frame = await session.bc.by_values(
        "shipmentMethods",
        "code",
        sorted({codes[position] for position in empty}),
        columns=("code", "displayName"),
    )
    names = dict(zip(frame["code"], frame["displayName"], strict=True))
    for position in empty:
        texts[position] = names.get(codes[position]) or ""
    batch.replace_column(TEXT_COLUMN, texts)
