"""Which jobs are there, and in which order do they depend on one another?"""

from __future__ import annotations

from typing import Any

from prefect import Flow

from flows.currency import CURRENCY, currency
from flows.customer import CUSTOMER, customer
from flows.salespeople import SALESPEOPLE, salespeople
from tieline.errors import SettingsError
from tieline.mapping import TableMapping

MAPPINGS: dict[str, TableMapping] = {
    mapping.name: mapping for mapping in (CURRENCY, SALESPEOPLE, CUSTOMER)
}
"""The table mappings by job name, in dependency order."""

FLOWS: dict[str, Flow[..., Any]] = {
    "CURRENCY": currency,
    "SALESPEOPLE": salespeople,
    "CUSTOMER": customer,
}


def job_name(name: str) -> str:
    """Return the job that `name` means: its own name or an alias, in any case.

    Raises:
        SettingsError: there is no such job.
    """
    wanted = name.strip().upper()
    for mapping in MAPPINGS.values():
        if wanted in (mapping.name, *mapping.aliases):
            return mapping.name
    msg = f"There is no job {name}."
    raise SettingsError(msg, advice=f"The jobs are {', '.join(MAPPINGS)}.")
