"""How is an invoice of Dataverse finished once its header is there?

Prices that are missing, lines, their amounts, totals, the state: in this order, each
step for all invoices of a batch at once. Every step is one that can be taken again:
ids of lines are always the same, and amounts are written only where they differ.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.invoice_header import (
    LINES,
    MEMORY,
    Contents,
    Row,
    header_of,
    payment_state_of,
)
from flows.invoice_lines import (
    LINE_COLUMNS,
    NEW_LINE,
    ROUNDING,
    Figures,
    LineProduct,
    differs,
    line_id,
    line_values,
    rounding_of,
    totals,
    write_in,
)
from flows.invoice_prices import Sale, add_missing_prices
from flows.invoice_state import (
    BILLED,
    OPEN,
    InvoiceState,
    reopen,
    set_states,
)
from tasks.load import rejected
from tieline.batch import Action, Batch, LineChange, rows_of
from tieline.errors import ApiError
from tieline.mapping import Needs
from tieline.odata.model import Change, Ref, Written
from tieline.session import Session

NEW = InvoiceState(OPEN, 1)
"""The state that a new invoice is created in."""

_TOTALS = (
    "totallineitemdiscountamount",
    "totalamount",
    "totaltax",
    "totalamountlessfreight",
    "totaldiscountamount",
    "freightamount",
    "discountpercentage",
)
_PRESENT = ("statecode", "statuscode", "pricelevelid", *_TOTALS)
_AMOUNTS = ("baseamount", "extendedamount", "tax", "manualdiscountamount")
INVOICE_STEPS = (
    Needs("bc", LINES, LINE_COLUMNS),
    Needs("dataverse", "invoice", _PRESENT),
    Needs("dataverse", "invoicedetail", ("invoiceid", *NEW_LINE, *_AMOUNTS)),
)
"""What the steps after an invoice's header read and write."""


@dataclass
class Line:
    """One line to be: its columns when new, its amounts, and what it sells."""

    id: str
    source_id: str
    values: Mapping[str, Any]
    amounts: Figures
    product: LineProduct | None = None


@dataclass
class Invoice:
    """One invoice on its way: `present` is what Dataverse holds of a begun one."""

    position: int
    id: str
    header: Row
    lines: list[Line]
    totals: Mapping[str, Any]
    list_id: str | None = None
    present: Row = field(default_factory=dict)
    held: dict[str, Row] = field(default_factory=dict)

    @property
    def missing(self) -> list[Line]:
        """The lines that are not there yet."""
        return [line for line in self.lines if line.id not in self.held]

    @property
    def wrong(self) -> list[Line]:
        """The lines whose amounts are not the posted ones."""
        return [
            line
            for line in self.lines
            if differs(line.amounts.amounts(), self.held.get(line.id, {}))
        ]

    @property
    def is_complete(self) -> bool:
        """Whether lines and totals are there already."""
        return not (self.missing or self.wrong or differs(self.totals, self.present))


async def update_invoices(
    batch: Batch, session: Session, rows: Sequence[int], changes: Sequence[Change]
) -> list[Written]:
    """Change invoices; closed ones are opened for it, and closed again afterwards."""
    states = batch.destination_column("statecode")
    closed = [c.id for p, c in zip(rows, changes, strict=True) if states[p] != OPEN]
    opened = await reopen(session, closed)
    failed = {id_: one for id_, one in opened.items() if one.error is not None}
    ready = [change for change in changes if change.id not in failed]
    written = {one.id: one for one in await session.dataverse.update("invoice", ready)}
    return [failed.get(change.id) or written[change.id] for change in changes]


async def finish_invoices(batch: Batch, session: Session) -> None:
    """Take the steps that follow the headers, as far as they were not taken yet."""
    if not batch.to_dataverse:
        return
    begun = await _begun(batch, session)
    opened = await _open_closed(batch, session, begun)
    await _add_prices(batch, session, _alive(batch, begun))
    await _add_lines(batch, session, _alive(batch, begun))
    await _set_amounts(batch, session, _alive(batch, begun))
    await _set_totals(batch, session, _alive(batch, begun))
    for invoice in _alive(batch, begun):
        batch.took(invoice.position, Written(invoice.id))
    await _set_states(batch, session, opened)


