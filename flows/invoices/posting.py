"""Posts invoices of Dataverse in Business Central, each of them only once.

Draft, lines, discount, post: each step for all invoices of a batch, and each one looks
first at what an earlier run has done. The draft's id follows from the invoice's, the
lines' numbers from their order; External Document No. holds the invoice's number and
tells documents that somebody else made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.invoices.draft import (
    DISCOUNT,
    DRAFT_LINES,
    DRAFTS,
    Draft,
    Drafts,
    draft_id,
    draft_line_id,
)
from flows.invoices.header import INVOICES
from tieline.engine.fate import Fate
from tieline.engine.row import LineChange, Row, Rows
from tieline.errors import ApiError, Rejected, Unavailable
from tieline.odata.frames import moment, rows_of
from tieline.odata.model import Change, Written
from tieline.session import Session

POST = "Microsoft.NAV.post"
ONE_CENT = 0.01

_DRAFT_COLUMNS = (
    "number",
    "externalDocumentNumber",
    "customerNumber",
    "status",
    DISCOUNT,
    "totalAmountExcludingTax",
)
_DRAFT = "Draft"

Record = Mapping[str, Any]


@dataclass
class Posting:
    """One invoice on its way to be posted; `error` ends it."""

    row: Row
    id: str
    draft: Draft
    header: Mapping[str, Any]
    present: Record | None = None
    sequences: set[int] = field(default_factory=set)
    posted: Record | None = None
    error: ApiError | None = None

    @property
    def number(self) -> str:
        """The invoice's number, as External Document No. holds it."""
        return str(self.header.get("externalDocumentNumber") or "")

    def refuse(self, text: str) -> None:
        """End here, with a sentence of our own."""
        self.error = self.error or Rejected(text, system="bc")


async def post_invoices(
    rows: Rows, some: Sequence[Row], changes: Sequence[Change], session: Session
) -> list[Written]:
    """Make drafts of new invoices and post them; returns the posted documents."""
    drafts = session.kept(Drafts).by_invoice
    work = [
        Posting(
            row, draft_id(session.company_id, row.id), drafts[row.id], change.values
        )
        for row, change in zip(some, changes, strict=True)
    ]
    await _find_documents(session, work)
    await _make_drafts(session, _open(work))
    await _make_lines(rows, session, _open(work))
    await _set_discounts(session, _open(work))
    await _check(session, _open(work))
    await _post(session, _open(work))
    return [_result(one) for one in work]


def _open(work: Iterable[Posting]) -> list[Posting]:
    return [one for one in work if one.posted is None and one.error is None]


def _result(one: Posting) -> Written:
    """Couple with the posted document, whose id is Business Central's choice."""
    if one.posted is None:
        return Written(one.id, error=one.error)
    one.row.target_id = one.posted["id"]
    modified = moment(one.posted["modified"])
    return Written(one.posted["id"], one.posted["version"], modified, one.posted)


async def _find_documents(session: Session, work: Sequence[Posting]) -> None:
    """Find what was made before, and refuse what somebody else has made."""
    await _find_posted(session, work)
    rows = await session.bc.by_id(
        DRAFTS, [one.id for one in _open(work)], columns=_DRAFT_COLUMNS
    )
    ours = {row["id"]: row for row in rows_of(rows)}
    for one in work:
        one.present = ours.get(one.id)
    await _refuse_others(session, [one for one in _open(work) if not one.present])


async def _find_posted(session: Session, work: Sequence[Posting]) -> None:
    rows = await session.bc.by_values(
        INVOICES,
        "draftInvoiceId",
        [one.id for one in work],
        columns=("draftInvoiceId", "number"),
    )
    posted = {row["draftInvoiceId"]: row for row in rows_of(rows)}
    for one in work:
        one.posted = posted.get(one.id)


