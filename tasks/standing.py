"""How a job's records stand after a run: waiting, failing, skipped. From the store."""

from __future__ import annotations

from tieline.batch import OneWay
from tieline.mapping import Direction, TableMapping
from tieline.report import Standing
from tieline.session import Session


def standing_of(session: Session, mapping: TableMapping) -> Standing:
    """Return how many records of a job, its lines included, do not go through."""
    store, company = session.store, session.company_id
    ways = [_way(one_way) for one_way in mapping.passes(mapping.direction)]
    counts = [store.standing(company, mapping.name, ways)]
    if mapping.nested is not None:
        counts.append(store.standing(company, mapping.nested.mapping.name))
    return Standing(*(sum(column) for column in zip(*counts, strict=True)))


def _way(one_way: Direction) -> OneWay:
    return "to-dataverse" if one_way is Direction.TO_DATAVERSE else "from-dataverse"