def _alive(batch: Batch, invoices: Iterable[Invoice]) -> list[Invoice]:
    return [one for one in invoices if batch.action[one.position] is not Action.FAIL]


def _fail(batch: Batch, position: int, verb: str, table: str, error: ApiError) -> None:
    batch.fail(position, rejected(verb, table, error))


async def _begun(batch: Batch, session: Session) -> list[Invoice]:
    """Return the invoices whose lines remain, with what Dataverse holds of them."""
    positions = [
        position
        for position, steps in batch.unfinished.items()
        if "lines" in steps and batch.action[position] is not Action.FAIL
    ]
    if not positions:
        return []
    contents: Contents = session.memory[MEMORY]
    has_orders = await _order_integration(session)
    digits = (await session.organization()).currency_precision
    invoices = [_invoice(batch, p, contents, has_orders, digits) for p in positions]
    former = [one for one in invoices if not batch.is_created(one.position)]
    await _read_present(session, former)
    for one in invoices:
        if batch.is_created(one.position):
            one.list_id = batch.values[one.position].get("pricelevelid")
    return invoices


def _invoice(
    batch: Batch,
    position: int,
    contents: Contents,
    has_orders: bool,  # noqa: FBT001
    digits: int,
) -> Invoice:
    header = header_of(batch, position)
    invoice_id = batch.destination_id[position]
    lines: list[Line] = []
    for row in contents.lines[batch.source_ids[position]]:
        amounts, product = contents.figures(header, row), contents.sold.product(row)
        assert product is None or isinstance(product, LineProduct)
        values = line_values(header, row, amounts, product)
        id_ = line_id(invoice_id, row["id"])
        lines.append(Line(id_, row["id"], values, amounts, product))
    rest = None
    if header["pricesIncludeTax"]:
        rest = rounding_of([line.amounts for line in lines], digits=digits)
    posted = [line.amounts for line in lines]
    if rest is not None:
        id_ = line_id(invoice_id, ROUNDING)
        lines.append(Line(id_, ROUNDING, rest.created() | write_in(ROUNDING), rest))
    whole = totals(header, posted, order_integration=has_orders)
    return Invoice(position, invoice_id, header, lines, whole)


async def _read_present(session: Session, invoices: Sequence[Invoice]) -> None:
    if not invoices:
        return
    ids = [one.id for one in invoices]
    headers = await session.dataverse.by_id("invoice", ids, columns=_PRESENT)
    by_id = {row["id"]: row for row in rows_of(headers)}
    lines = await session.dataverse.by_values(
        "invoicedetail", "invoiceid", ids, columns=("invoiceid", *_AMOUNTS)
    )
    for one in invoices:
        one.present = by_id.get(one.id, {})
        one.list_id = one.present.get("pricelevelid")
    held: dict[str, dict[str, Row]] = {one.id: one.held for one in invoices}
    for row in rows_of(lines):
        held[row["invoiceid"]][row["id"]] = row


async def _order_integration(session: Session) -> bool:
    """Whether the organisation takes the amounts of documents from an ERP."""
    key = "order integration"
    if key not in session.memory:
        column = "issopintegrationenabled"
        offered = (await session.dataverse.table("organization")).columns
        rows: list[dict[str, Any]] = []
        if column in offered:
            async for page in session.dataverse.changed(
                "organization", columns=(column,)
            ):
                rows += rows_of(page.frame)
        session.memory[key] = any(row[column] for row in rows)
    return bool(session.memory[key])


