"""Whose is an account or contact that became a record here? Its company says so."""

from __future__ import annotations

from tieline.batch import Action, Batch
from tieline.odata.model import Change, Ref
from tieline.session import Session

COMPANY = "bcbi_companyid"


async def mark_source_as_ours(batch: Batch, session: Session) -> None:
    """Write our company to rows of Dataverse that became new records here.

    That is not a change of theirs: the coupling takes the new version. A row that
    somebody changed meanwhile is left to the next run.
    """
    if batch.to_dataverse or COMPANY not in batch.source:
        return
    company_row = await session.company_row_id()
    companies = batch.column(COMPANY)
    positions = [
        position
        for position in batch.positions(Action.INSERT)
        if position in batch.results and companies[position] is None
    ]
    if company_row is None or not positions:
        return
    values = {COMPANY: Ref("bcbi_company", company_row)}
    versions, ids = batch.column("version"), batch.source_ids
    changes = [Change(ids[p], values, versions[p]) for p in positions]
    results = await session.dataverse.update(batch.source_table, changes)
    for position, written in zip(positions, results, strict=True):
        if written.error is None:
            batch.source_became(position, written)
