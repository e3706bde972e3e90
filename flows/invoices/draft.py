"""Works out the draft that an active invoice becomes in Business Central.

It is a draft for the coupled customer, with a line for each line: the coupled item or
resource, or for a product that was written in the company's write-in product.
Prices and discounts travel, VAT is Business Central's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flows.invoices.products import JOBS, is_write_in
from flows.invoices.state import OPEN
from tieline.conversions import column_of, cut
from tieline.engine.converting import convert
from tieline.engine.fate import Fate
from tieline.engine.row import LineChange, Rows
from tieline.errors import Blocked, RecordError, RuleViolated
from tieline.facts import Setup
from tieline.identity import Home, coupled_by_dataverse_id
from tieline.odata.frames import rows_of
from tieline.session import Session

DRAFTS = "salesInvoices"
DRAFT_LINES = "salesInvoiceLines"
DISCOUNT = "discountAmount"
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

Record = Mapping[str, Any]


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


@dataclass
class Drafts:
    """The drafts of the invoices on their way, by the id of the invoice."""

    by_invoice: dict[str, Draft] = field(default_factory=dict)


@dataclass(frozen=True)
class Products:
    """The products of a batch: their rows, and numbers of what they are coupled to."""

    rows: Mapping[str, Record]
    sold: Mapping[str, tuple[str, str]]
    setup: Setup

    def of(self, line: Record) -> tuple[str, str] | RecordError:
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


def draft_line(line: Record, kind: str, number: str, sequence: int) -> DraftLine:
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
    invoice: Record, lines: Sequence[Record], products: Products
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


async def leave_posted_alone(rows: Rows, session: Session) -> None:
    """Only active invoices without a counterpart become drafts.

    What is coupled was posted and cannot change; closed invoices are left out.
    """
    if rows.leg.to_dataverse:
        return
    store = session.job(rows.leg.mapping.name)
    coupled = store.couplings(side="dataverse", ids=rows.ids).index
    for row in rows:
        if row.id in coupled:
            row.fate = Fate.UNCHANGED
        elif row.source["statecode"] == OPEN:
            continue
        elif rows.options.records:
            text = "The invoice cannot be transferred: it is not active."
            row.fail(RuleViolated(text))
        else:
            row.fate = Fate.LEFT_OUT


async def prepare_drafts(rows: Rows, session: Session) -> None:
    """Work out the drafts of new invoices, and say which cannot be made."""
    if rows.leg.to_dataverse:
        return
    await _take_currencies(rows, session)
    new = rows.new()
    lines, products = await _read(session, [row.id for row in new])
    drafts: dict[str, Draft] = {}
    for row in new:
        draft = build_draft(row.source, lines.get(row.id, ()), products)
        if isinstance(draft, RecordError):
            row.fail(draft)
            continue
        drafts[row.id] = draft
        row.values |= _header(row.source, draft)
        row.target_id = draft_id(session.company_id, row.id)
        if rows.options.dry_run:
            rows.line_changes += [
                LineChange(
                    Fate.INSERT,
                    row.id,
                    draft_line_id(row.target_id, line),
                    line.values,
                )
                for line in draft.lines
            ]
    session.kept(Drafts).by_invoice = drafts


def _header(invoice: Record, draft: Draft) -> dict[str, Any]:
    """Return what a draft's header takes of its invoice besides the mapped fields."""
    values: dict[str, Any] = {}
    if invoice["duedate"]:
        values["dueDate"] = invoice["duedate"][:10]
    values |= {
        ours: invoice[theirs] for theirs, ours in _COPIED.items() if invoice[theirs]
    }
    if draft.discount:
        values[DISCOUNT] = draft.discount
    return values


async def _take_currencies(rows: Rows, session: Session) -> None:
    """Translate the currency, which the draft would take from the customer else."""
    new = rows.new()
    if not new:
        return
    declared = (one for one in rows.leg.mapping.fields if one.key == _CURRENCY)
    (currency,) = rows.leg.directed(declared)
    read = column_of([row.source[_CURRENCY] for row in new])
    found = await convert(
        session,
        rows.leg,
        currency,
        currency.conversion.normal("dataverse", read),
        inserting=np.ones(len(new), dtype=bool),
    )
    for place, row in enumerate(new):
        problem = found.problems.get(place)
        if problem is not None:
            row.fail(problem)
        else:
            row.values["currencyCode"] = found.values[place]


async def _read(
    session: Session, ids: Sequence[str]
) -> tuple[dict[str, list[Record]], Products]:
    setup = await session.setup() if ids else Setup("")
    frame = await session.dataverse.by_values(
        "invoicedetail", "invoiceid", ids, columns=_LINE_COLUMNS
    )
    rows = sorted(
        rows_of(frame),
        key=lambda row: (row["lineitemnumber"] or 0, row["createdon"], row["id"]),
    )
    lines: dict[str, list[Record]] = {}
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
