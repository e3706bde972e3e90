"""Which option of a choice column stands for which code? Coupled by label."""

from __future__ import annotations

from typing import Any

from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.facts import OptionBook
from tieline.store import OptionRow, Store


class OptionCouplings:
    """Couples code tables and choice columns of one company, and keeps that."""

    def __init__(
        self,
        bc: BusinessCentral,
        dataverse: Dataverse,
        store: Store,
        company_id: str,
        memory: dict[str, Any],
    ) -> None:
        """Take both sides and the store; `memory` keeps labels for the run."""
        self._bc = bc
        self._dataverse = dataverse
        self._store = store
        self._company_id = company_id
        self._memory = memory

    async def couple(
        self, bc_set: str, column: str, create: set[Any], *, save: bool
    ) -> OptionBook:
        """Couple the codes of `bc_set` and the options of `column`.

        A coupling of an earlier run holds as long as both its record and its
        option exist, so a renamed code stays with its option. The rest is coupled
        by equal label. Codes in `create` without an option get one.
        """
        codes = await self._codes(bc_set)
        table, name = column.split(".")
        labels = await self._labels(table, name)
        stored = self._store.options(self._company_id, column)
        rows = match_options(codes, labels, stored)
        taken = {row.bc_code for row in rows}
        for bc_id, code in codes.items():
            if code in create and code not in taken:
                value = await self._dataverse.insert_option(table, name, code)
                rows.append(OptionRow(bc_id, code, value, code))
        if save and rows != stored:
            self._store.save_options(self._company_id, column, rows)
        return OptionBook(
            values={row.bc_code: row.value for row in rows},
            codes={row.value: row.bc_code for row in rows},
        )

    async def _codes(self, bc_set: str) -> dict[str, str]:
        codes: dict[str, str] = {}
        async for page in self._bc.changed(bc_set, columns=("code",)):
            codes |= dict(zip(page.frame["id"], page.frame["code"], strict=True))
        return codes

    async def _labels(self, table: str, name: str) -> dict[int, str]:
        """Read the labels of all choice columns of the table, once a run."""
        known: dict[str, dict[int, str]] | None = self._memory.get(f"labels {table}")
        if known is None or name not in known:
            columns = [
                column.name
                for column in (await self._dataverse.table(table)).columns.values()
                if column.kind == "option"
            ]
            known = await self._dataverse.option_labels(table, columns)
            self._memory[f"labels {table}"] = known
        return known.get(name, {})


def match_options(
    codes: dict[str, str], labels: dict[int, str], stored: list[OptionRow]
) -> list[OptionRow]:
    """Return the couplings: those that still hold, then equal labels.

    `codes` maps BC ids to codes, `labels` option values to labels. Labels are
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
        label = code.strip().casefold()
        if label in by_label:
            value = by_label.pop(label)
            rows.append(OptionRow(bc_id, code, value, labels[value]))
    return rows
