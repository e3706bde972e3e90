"""Finishes an invoice of Dataverse once its header is there.

Prices that are missing, lines, their amounts, totals, the state: in this order, each
step for all invoices of a batch at once. Every step is one that can be taken again:
ids of lines are always the same, and amounts are written only where they differ.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from flows.invoices.header import (
    LINES,
    Contents,
    OnTheirWay,
    Record,
    lacks_lines,
    payment_state_of,
)
from flows.invoices.lines import (
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
from flows.invoices.prices import Sale, add_missing_prices
from flows.invoices.state import (
    BILLED,
    OPEN,
    InvoiceState,
    reopen,
    set_states,
)
from tieline.engine.fate import Fate
from tieline.engine.row import LineChange, Row, Rows
from tieline.errors import ApiError
from tieline.failures import rejected
from tieline.mapping import Needs
from tieline.odata.frames import rows_of
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

    row: Row
    lines: list[Line]
    totals: Mapping[str, Any]
    list_id: str | None = None
    present: Record = field(default_factory=dict)
    held: dict[str, Record] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the invoice in Dataverse."""
        return self.row.target_id

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


@dataclass
class _Amounts:
    """Whether the organisation takes the amounts of documents from an ERP."""

    are_of_erp: bool | None = None


async def update_invoices(
    some: Sequence[Row], changes: Sequence[Change], session: Session
) -> list[Written]:
    """Change invoices; closed ones are opened for it, and closed again afterwards."""
    closed = [
        change.id
        for row, change in zip(some, changes, strict=True)
        if (row.target or {}).get("statecode") != OPEN
    ]
    opened = await reopen(session, closed)
    failed = {id_: one for id_, one in opened.items() if one.error is not None}
    ready = [change for change in changes if change.id not in failed]
    written = {one.id: one for one in await session.dataverse.update("invoice", ready)}
    return [failed.get(change.id) or written[change.id] for change in changes]


async def finish_invoices(rows: Rows, session: Session) -> None:
    """Take the steps that follow the headers, as far as they were not taken yet."""
    if not rows.leg.to_dataverse:
        return
    begun = await _begun(rows, session)
    opened = await _open_closed(session, begun)
    await _add_prices(session, _alive(begun))
    rows.line_changes += await _add_lines(session, _alive(begun))
    await _set_amounts(session, _alive(begun))
    await _set_totals(session, _alive(begun))
    for invoice in _alive(begun):
        invoice.row.note_written(Written(invoice.id))
    await _set_states(rows, session, opened)


def _alive(invoices: Iterable[Invoice]) -> list[Invoice]:
    return [one for one in invoices if not one.row.is_failed]


async def _begun(rows: Rows, session: Session) -> list[Invoice]:
    """Return the invoices whose lines remain, with what Dataverse holds of them."""
    some = [row for row in rows if lacks_lines(row) and not row.is_failed]
    if not some:
        return []
    contents = session.kept(OnTheirWay).contents
    has_orders = await _order_integration(session)
    digits = (await session.organization()).currency_precision
    invoices = [_invoice(row, contents, has_orders, digits) for row in some]
    await _read_present(session, [one for one in invoices if not one.row.is_created])
    for one in invoices:
        if one.row.is_created:
            one.list_id = one.row.values.get("pricelevelid")
    return invoices


def _invoice(
    row: Row,
    contents: Contents,
    has_orders: bool,  # noqa: FBT001
    digits: int,
) -> Invoice:
    header = row.source
    lines: list[Line] = []
    for posted_line in contents.lines[row.id]:
        amounts = contents.figures(header, posted_line)
        product = contents.sold.product(posted_line)
        assert product is None or isinstance(product, LineProduct)
        values = line_values(header, posted_line, amounts, product)
        id_ = line_id(row.target_id, posted_line["id"])
        lines.append(Line(id_, posted_line["id"], values, amounts, product))
    rest = None
    if header["pricesIncludeTax"]:
        rest = rounding_of([line.amounts for line in lines], digits=digits)
    posted = [line.amounts for line in lines]
    if rest is not None:
        id_ = line_id(row.target_id, ROUNDING)
        lines.append(Line(id_, ROUNDING, rest.created() | write_in(ROUNDING), rest))
    return Invoice(row, lines, totals(header, posted, order_integration=has_orders))


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
    held: dict[str, dict[str, Record]] = {one.id: one.held for one in invoices}
    for row in rows_of(lines):
        held[row["invoiceid"]][row["id"]] = row


