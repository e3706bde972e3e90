"""Counts how a job's records stand after a run: waiting, failing, skipped."""

from __future__ import annotations

from tieline.mapping import Direction, TableMapping
from tieline.report import Standing
from tieline.session import Session


def standing_of(session: Session, mapping: TableMapping) -> Standing:
    """Return how many records of a job, its lines included, do not go through."""
    store, company = session.store, session.company_id
    directions = mapping.passes(mapping.direction)
    counts = [store.standing(company, mapping.name, directions)]
    if mapping.nested is not None:
        counts.append(store.standing(company, mapping.nested.mapping.name))
    return Standing(*(sum(column) for column in zip(*counts, strict=True)))


def left_alone_lines(session: Session, mapping: TableMapping) -> list[str]:
    """Say of each direction how many records runs leave alone, as not coupled."""
    lines = []
    for direction in mapping.passes(mapping.direction):
        counts = session.store.standing(session.company_id, mapping.name, [direction])
        noun = mapping.nouns[0 if direction is Direction.TO_DATAVERSE else 1]
        if counts[-1] == 1:
            lines.append(f"1 of the {noun} is not coupled and is left alone.")
        elif counts[-1]:
            lines.append(f"{counts[-1]} {noun} are not coupled and are left alone.")
    return lines
