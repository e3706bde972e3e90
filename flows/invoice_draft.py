"""What does an active invoice of Dataverse become in Business Central?

A draft for the coupled customer, with a line for each line: the coupled item or
resource, or for a product that was written in the company's write-in product.
Prices and discounts travel, VAT is Business Central's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.invoice_products import JOBS, is_write_in
from flows.invoice_state import OPEN
from tieline.batch import Action, Batch, LineChange, rows_of
from tieline.conversions import Transfer, cut
from tieline.errors import Blocked, RecordError, RuleViolated
from tieline.facts import Setup
from tieline.identity import Home, coupled_by_dataverse_id
from tieline.session import Session

DRAFTS = "salesInvoices"
DRAFT_LINES = "salesInvoiceLines"
DISCOUNT = "discountAmount"
MEMORY = "drafts"
STEP = 10_000
"""The distance of two line numbers."""

RESOURCE_TYPE = 3
DESCRIPTION_LENGTH = 100
_CURRENCY = "transactioncurrencyid"
_LINE_COLUMNS = (
    "invoiceid",
    "productid",
    "isproductoverridden",
    "productdescription",
    "uomid",
    "quantity",
    "priceperunit",
    "manualdiscountamount",
    "volumediscountamount",
    "lineitemnumber",
    "createdon",
)
_COPIED = {
    "shipto_name": "shipToName",
    "shipto_line1": "shipToAddressLine1",
    "shipto_line2": "shipToAddressLine2",
    "shipto_city": "shipToCity",
    "shipto_country": "shipToCountry",
    "shipto_postalcode": "shipToPostCode",
    "shipto_stateorprovince": "shipToState",
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class DraftLine:
    """One line of a draft: `values` as Business Central is sent them."""

    values: Mapping[str, Any]
    net: float


@dataclass(frozen=True)
class Draft:
    """What a draft holds beside its header."""

    lines: tuple[DraftLine, ...]
    discount: float

    @property
    def net(self) -> float:
        """What the draft has to come to before VAT."""
        return round(sum(line.net for line in self.lines) - self.discount, 2)


@dataclass(frozen=True)
class Products:
    """The products of a batch: their rows, and numbers of what they are coupled to."""

    rows: Mapping[str, Row]
    sold: Mapping[str, tuple[str, str]]
    setup: Setup

    def of(self, line: Row) -> tuple[str, str] | RecordError:
        """Return type and number of what a line sells, or why it cannot be told."""
        if line["isproductoverridden"] or not line["productid"]:
            kind, number = self.setup.write_in_type, self.setup.write_in_number
            if is_write_in(self.setup, kind, number):
                return kind, number
            return RuleViolated(
                "The invoice cannot be transferred: a line has a product that was "
                f"written in ({line['productdescription']}).",
                advice="Set up a write-in product in Business Central.",
            )
        id_ = line["productid"]
        row = self.rows.get(id_, {})
        if id_ not in self.sold:
            kind = "Resource" if row.get("producttypecode") == RESOURCE_TYPE else "Item"
            return Blocked(
                f"The Dataverse product {id_} must be coupled before the invoice can "
                "be transferred.",
                mapping=JOBS[kind].name,
                key=id_,
            )
        if line["uomid"] != row.get("defaultuomid"):
            return RuleViolated(
                "The invoice cannot be transferred: a line is not sold in the base "
                f"unit of {self.sold[id_][1]}.",
                advice="Use the product's default unit.",
            )
        return self.sold[id_]


def draft_line(line: Row, kind: str, number: str, sequence: int) -> DraftLine:
    """Return the draft's line; volume discounts are per unit."""
    quantity, price = float(line["quantity"] or 0), float(line["priceperunit"] or 0)
    discount = float(line["manualdiscountamount"] or 0)
    discount = round(discount + quantity * float(line["volumediscountamount"] or 0), 2)
    values: dict[str, Any] = {
        "sequence": sequence,
        "lineType": kind,
        "lineObjectNumber": number,
    }
    if line["productdescription"]:
        values["description"] = cut(line["productdescription"], DESCRIPTION_LENGTH)
    values |= {"quantity": quantity, "unitPrice": price, "discountAmount": discount}
    return DraftLine(values, round(quantity * price - discount, 2))


def build_draft(
    invoice: Row, lines: Sequence[Row], products: Products
) -> Draft | RecordError:
    """Return the draft for an invoice, or why there can be none."""
    if not lines:
        return RuleViolated("The invoice cannot be transferred: it has no lines yet.")
    if invoice["freightamount"]:
        return RuleViolated(
            "The invoice cannot be transferred: it has a freight amount, which has no "
            "place in a sales invoice.",
            advice="Add the freight as a line.",
        )
    made: list[DraftLine] = []
    for number, line in enumerate(lines, start=1):
        product = products.of(line)
        if isinstance(product, RecordError):
            return product
        made.append(draft_line(line, *product, number * STEP))
    share = float(invoice["discountpercentage"] or 0) / 100
    whole = sum(line.net for line in made)
    discount = float(invoice["discountamount"] or 0) + whole * share
    return Draft(tuple(made), round(discount, 2))