async def _order_integration(session: Session) -> bool:
    """Whether the organisation takes the amounts of documents from an ERP."""
    known = session.kept(_Amounts)
    if known.are_of_erp is None:
        column = "issopintegrationenabled"
        offered = (await session.dataverse.table("organization")).columns
        found: list[dict[str, Any]] = []
        if column in offered:
            async for page in session.dataverse.changed(
                "organization", columns=(column,)
            ):
                found += rows_of(page.frame)
        known.are_of_erp = any(record[column] for record in found)
    return known.are_of_erp


async def _open_closed(session: Session, invoices: Sequence[Invoice]) -> set[str]:
    """Open begun invoices that were closed meanwhile and lack something still."""
    closed = [
        one
        for one in invoices
        if one.present and one.present["statecode"] != OPEN and not one.is_complete
    ]
    opened = await reopen(session, [one.id for one in closed])
    for one in closed:
        _note_refusal(one.row, "Modifying", "invoice", opened[one.id].error)
    return set(opened)


def _note_refusal(row: Row, verb: str, table: str, error: ApiError | None) -> None:
    """Fail the row one of whose steps was refused, if it was."""
    if error is not None:
        row.fail(rejected(verb, table, error))


async def _add_prices(session: Session, invoices: Sequence[Invoice]) -> None:
    sales = [
        (one.row, Sale(one.list_id, line.product, line.amounts.price))
        for one in invoices
        for line in one.missing
        if line.product is not None and one.list_id is not None
    ]
    refused = await add_missing_prices(session, (sale for _, sale in sales))
    for row, sale in sales:
        _note_refusal(row, "Inserting", "productpricelevel", refused.get(sale.key))


async def _add_lines(session: Session, invoices: Sequence[Invoice]) -> list[LineChange]:
    """Create the missing lines; returns those that were not refused."""
    todo = [(one, line) for one in invoices for line in one.missing]
    changes = [
        Change(line.id, {"invoiceid": Ref("invoice", one.id), **line.values})
        for one, line in todo
    ]
    results = await session.dataverse.insert("invoicedetail", changes)
    for (one, _), result in zip(todo, results, strict=True):
        _note_refusal(one.row, "Inserting", "invoicedetail", result.error)
    return [
        LineChange(Fate.INSERT, line.source_id, line.id, line.values)
        for (_, line), result in zip(todo, results, strict=True)
        if result.error is None
    ]


async def _set_amounts(session: Session, invoices: Sequence[Invoice]) -> None:
    """Write what Dataverse takes only of lines that exist."""
    todo = [(one, line) for one in invoices for line in one.wrong]
    changes = [Change(line.id, line.amounts.amounts()) for _, line in todo]
    results = await session.dataverse.update("invoicedetail", changes)
    for (one, _), result in zip(todo, results, strict=True):
        _note_refusal(one.row, "Modifying", "invoicedetail", result.error)


async def _set_totals(session: Session, invoices: Sequence[Invoice]) -> None:
    todo = [one for one in invoices if not one.is_complete]
    changes = [Change(one.id, one.totals) for one in todo]
    results = await session.dataverse.update("invoice", changes)
    for one, result in zip(todo, results, strict=True):
        _note_refusal(one.row, "Modifying", "invoice", result.error)


def _state_now(row: Row, opened: Container[str]) -> InvoiceState:
    """Return the state of an invoice after the steps before."""
    if row.is_created:
        return NEW
    target = row.target or {}
    state = target.get("statecode")
    was_opened = row.written is not None and state != OPEN
    if (was_opened and row.values) or row.target_id in opened:
        return BILLED
    return InvoiceState(cast("int", state), cast("int", target.get("statuscode")))


async def _set_states(rows: Rows, session: Session, opened: Container[str]) -> None:
    """Bring all invoices of the batch into the state that their payment calls for."""
    came = {row.target_id: row for row in rows.came_through}
    wanted = {id_: payment_state_of(row.source) for id_, row in came.items()}
    present = {id_: _state_now(row, opened) for id_, row in came.items()}
    for id_, result in (await set_states(session, wanted, present)).items():
        if result.error is None:
            came[id_].note_written(Written(id_))
        else:
            _note_refusal(came[id_], "Modifying", "invoice", result.error)
    for row in came.values():
        if not row.is_failed:
            row.steps = None
