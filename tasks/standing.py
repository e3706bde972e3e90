"""How a job's records stand after a run: waiting, failing, skipped. From the store."""

from __future__ import annotations

from prefect import get_run_logger

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


def tell_standing(session: Session, mapping: TableMapping) -> Standing:
    """Return how a job's records stand; what is left alone is said in the log."""
    standing = standing_of(session, mapping)
    if standing.uncoupled:
        for line in left_alone_lines(session, mapping):
            get_run_logger().info("%s: %s", mapping.name, line)
    return standing


def left_alone_lines(session: Session, mapping: TableMapping) -> list[str]:
    """Say of each direction how many records runs leave alone, as not coupled."""
    lines = []
    for one_way in mapping.passes(mapping.direction):
        way = _way(one_way)
        *_, count = session.store.standing(session.company_id, mapping.name, [way])
        noun = mapping.nouns[0 if way == "to-dataverse" else 1]
        if count == 1:
            lines.append(f"1 of the {noun} is not coupled and is left alone.")
        elif count:
            lines.append(f"{count} {noun} are not coupled and are left alone.")
    return lines


def _way(one_way: Direction) -> OneWay:
    return "to-dataverse" if one_way is Direction.TO_DATAVERSE else "from-dataverse"
