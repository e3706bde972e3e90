"""The names of the jobs, as plain data: known without loading a mapping."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tieline.errors import SettingsError

JOB_NAMES: dict[str, tuple[str, ...]] = {
    "CURRENCY": (),
    "SALESPEOPLE": (),
    "UNITOFMEASURE": ("UNIT OF MEASURE",),
    "CUSTOMER": (),
    "CONTACT": (),
    "ITEM-PRODUCT": (),
    "RESOURCE-PRODUCT": (),
    "CUSTPRCGRP-PRICE": ("CUSTOMER PRICE GROUPS-SALES PRICE LISTS",),
    "SALESPRC-PRODUCTPRICE": ("SALESPRC-PRODPRICE", "PRODUCT PRICE-SALES PRICE"),
    "POSTEDSALESINV-INV": ("INVOICES-POSTED SALES INVOICES",),
    "CUSTOMER-STATISTICS": ("CUSTOMER STATISTICS",),
}
"""Each job's other names by its name, in dependency order, as its mapping has them."""

JOB_TABLES: dict[str, tuple[str, str, str]] = {
    "CURRENCY": ("currencies", "code", "transactioncurrency"),
    "SALESPEOPLE": ("salespeoplePurchasers", "code", "systemuser"),
    "UNITOFMEASURE": ("unitsOfMeasure", "code", "uomschedule"),
    "CUSTOMER": ("customers", "number", "account"),
    "CONTACT": ("contacts", "number", "contact"),
    "ITEM-PRODUCT": ("items", "number", "product"),
    "RESOURCE-PRODUCT": ("resources", "number", "product"),
    "CUSTPRCGRP-PRICE": ("customerPriceGroups", "code", "pricelevel"),
    "POSTEDSALESINV-INV": ("postedSalesInvoices", "number", "invoice"),
}
"""The entity set, its key and the Dataverse table of the jobs whose records have a
number or code of their own, as the mappings have them."""

_ENTRY = re.compile(
    r"\s*-\s*Dynamics 365 (for )?Sales synchronization job\s*$", re.IGNORECASE
)
"""What the product's job queue entries are called after their mapping."""


def _bare(name: str) -> str:
    """Return the letters and digits of a name, in one case."""
    return "".join(filter(str.isalnum, name)).casefold()


def is_one_of(name: str, names: Iterable[str]) -> bool:
    """Whether a person means by `name` what is called `names`.

    A job queue entry ("CUSTOMER - Dynamics 365 for Sales synchronization job") is
    one of a job's names; case, spaces and hyphens make no difference.
    """
    return _bare(_ENTRY.sub("", name)) in {_bare(one) for one in names}


def job_name(name: str) -> str:
    """Return the job that `name` means: its own, its entry's or its mapping's name.

    Raises:
        SettingsError: there is no such job.
    """
    for job, others in JOB_NAMES.items():
        if is_one_of(name, (job, *others)):
            return job
    msg = f"There is no job {name}."
    raise SettingsError(msg, advice=f"The jobs are {', '.join(JOB_NAMES)}.")
