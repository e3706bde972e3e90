"""Names the records and values of a report: numbers and codes in place of ids.

Only what people are shown is looked up, once, at the end of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from tieline.mapping import TableMapping
from tieline.report import SHOWN, JobReport
from tieline.store import Store


def name_records(
    report: JobReport, store: Store, company: str, mappings: Iterable[TableMapping]
) -> None:
    """Note in a report how people know what it lists.

    `company` is the company's id, `mappings` are those of all jobs, whose records a
    reference may point to.
    """
    declared = list(mappings)
    ids = set(_listed_ids(report))
    if ids:
        report.names |= store.names(company, _job_names(declared), sorted(ids))
    report.names |= {
        change.destination_id: change.name
        for change in report.changes
        if change.name and change.destination_id in ids
    }
    if report.verification is not None:
        report.names |= report.verification.names
    own = next((one for one in declared if one.name == report.job), None)
    if own is not None:
        report.codes |= _codes(report, store, company, own)


def _job_names(mappings: Sequence[TableMapping]) -> list[str]:
    nested = [one.nested.mapping for one in mappings if one.nested is not None]
    return list(dict.fromkeys(one.name for one in (*mappings, *nested)))


def _listed_ids(report: JobReport) -> Iterator[str]:
    """Yield the ids of what is listed, the references among its values included."""
    for error in report.errors[:SHOWN]:
        yield from filter(None, (error.source_id, error.destination_id))
    for change in report.changes[:SHOWN]:
        yield from filter(None, (change.source_id, change.destination_id))
        for field in change.fields:
            yield from filter(_is_id, (field["from"], field["to"]))
    found = report.verification
    if found is not None:
        yield from (pair.bc_id for pair in found.different[:SHOWN])
        yield from (*found.only_bc[:SHOWN], *found.only_dataverse[:SHOWN])


def _is_id(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _codes(
    report: JobReport, store: Store, company: str, mapping: TableMapping
) -> dict[str, dict[Any, str]]:
    """Return the code of each option value, by the name of its field."""
    chosen = {
        field["field"]
        for change in report.changes[:SHOWN]
        for field in change.fields
        if _is_number(field["from"]) or _is_number(field["to"])
    }
    return {
        row.name: {one.value: one.bc_code for one in store.options(company, awaited)}
        for row in mapping.fields
        if row.name in chosen and (awaited := row.conversion.awaits)
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
