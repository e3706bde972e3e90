"""Registry of the tables that have logic of their own."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.dataverse.catalogue import CATALOGUE_RULES
from emulator.dataverse.invoices import INVOICE_RULES
from emulator.dataverse.rules import TableRules

SALES_RULES: Mapping[str, TableRules] = {**CATALOGUE_RULES, **INVOICE_RULES}