async def _refuse_others(session: Session, work: Sequence[Posting]) -> None:
    """An invoice that is there under another id must not be made once more."""
    numbers = [one.number for one in work if one.number]
    rows = await session.bc.by_values(
        DRAFTS, "externalDocumentNumber", numbers, columns=_DRAFT_COLUMNS
    )
    others = {
        (row["externalDocumentNumber"], row["customerNumber"]): row
        for row in rows_of(rows)
    }
    for one in work:
        other = others.get((one.number, one.header.get("customerNumber")))
        if other is not None:
            kind = "draft" if other["status"] == _DRAFT else "posted"
            one.refuse(
                f"Business Central has the {kind} sales invoice {other['number']} with "
                f"the External Document No. {one.number} already. Couple the two, or "
                "change that number."
            )


async def _make_drafts(session: Session, work: Sequence[Posting]) -> None:
    missing = [one for one in work if one.present is None]
    local = (await session.setup()).local_currency if missing else ""
    changes = [Change(one.id, _header(one, local)) for one in missing]
    written = await session.bc.insert(DRAFTS, changes)
    for one, result in zip(missing, written, strict=True):
        one.error = result.error


def _header(one: Posting, local: str) -> dict[str, Any]:
    """Return the columns of a new draft; its discount follows its lines.

    The local currency is named too: left out, the customer's would be taken.
    """
    values = {name: v for name, v in one.header.items() if name != DISCOUNT}
    return values | {"currencyCode": one.header.get("currencyCode") or local}


async def _make_lines(rows: Rows, session: Session, work: Sequence[Posting]) -> None:
    begun = {one.id: one for one in work if one.present is not None}
    if begun:
        frame = await session.bc.children(
            DRAFTS, list(begun), DRAFT_LINES, columns=("sequence",)
        )
        for record in rows_of(frame):
            begun[record["parent_id"]].sequences.add(int(record["sequence"]))
    todo = [
        (one, line)
        for one in work
        for line in one.draft.lines
        if line.values["sequence"] not in one.sequences
    ]
    changes = [
        Change(
            draft_line_id(one.id, line),
            {"documentId": one.id, **line.values},
        )
        for one, line in todo
    ]
    written = await session.bc.insert(DRAFT_LINES, changes)
    for (one, line), result in zip(todo, written, strict=True):
        if result.error is not None:
            one.error = one.error or result.error
            continue
        rows.line_changes.append(
            LineChange(Fate.INSERT, one.row.id, result.id, line.values)
        )


async def _set_discounts(session: Session, work: Sequence[Posting]) -> None:
    """The discount of a document follows its lines: it is set after them."""
    todo = [
        one
        for one in work
        if one.draft.discount != ((one.present or {}).get(DISCOUNT) or 0)
    ]
    changes = [Change(one.id, {DISCOUNT: one.draft.discount}) for one in todo]
    written = await session.bc.update(DRAFTS, changes)
    for one, result in zip(todo, written, strict=True):
        one.error = result.error


async def _check(session: Session, work: Sequence[Posting]) -> None:
    """What is posted cannot be taken back: the draft must come to the amount."""
    if not work:
        return
    rows = await session.bc.by_id(
        DRAFTS, [one.id for one in work], columns=_DRAFT_COLUMNS
    )
    by_id = {row["id"]: row for row in rows_of(rows)}
    for one in work:
        row = by_id.get(one.id, {"number": "", "totalAmountExcludingTax": 0})
        net = row["totalAmountExcludingTax"]
        if abs(net - one.draft.net) > ONE_CENT * len(one.draft.lines):
            one.refuse(
                f"The draft {row['number']} comes to {net} before VAT instead of "
                f"{one.draft.net}, and was not posted. Delete it, then try again."
            )


async def _post(session: Session, work: Sequence[Posting]) -> None:
    """Post the drafts; what became of them is read, not believed."""
    if not work:
        return
    results = await session.bc.actions(DRAFTS, [one.id for one in work], POST)
    await _find_posted(session, work)
    for one, result in zip(work, results, strict=True):
        if one.posted is None:
            one.error = result.error or Unavailable(
                "The posted sales invoice cannot be found yet.", system="bc"
            )
