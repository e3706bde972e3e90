"""Match-based coupling: finds which uncoupled records belong together. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tieline.errors import SettingsError
from tieline.mapping import TableMapping


@dataclass(frozen=True)
class Criterion:
    """One field that has to be equal; lower `priority` is tried first.

    `key` is the field mapping's key, under which both sides' values are given.
    """

    key: str
    priority: int = 0
    case_sensitive: bool = False


@dataclass(frozen=True)
class Matches:
    """Who found whom: pairs of (BC id, Dataverse id), and who found nobody.

    `why` says of each unmatched record what was wrong with the last criteria tried.
    """

    pairs: tuple[tuple[str, str], ...]
    unmatched: tuple[str, ...]
    why: Mapping[str, str] = field(default_factory=dict, compare=False)


def criteria_of(mapping: TableMapping, wanted: Sequence[str]) -> tuple[Criterion, ...]:
    """Return the criteria: those named, else the mapping's own match fields.

    `wanted` holds FIELD[:PRIORITY[:case]], FIELD being a BC property or a column.

    Raises:
        SettingsError: a field is unknown or cannot be compared, or none is named
            and the mapping has none.
    """
    fields = {name: row for row in mapping.fields for name in (row.bc, row.dataverse)}
    found: list[Criterion] = []
    for text in wanted:
        name, _, rest = text.partition(":")
        priority, _, case = rest.partition(":")
        row = fields.get(name)
        if row is None or not row.bc or not row.dataverse:
            msg = f"{mapping.name} has no field {name} on both sides to match by."
            raise SettingsError(msg, advice="`tieline mappings` lists the fields.")
        if (priority and not priority.isdecimal()) or case not in ("", "case"):
            msg = f"The match criterion {text} is malformed."
            raise SettingsError(
                msg, advice="Write FIELD, FIELD:PRIORITY or FIELD:PRIORITY:case."
            )
        found.append(Criterion(row.key, int(priority or 0), case == "case"))
    if not wanted:
        found = [
            Criterion(row.key, row.match_priority, row.case_sensitive)
            for row in mapping.fields
            if row.match_priority is not None and row.enabled
        ]
    if not found:
        msg = f"{mapping.name} has no field to match by."
        raise SettingsError(msg, advice="Name at least one with --match FIELD.")
    return tuple(sorted(found, key=lambda item: item.priority))


def match_records(
    bc: Iterable[tuple[str, dict[str, Any]]],
    dataverse: Sequence[tuple[str, dict[str, Any]]],
    criteria: Sequence[Criterion],
    *,
    coupled: Iterable[str] = (),
) -> Matches:
    """Couple each BC record with the one row that equals it, group by group.

    Both sides are (id, values by criterion key) with comparable values. Blank
    texts of the BC record drop out of the condition. A group decides when
    exactly one row matches and that row is not `coupled`; otherwise the next
    group is tried on all rows anew. Rows taken by an earlier record are gone.
    """
    groups = [
        tuple(items) for _, items in groupby(criteria, key=lambda item: item.priority)
    ]
    taken = set(coupled)
    indexes: dict[tuple[Criterion, ...], dict[tuple[Any, ...], list[str]]] = {}
    pairs: list[tuple[str, str]] = []
    unmatched: list[str] = []
    why: dict[str, str] = {}
    for bc_id, values in bc:
        reason = "it is blank in every field to match by"
        for group in groups:
            used = tuple(c for c in group if not _is_blank(values[c.key]))
            if not used:
                continue
            if used not in indexes:
                indexes[used] = _index(dataverse, used)
            found = indexes[used].get(_key(values, used), [])
            if len(found) == 1 and found[0] not in taken:
                taken.add(found[0])
                pairs.append((bc_id, found[0]))
                break
            reason = _reason(used, found, values)
        else:
            unmatched.append(bc_id)
            why[bc_id] = reason
    return Matches(tuple(pairs), tuple(unmatched), why)


def _reason(
    used: tuple[Criterion, ...], found: Sequence[str], values: dict[str, Any]
) -> str:
    """Say why the rows found do not decide."""
    same = " and ".join(f"{c.key} {values[c.key]}" for c in used)
    if not found:
        return f"no row has {same}"
    if len(found) > 1:
        return f"{len(found)} rows have {same}"
    return f"the row that has {same} is coupled to another record"


def _index(
    rows: Sequence[tuple[str, dict[str, Any]]], used: tuple[Criterion, ...]
) -> dict[tuple[Any, ...], list[str]]:
    index: dict[tuple[Any, ...], list[str]] = {}
    for id_, values in rows:
        index.setdefault(_key(values, used), []).append(id_)
    return index


def _key(values: dict[str, Any], used: tuple[Criterion, ...]) -> tuple[Any, ...]:
    return tuple(
        value.casefold()
        if isinstance(value := values[c.key], str) and not c.case_sensitive
        else value
        for c in used
    )


def _is_blank(value: Any) -> bool:
    return value is None or value == ""