def draft_id(company_id: str, invoice_id: str) -> str:
    """Return the id of an invoice's draft: always the same, so it is made once."""
    return str(uuid.uuid5(uuid.UUID(company_id), invoice_id))


def draft_line_id(draft: str, line: DraftLine) -> str:
    """Return the id of a line of a draft, which is always the same too."""
    return draft_id(draft, str(line.values["sequence"]))


async def leave_posted_alone(batch: Batch, session: Session) -> None:
    """Only active invoices without a counterpart become drafts.

    What is coupled was posted and cannot change; closed invoices are left out.
    """
    if batch.to_dataverse:
        return
    coupled = session.store.couplings(
        session.company_id,
        batch.mapping.name,
        side="dataverse",
        ids=batch.source_ids,
    ).index
    states = batch.column("statecode")
    for position, id_ in enumerate(batch.source_ids):
        if id_ in coupled:
            batch.action[position] = Action.UNCHANGED
        elif states[position] == OPEN:
            continue
        elif batch.options.records:
            text = "The invoice cannot be transferred: it is not active."
            batch.fail(position, RuleViolated(text))
        else:
            batch.action[position] = Action.LEFT_OUT


async def prepare_drafts(batch: Batch, session: Session) -> None:
    """Work out the drafts of new invoices, and say which cannot be made."""
    if batch.to_dataverse:
        return
    await _take_currencies(batch, session)
    positions = batch.positions(Action.INSERT)
    ids = [batch.source_ids[position] for position in positions]
    lines, products = await _read(session, ids)
    drafts: dict[str, Draft] = {}
    for position, id_ in zip(positions, ids, strict=True):
        invoice = {str(k): v for k, v in batch.source.iloc[position].items()}
        draft = build_draft(invoice, lines.get(id_, ()), products)
        if isinstance(draft, RecordError):
            batch.fail(position, draft)
            continue
        drafts[id_] = draft
        values = batch.values[position]
        if invoice["duedate"]:
            values["dueDate"] = invoice["duedate"][:10]
        values |= {
            ours: invoice[theirs] for theirs, ours in _COPIED.items() if invoice[theirs]
        }
        if draft.discount:
            values[DISCOUNT] = draft.discount
        made = batch.destination_id[position] = draft_id(session.company_id, id_)
        if batch.options.dry_run:
            batch.line_changes += [
                LineChange(Action.INSERT, id_, draft_line_id(made, line), line.values)
                for line in draft.lines
            ]
    session.memory[MEMORY] = drafts


async def _take_currencies(batch: Batch, session: Session) -> None:
    """Translate the currency, which the draft would take from the customer else."""
    row = next(row for row in batch.mapping.fields if row.key == _CURRENCY)
    values = row.conversion.normal("dataverse", batch.column(_CURRENCY))
    inserting = batch.is_(Action.INSERT)
    transfer = Transfer(session, row, batch.direction, None, inserting, is_dry=True)
    known = await row.conversion.prepare(values, transfer)
    codes = row.conversion.convert(values, known, transfer)
    for position in batch.positions(Action.INSERT):
        problem = transfer.problems.get(position)
        if problem is not None:
            batch.fail(position, problem)
        else:
            batch.values[position]["currencyCode"] = codes[position]


async def _read(
    session: Session, ids: Sequence[str]
) -> tuple[dict[str, list[Row]], Products]:
    setup = await session.setup() if ids else Setup("")
    frame = await session.dataverse.by_values(
        "invoicedetail", "invoiceid", ids, columns=_LINE_COLUMNS
    )
    rows = sorted(
        rows_of(frame),
        key=lambda row: (row["lineitemnumber"] or 0, row["createdon"], row["id"]),
    )
    lines: dict[str, list[Row]] = {}
    for row in rows:
        lines.setdefault(row["invoiceid"], []).append(row)
    wanted = sorted({row["productid"] for row in rows if row["productid"]})
    products = await session.dataverse.by_id(
        "product", wanted, columns=("producttypecode", "defaultuomid")
    )
    sold: dict[str, tuple[str, str]] = {}
    for kind, mapping in JOBS.items():
        home = Home(mapping.name, mapping.bc, mapping.bc_key)
        coupled = await coupled_by_dataverse_id(session, home, wanted)
        sold |= {id_: (kind, one.code) for id_, one in coupled.items() if one}
    return lines, Products({row["id"]: row for row in rows_of(products)}, sold, setup)
