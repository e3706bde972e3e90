"""The jobs declare the product's default field mappings, row by row.

`default_mappings.yaml` holds the facts; rows that the product keeps in code are
declared too, and marked as no default ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.invoices.lines import Figures
from flows.jobs import MAPPINGS
from tieline.conversions import Choice, Constant, Untold
from tieline.mapping import FieldMapping

FACTS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("default_mappings.yaml").read_text("utf-8")
)
LINES = "POSTEDSALESLINE-INV"
"""Lines have no declaration of their own: invoice_lines works out their columns."""

APPLIES = {"insert-only": "insert", "modify-only": "modify"}


def told(row: FieldMapping) -> dict[str, Any]:
    """Return a declared row in the words of the facts."""
    conversion = row.conversion
    is_constant = isinstance(conversion, Constant | Choice)
    words = {
        "bc": row.bc,
        "dataverse": row.dataverse,
        "direction": row.direction.value,
        "enabled": None if row.enabled else False,
        "not_null": row.not_null or None,
        "clear": row.clear_on_failure or None,
        "constant": conversion.value if is_constant else None,
        "only_when": row.only_when or None,
        "match": True if row.match_priority is not None else None,
    }
    return {name: value for name, value in words.items() if value is not None}


def fact(row: dict[str, Any]) -> dict[str, Any]:
    """Return a fact without what a declaration says in another way."""
    return {name: value for name, value in row.items() if name not in _OTHERWISE}


_OTHERWISE = ("field", "access")


def ordered(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(str(sorted(row.items())) for row in rows)


@pytest.mark.parametrize("job", [job for job in FACTS if job != LINES])
def test_default_rows_are_declared_as_the_product_has_them(job):
    """Each default row is declared exactly so, and none is declared besides."""
    declared = [told(row) for row in MAPPINGS[job].fields if row.is_default]
    assert ordered([fact(row) for row in FACTS[job]]) == ordered(declared)


def test_every_job_has_its_facts():
    """CUSTOMER-STATISTICS is the one job without default field mappings."""
    assert {"CUSTOMER-STATISTICS"} == set(MAPPINGS) - set(FACTS)
    assert {LINES} == set(FACTS) - set(MAPPINGS)
    fields = MAPPINGS["CUSTOMER-STATISTICS"].fields
    assert [] == [row.name for row in fields if row.is_default]


@pytest.mark.parametrize(
    ("job", "row"),
    [
        pytest.param(job, row, id=f"{job}-{row['dataverse']}")
        for job, rows in FACTS.items()
        for row in rows
        if "access" in row and job != LINES
    ],
)
def test_a_column_is_sent_only_when_it_is_taken(job, row):
    """Columns for new rows, for existing ones, and those that are never sent."""
    (declared,) = (
        field
        for field in MAPPINGS[job].fields
        if field.is_default
        and (field.bc, field.dataverse) == (row.get("bc"), row["dataverse"])
    )
    if row["access"] in APPLIES:
        assert APPLIES[row["access"]] == declared.applies
    elif row["direction"] == "to-dataverse":
        assert isinstance(declared.conversion, Untold)
    else:
        assert "from-dataverse" == declared.direction.value


def test_lines_have_their_columns():
    """New lines carry what a create takes; the amounts follow in an update."""
    figures = Figures(1, 2, 3, 4, 5, 6)
    created, amounts = figures.created(), figures.amounts()
    for row in FACTS[LINES]:
        is_later = row.get("access") == "modify-only"
        assert row["dataverse"] in (amounts if is_later else created), row
        if "constant" in row:
            assert row["constant"] == created[row["dataverse"]]
