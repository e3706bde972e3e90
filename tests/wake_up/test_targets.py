"""Which tables are watched, by the mappings in force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.jobs import MAPPINGS
from tieline.mapping import Direction
from tieline.wake_up.notices import Notice
from tieline.wake_up.targets import targets_of

TARGETS = targets_of(MAPPINGS.values())


@pytest.mark.parametrize(
    ("system", "table", "jobs"),
    [
        ("bc", "currencies", ("CURRENCY",)),
        ("dataverse", "transactioncurrency", ()),
        ("dataverse", "systemuser", ("SALESPEOPLE",)),
        ("bc", "salespeoplePurchasers", ()),
        ("bc", "customers", ("CUSTOMER",)),
        ("dataverse", "account", ("CUSTOMER",)),
        ("dataverse", "product", ("ITEM-PRODUCT", "RESOURCE-PRODUCT")),
        ("bc", "salesPrices", ("SALESPRC-PRODUCTPRICE",)),
        ("bc", "postedSalesInvoices", ("POSTEDSALESINV-INV",)),
        ("dataverse", "invoice", ()),
        ("bc", "customerStatistics", ()),
    ],
)
def test_a_table_wakes_the_jobs_that_read_it(system, table, jobs):
    """The side that a job reads in its direction; worked-out rows are polled."""
    assert jobs == TARGETS.woken_by(Notice(system, table))


def test_a_job_that_is_turned_around_watches_the_other_side():
    """What tieline.toml says of a direction holds here, too."""
    turned = replace(MAPPINGS["CUSTOMER"], direction=Direction.FROM_DATAVERSE)
    targets = targets_of([turned])
    assert () == targets.woken_by(Notice("bc", "customers"))
    assert ("CUSTOMER",) == targets.woken_by(Notice("dataverse", "account"))
