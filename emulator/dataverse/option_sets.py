"""Options of choice columns; changes take effect once they are published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.dataverse.refusals import invalid
from emulator.dataverse.schema import CHOICES, Column, Schema, Table

FIRST_CUSTOM_VALUE = 727_000_000
"""Where the values of a publisher's own options begin."""

LANGUAGE = 1033


class OptionSets:
    """Options by table and column; changes show and count once published."""

    def __init__(self, schema: Schema) -> None:
        self._published = {
            (table.name, column.name): dict(column.options)
            for table in schema.tables.values()
            for column in table.columns.values()
            if column.type in CHOICES
        }
        self._choices = {
            (table.name, column.name)
            for table in schema.tables.values()
            for column in table.columns.values()
            if column.type == "Picklist"
        }
        self._latest = {key: dict(labels) for key, labels in self._published.items()}

    def labels(self, table: str, column: str) -> Mapping[int, str]:
        """Return the published options of a column, by value."""
        return self._published[table, column]

    def insert(self, table: str, column: str, label: str, value: int | None) -> int:
        """Add an option and return its value.

        Raises:
            Refusal: no such column, one of states or status reasons, which belong
                together, or the value is taken.
        """
        if (table, column) in self._latest and (table, column) not in self._choices:
            raise invalid(f"{column} takes new options by InsertStatusValue only.")
        labels = self._find(table, column)
        if value is None:
            value = max(FIRST_CUSTOM_VALUE - 1, *labels, 0) + 1
        if value in labels:
            raise invalid(f"The option value {value} already exists in {column}.")
        labels[value] = label
        return value

    def relabel(self, table: str, column: str, value: int, label: str) -> None:
        """Change the label of an option.

        Raises:
            Refusal: no such column or option.
        """
        labels = self._find(table, column)
        self._check(labels, column, value)
        labels[value] = label

    def delete(self, table: str, column: str, value: int) -> None:
        """Take an option away; rows that hold it keep it.

        Raises:
            Refusal: no such column or option.
        """
        labels = self._find(table, column)
        self._check(labels, column, value)
        del labels[value]

    def publish(self, tables: set[str] | None = None) -> None:
        """Let the changes of these tables take effect; None means all."""
        for key, labels in self._latest.items():
            if tables is None or key[0] in tables:
                self._published[key] = dict(labels)

    def _find(self, table: str, column: str) -> dict[int, str]:
        labels = self._latest.get((table, column))
        if labels is None:
            raise invalid(f"The attribute {column} of {table} has no option set.")
        return labels

    @staticmethod
    def _check(labels: Mapping[int, str], column: str, value: int) -> None:
        if value not in labels:
            raise invalid(f"The option value {value} does not exist in {column}.")


def label_of(text: str) -> dict[str, Any]:
    """Return a label as the metadata writes it, in the base language."""
    localized = {"Label": text, "LanguageCode": LANGUAGE, "IsManaged": False}
    return {"LocalizedLabels": [localized], "UserLocalizedLabel": localized}


def option_set(table: Table, column: Column, labels: Mapping[int, str]) -> Any:
    """Return the option set of a column as the metadata writes it."""
    options = []
    for value, text in labels.items():
        option: dict[str, Any] = {"Value": value, "Label": label_of(text)}
        if column.type == "Status":
            option["State"] = table.state_of.get(value, 0)
        options.append(option)
    return {
        "Name": f"{table.name}_{column.name}",
        "IsGlobal": False,
        "OptionSetType": column.type,
        "Options": options,
    }