async def _open_closed(
    batch: Batch, session: Session, invoices: Sequence[Invoice]
) -> set[str]:
    """Open begun invoices that were closed meanwhile and lack something still."""
    closed = [
        one
        for one in invoices
        if one.present and one.present["statecode"] != OPEN and not one.is_complete
    ]
    opened = await reopen(session, [one.id for one in closed])
    for one in closed:
        error = opened[one.id].error
        if error is not None:
            _fail(batch, one.position, "Modifying", "invoice", error)
    return set(opened)


async def _add_prices(
    batch: Batch, session: Session, invoices: Sequence[Invoice]
) -> None:
    sales = {
        one.position: [
            Sale(one.list_id, line.product, line.amounts.price)
            for line in one.missing
            if line.product is not None and one.list_id is not None
        ]
        for one in invoices
    }
    refused = await add_missing_prices(
        session, (sale for some in sales.values() for sale in some)
    )
    for position, some in sales.items():
        for sale in some:
            if sale.key in refused:
                error = refused[sale.key]
                _fail(batch, position, "Inserting", "productpricelevel", error)


async def _add_lines(
    batch: Batch, session: Session, invoices: Sequence[Invoice]
) -> None:
    todo = [(one, line) for one in invoices for line in one.missing]
    changes = [
        Change(line.id, {"invoiceid": Ref("invoice", one.id), **line.values})
        for one, line in todo
    ]
    written = await session.dataverse.insert("invoicedetail", changes)
    for (one, line), result in zip(todo, written, strict=True):
        if result.error is not None:
            _fail(batch, one.position, "Inserting", "invoicedetail", result.error)
            continue
        batch.line_changes.append(
            LineChange(Action.INSERT, line.source_id, line.id, line.values)
        )


async def _set_amounts(
    batch: Batch, session: Session, invoices: Sequence[Invoice]
) -> None:
    """Write what Dataverse takes only of lines that exist."""
    todo = [(one, line) for one in invoices for line in one.wrong]
    changes = [Change(line.id, line.amounts.amounts()) for _, line in todo]
    written = await session.dataverse.update("invoicedetail", changes)
    for (one, _), result in zip(todo, written, strict=True):
        if result.error is not None:
            _fail(batch, one.position, "Modifying", "invoicedetail", result.error)


async def _set_totals(
    batch: Batch, session: Session, invoices: Sequence[Invoice]
) -> None:
    todo = [one for one in invoices if not one.is_complete]
    changes = [Change(one.id, one.totals) for one in todo]
    written = await session.dataverse.update("invoice", changes)
    for one, result in zip(todo, written, strict=True):
        if result.error is not None:
            _fail(batch, one.position, "Modifying", "invoice", result.error)


def _state_now(batch: Batch, position: int, opened: Container[str]) -> InvoiceState:
    """Return the state of an invoice after the steps before."""
    if batch.is_created(position):
        return NEW
    state = batch.destination_column("statecode")[position]
    was_opened = position in batch.results and state != OPEN
    if was_opened and batch.values[position]:
        return BILLED
    if batch.destination_id[position] in opened:
        return BILLED
    return InvoiceState(state, batch.destination_column("statuscode")[position])


async def _set_states(batch: Batch, session: Session, opened: Container[str]) -> None:
    """Bring all invoices of the batch into the state that their payment calls for."""
    positions = batch.positions(Action.INSERT, Action.MODIFY, Action.UNCHANGED)
    headers = rows_of(batch.source)
    wanted: dict[str, InvoiceState] = {}
    present: dict[str, InvoiceState] = {}
    by_id: dict[str, int] = {}
    for position in positions:
        id_ = batch.destination_id[position]
        by_id[id_] = position
        wanted[id_] = payment_state_of(headers[position])
        present[id_] = _state_now(batch, position, opened)
    for id_, written in (await set_states(session, wanted, present)).items():
        position = by_id[id_]
        if written.error is not None:
            _fail(batch, position, "Modifying", "invoice", written.error)
        else:
            batch.took(position, Written(id_))
    for position in positions:
        if batch.action[position] is not Action.FAIL:
            batch.unfinished.pop(position, None)
