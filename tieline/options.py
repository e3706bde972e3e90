"""Couples codes and the options of choice columns, by label.

Every table has option sets of its own: the same label may have another number on an
invoice than on an account, or may be missing there. So each column has couplings of
its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.errors import DriftError, Forbidden, Rejected
from tieline.facts import OptionBook
from tieline.store import OptionRow, Store

FIRST_VALUE = 727_000_000
"""Where the values of options begin that the platform did not bring along."""


@dataclass
class KnownOptions:
    """What a run has read: codes by set and record id, labels by table and column."""

    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: dict[str, dict[str, dict[int, str]]] = field(default_factory=dict)


class OptionCouplings:
    """Couples code tables and choice columns of one company, and keeps that."""

    def __init__(
        self,
        bc: BusinessCentral,
        dataverse: Dataverse,
        store: Store,
        company_id: str,
        known: KnownOptions,
    ) -> None:
        """Take both sides and the store; `known` keeps codes and labels for a run."""
        self._bc = bc
        self._dataverse = dataverse
        self._store = store
        self._company_id = company_id
        self._known = known

    async def couple(
        self,
        bc_set: str,
        column: str,
        create: set[Any],
        *,
        save: bool,
        also: Sequence[str] = (),
    ) -> OptionBook:
        """Couple the codes of `bc_set` and the options of `column`.

        A coupling of an earlier run holds as long as both its record and its
        option exist, so a renamed code stays with its option. The rest is coupled
        by equal label, or by the label that the record is coupled to in one of
        `also`: the columns that offer the same choice elsewhere, each by a set of
        its own. Codes in `create` without an option get one, in these sets too.
        Without `save` neither the store nor Dataverse is written: new options are
        foreseen. What the service refuses is told in the book.
        """
        codes = await self._codes(bc_set)
        rows, labels = await self._matched(codes, column, also)
        taken = {row.bc_code for row in rows}
        lacking = {
            bc_id: code
            for bc_id, code in codes.items()
            if code in create and code not in taken
        }
        known = {row.bc_id: row for one in also for row in self._stored(one)}
        refused = await self._add(column, rows, labels, lacking, known, save=save)
        if save:
            self._keep(column, rows)
        added = {row.bc_id: row for row in rows if row.bc_id in lacking}
        for one in also if added else ():
            await self._replicate(one, codes, added, column, save=save)
        return OptionBook(
            values={row.bc_code: row.value for row in rows},
            codes={row.value: row.bc_code for row in rows},
            refused=refused,
        )

    async def unlabelled(
        self, bc_set: str, column: str, also: Sequence[str]
    ) -> set[str]:
        """Return the codes of `bc_set` that no option of `column` stands for."""
        codes = await self._codes(bc_set)
        rows, _ = await self._matched(codes, column, also)
        return set(codes.values()) - {row.bc_code for row in rows}

    async def _matched(
        self, codes: dict[str, str], column: str, also: Sequence[str]
    ) -> tuple[list[OptionRow], dict[int, str]]:
        """Return the couplings of a column, and its labels by value."""
        labels = await self._labels(column)
        elsewhere = {row.bc_id: row.label for one in also for row in self._stored(one)}
        return match_options(codes, labels, self._stored(column), elsewhere), labels

    async def _replicate(
        self,
        column: str,
        codes: dict[str, str],
        added: dict[str, OptionRow],
        origin: str,
        *,
        save: bool,
    ) -> None:
        """Give another column of the same choice the options that were added."""
        table, name = column.split(".")
        try:
            offered = (await self._dataverse.table(table)).columns
        except DriftError:
            return
        if name not in offered:
            return
        rows, labels = await self._matched(codes, column, (origin,))
        coupled = {row.bc_id for row in rows}
        lacking = {
            bc_id: row.bc_code for bc_id, row in added.items() if bc_id not in coupled
        }
        # What is refused here is told by the job that needs it.
        await self._add(column, rows, labels, lacking, added, save=save)
        if save:
            self._keep(column, rows)

    async def _add(
        self,
        column: str,
        rows: list[OptionRow],
        labels: dict[int, str],
        lacking: dict[str, str],
        known: Mapping[str, OptionRow],
        *,
        save: bool,
    ) -> dict[str, str]:
        """Add an option per lacking code, to `rows` and `labels` too.

        Returns the codes whose option was refused, with the service's words.
        """
        refused: dict[str, str] = {}
        for bc_id, code in lacking.items():
            namesake = known.get(bc_id)
            value = free_value(labels, None if namesake is None else namesake.value)
            if save:
                try:
                    value = await self._insert(column, code, value)
                except Rejected as error:
                    refused[code] = error.message
                    continue
            labels[value] = code
            rows.append(OptionRow(bc_id, code, value, code))
        return refused

    async def _insert(self, column: str, label: str, value: int) -> int:
        table, name = column.split(".")
        try:
            return await self._dataverse.insert_option(table, name, label, value=value)
        except Forbidden:
            raise
        except Rejected:
            # An option that nobody published yet may have the value.
            return await self._dataverse.insert_option(table, name, label)

    def _stored(self, column: str) -> list[OptionRow]:
        return self._store.options(self._company_id, column)

    def _keep(self, column: str, rows: list[OptionRow]) -> None:
        if rows != self._stored(column):
            self._store.save_options(self._company_id, column, rows)

    async def _codes(self, bc_set: str) -> dict[str, str]:
        """Read the codes of a table by their records' ids, once a run."""
        known = self._known.codes.get(bc_set)
        if known is None:
            known = {}
            async for page in self._bc.changed(bc_set, columns=("code",)):
                known |= dict(zip(page.frame["id"], page.frame["code"], strict=True))
            self._known.codes[bc_set] = known
        return known

    async def _labels(self, column: str) -> dict[int, str]:
        """Read the labels of all choice columns of the table, once a run.

        What is added during the run belongs into the result.
        """
        table, name = column.split(".")
        known = self._known.labels.get(table)
        if known is None or name not in known:
            columns = [
                column.name
                for column in (await self._dataverse.table(table)).columns.values()
                if column.kind == "option"
            ]
            known = await self._dataverse.option_labels(table, columns)
            self._known.labels[table] = known
        return known.setdefault(name, {})


def free_value(labels: Collection[int], wished: int | None) -> int:
    """Return the value for a new option: the wished one, or the next of our own."""
    if wished is not None and wished not in labels:
        return wished
    return max([FIRST_VALUE - 1, *labels]) + 1


def match_options(
    codes: dict[str, str],
    labels: dict[int, str],
    stored: list[OptionRow],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> list[OptionRow]:
    """Return the couplings: those that still hold, then equal labels.

    `codes` maps BC ids to codes, `labels` option values to labels, `elsewhere` BC
    ids to the labels that they are coupled to in other columns. Labels are
    compared without case and outer blanks; one code has one option, one option
    one code.
    """
    rows = [
        OptionRow(row.bc_id, codes[row.bc_id], row.value, labels[row.value])
        for row in stored
        if row.bc_id in codes and row.value in labels
    ]
    coupled, used = {row.bc_id for row in rows}, {row.value for row in rows}
    by_label: dict[str, int] = {}
    for value, label in labels.items():
        if value not in used:
            by_label.setdefault(label.strip().casefold(), value)
    for bc_id, code in codes.items():
        if bc_id in coupled:
            continue
        for label in (code, elsewhere.get(bc_id, code)):
            plain = label.strip().casefold()
            if plain in by_label:
                value = by_label.pop(plain)
                rows.append(OptionRow(bc_id, code, value, labels[value]))
                break
    return rows
