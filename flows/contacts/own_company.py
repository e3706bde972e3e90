"""Marks accounts and contacts that became records here as our company's."""

from __future__ import annotations

from tieline.engine.row import Rows
from tieline.odata.model import Change, Ref
from tieline.session import Session

COMPANY = "bcbi_companyid"


async def mark_source_as_ours(rows: Rows, session: Session) -> None:
    """Write our company to rows of Dataverse that became new records here.

    That is not a change of theirs: the coupling takes the new version. A row that
    somebody changed meanwhile is left to the next run.
    """
    if rows.leg.to_dataverse or COMPANY not in rows.columns:
        return
    company_row = await session.company_row_id()
    nobodys = [
        row
        for row in rows.new()
        if row.written is not None and row.source[COMPANY] is None
    ]
    if company_row is None or not nobodys:
        return
    values = {COMPANY: Ref("bcbi_company", company_row)}
    changes = [Change(row.id, values, row.source["version"]) for row in nobodys]
    results = await session.dataverse.update(rows.leg.source_table, changes)
    for row, written in zip(nobodys, results, strict=True):
        if written.error is None:
            row.note_source_written(written)
