"""Creation, change and deletion of rows under the rules of the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.dataverse.notices import News
from emulator.dataverse.organization import Organization
from emulator.dataverse.payload import (
    Draft,
    check_access,
    read_payload,
    type_mark,
)
from emulator.dataverse.privileges import demand_links, demand_on
from emulator.dataverse.refusals import (
    duplicate,
    in_use,
    invalid,
    missing_row,
    wrong_method,
)
from emulator.dataverse.rules import EMPTY_RULES, Removal, TableRules, Write
from emulator.dataverse.sales import SALES_RULES
from emulator.dataverse.schema import Column, Table
from emulator.dataverse.status import settle_status
from emulator.dataverse.storage import Row

_OWNER = "_ownerid_value"
_CURRENCY = "_transactioncurrencyid_value"
_OVERRIDDEN = "overriddencreatedon"


class Writer:
    """Writes rows on behalf of one user; every rule of the platform applies.

    `references` maps `$1` to the row that an earlier part of the change set
    created. Callers open the transaction.
    """

    def __init__(
        self,
        org: Organization,
        user: str,
        references: Mapping[str, str] | None = None,
    ) -> None:
        self.org = org
        self.user = user
        self.references = references or {}

    def create(
        self, table: str, body: Mapping[str, Any], row_id: str | None = None
    ) -> str:
        """Create a row, and those nested in it, and return its id.

        The id is `row_id`, else the one in the body, else a new one.

        Raises:
            Refusal: a rule forbids it.
        """
        declared = self.org.schema.tables[table]
        draft = self._read(declared, body)
        row_id = row_id or draft.values.get(declared.key) or self.org.created_id()
        draft.values[declared.key] = row_id
        if row_id in self.org.data[table].by_id:
            raise duplicate()
        check_access(declared, draft.values, None)
        demand_on(self.org, self.user, declared, "Create")
        demand_links(self.org, self.user, declared, draft.values)
        self._create_parents(draft)
        row = self._defaults(declared)
        row |= {
            name: value for name, value in draft.values.items() if value is not None
        }
        if row.get(_OVERRIDDEN) is not None:
            row["createdon"], row[_OVERRIDDEN] = row[_OVERRIDDEN], row["createdon"]
        settle_status(declared, row, None, draft.values)
        given = frozenset(
            name for name, value in draft.values.items() if value is not None
        )
        self._write(Write(self.org, declared, None, row, given, self))
        self._note("Create", table, str(row_id), draft.values)
        for collection, bodies in draft.children:
            self._create_children(
                declared, row_id, collection.table, collection.column, bodies
            )
        return str(row_id)

    def update(self, table: str, row_id: str, body: Mapping[str, Any]) -> None:
        """Change the columns that `body` names; an empty body changes nothing.

        Raises:
            Refusal: no such row, or a rule forbids it.
        """
        declared = self.org.schema.tables[table]
        old = self.org.data[table].by_id.get(row_id)
        if old is None:
            raise missing_row(declared.schema_name, row_id)
        draft = self._read(declared, body)
        if draft.children or draft.parents:
            raise invalid(
                "Deep update is not supported: only create takes nested rows."
            )
        named_id = draft.values.pop(declared.key, row_id)
        if named_id != row_id:
            raise invalid(f"The {declared.key} of a row cannot be changed.")
        if not draft.values:
            return
        check_access(declared, draft.values, old)
        demand_on(self.org, self.user, declared, "Write")
        news = {k: v for k, v in draft.values.items() if v != old.get(k)}
        demand_links(self.org, self.user, declared, news)
        self._require(declared, draft.values, draft.values)
        row = {**old, **draft.values}
        settle_status(declared, row, old, draft.values)
        given = frozenset(name for name, value in row.items() if value != old.get(name))
        self._write(Write(self.org, declared, old, row, given, self))
        self._note("Update", table, row_id, draft.values)

    def delete(self, table: str, row_id: str, *, along: bool = False) -> None:
        """Delete a row: what belongs to it goes along, what needs it forbids it.

        `along` says that the row itself goes along with its parent.

        Raises:
            Refusal: no such row, or it is needed.
        """
        declared = self.org.schema.tables[table]
        row = self.org.data[table].by_id.get(row_id)
        if row is None:
            raise missing_row(declared.schema_name, row_id)
        if not declared.deletable:
            raise wrong_method("DELETE")
        if not along:
            demand_on(self.org, self.user, declared, "Delete")
        removal = Removal(self.org, row, self, along)
        _rules(table).removing(removal)
        self._release(table, row_id)
        self.org.data.remove(table, row_id)
        self.org.ground.counters.written[declared.set_name] += 1
        _rules(table).removed(removal)
        self._note("Delete", table, row_id, {})

    def touch(self, table: str, row_id: str, values: Row) -> None:
        """Set columns without asking any rule: the platform's own follow-up."""
        row = {**self.org.data[table].by_id[row_id], **values}
        self._store(table, row)

    def _note(
        self, message: str, table: str, row_id: str, values: Mapping[str, Any]
    ) -> None:
        """Remember an operation for the steps that are registered for it."""
        if self.org.registrations.steps:
            news = News(message, table, row_id, dict(values), self.user)
            self.org.data.news.append(news)

    def _read(self, table: Table, body: Mapping[str, Any]) -> Draft:
        """Read a body; columns that are reformatted are so from here on."""
        draft = read_payload(self.org, table, body, self.references)
        for (name, column), reformat in self.org.reformats.items():
            if name == table.name and draft.values.get(column) is not None:
                draft.values[column] = reformat(draft.values[column])
        return draft

    def _write(self, write: Write) -> None:
        rules = _rules(write.table.name)
        rules.guard(write)
        rules.before(write)
        self._require(write.table, write.table.by_wire, write.row)
        self._store(write.table.name, write.row)
        self.org.ground.counters.written[write.table.set_name] += 1
        rules.after(write)

    def _store(self, table: str, row: Row) -> None:
        self._convert(self.org.schema.tables[table], row)
        row["modifiedon"] = self.org.now()
        row["_modifiedby_value"] = self.user
        self.org.data.put(table, row)

    def _convert(self, table: Table, row: Row) -> None:
        """Work amounts out in the base currency when one, or its currency, is new."""
        if _CURRENCY not in table.by_wire:
            return
        old = self.org.data[table.name].by_id.get(row[table.key])
        watched = (_CURRENCY, *(name for name, _ in table.money))
        if old is not None and all(row.get(one) == old.get(one) for one in watched):
            return
        currencies = self.org.data["transactioncurrency"].by_id
        currency = currencies.get(row.get(_CURRENCY) or "")
        rate = None if currency is None else currency["exchangerate"]
        row["exchangerate"] = rate
        for name, base in table.money:
            amount = row.get(name)
            row[base] = round(amount / rate, 4) if rate and amount is not None else None

    def _require(self, table: Table, names: Iterable[str], row: Row) -> None:
        for name in names:
            column = table.by_wire.get(name)
            if column is not None and column.required and row.get(name) is None:
                raise invalid(
                    f"Required field '{column.name}' of entity '{table.name}' is "
                    "missing."
                )

    def _defaults(self, table: Table) -> Row:
        row: Row = {wire: column.default for wire, column in table.by_wire.items()}
        row["createdon"] = self.org.now()
        row["_createdby_value"] = self.user
        if _OWNER in row:
            row[_OWNER] = self.user
            row[type_mark(table.columns["ownerid"])] = "systemuser"
        currency = table.columns.get("transactioncurrencyid")
        if (
            currency is not None
            and currency.access == "full"
            and table.name != "systemuser"
        ):
            row[_CURRENCY] = self.org.people.base_currency
        return row

    def _create_parents(self, draft: Draft) -> None:
        for navigation, body in draft.parents:
            target = navigation.targets[0]
            column = navigation.column
            draft.values[column.wire] = self.create(target, body)
            if len(column.targets) > 1:
                draft.values[type_mark(column)] = target

    def _create_children(
        self,
        parent: Table,
        parent_id: str,
        table: str,
        column: str,
        bodies: list[Mapping[str, Any]],
    ) -> None:
        declared = self.org.schema.tables[table]
        navigation = next(
            one.name
            for one in declared.navigations.values()
            if one.column.name == column and parent.name in one.targets
        )
        link = {f"{navigation}@odata.bind": f"/{parent.set_name}({parent_id})"}
        for body in bodies:
            self.create(table, {**body, **link})

    def _release(self, table: str, row_id: str) -> None:
        referring = [
            (other, column, found)
            for other, column in self.org.schema.references(table)
            if column.access != "read"
            and (found := self.org.data[other.name].referrers(column.wire, row_id))
        ]
        if any(column.on_delete == "restrict" for _, column, _ in referring):
            raise in_use()
        for other, column, ids in referring:
            for one in ids:
                self._let_go(other, column, one)

    def _let_go(self, table: Table, column: Column, row_id: str) -> None:
        if row_id not in self.org.data[table.name].by_id:
            return
        if column.on_delete == "cascade":
            self.delete(table.name, row_id, along=True)
            return
        cleared: Row = {column.wire: None}
        if len(column.targets) > 1:
            cleared[type_mark(column)] = None
        self.touch(table.name, row_id, cleared)


def _rules(table: str) -> TableRules:
    return SALES_RULES.get(table, EMPTY_RULES)
