"""How a job's records stand after a run: waiting, failing, skipped. From the store."""

from __future__ import annotations

from tieline.mapping import TableMapping
from tieline.report import Standing
from tieline.session import Session


def standing_of(session: Session, mapping: TableMapping) -> Standing:
    """Return how many records of a job, its lines included, do not go through."""
    store, company = session.store, session.company_id
    names = [mapping.name]
    if mapping.nested is not None:
        names.append(mapping.nested.mapping.name)
    counts = [store.standing(company, name) for name in names]
    waiting, failing, skipped = (sum(column) for column in zip(*counts, strict=True))
    return Standing(waiting, failing, skipped)
