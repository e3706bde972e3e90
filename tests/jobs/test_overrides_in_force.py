"""What tieline.toml says is checked by every run, and fitted to the services."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from flows.couple import couple

TEMPLATE = """
[[mappings.CUSTOMER.templates]]
side = "{side}"
values = {{ {field} = "EU" }}
where = [{{ field = "{column}", op = "eq", value = "DE" }}]
"""


@pytest.mark.parametrize("job", ["CUSTOMER", "CURRENCY"])
def test_a_misspelt_job_stops_every_run(world, job):
    """The mistake may concern any job: none runs until it is corrected."""
    world.configure("[mappings.CUSTOMERS]\nsynch_only_coupled = false\n")
    report = world.run(job)
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert "mappings.CUSTOMERS of tieline.toml names no job" in report.message


def test_operations_check_it_too(world):
    """COUPLE and its like are runs as well."""
    world.configure("[mappings.CUSTOMERS]\nsynch_only_coupled = false\n")
    (report,) = world.run_flow(couple, job="CUSTOMER", match=["email"])
    assert "TL-102" == report.error_code


def test_a_worker_that_loads_one_job_knows_all():
    """A deployment names one flow; overrides of other jobs are no mistake there."""
    code = (
        "import flows.currency, flows.job\n"
        "print('POSTEDSALESINV-INV' in flows.job._DECLARED)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "True" == done.stdout.strip()


@pytest.mark.parametrize(
    ("side", "field", "column", "service"),
    [
        ("bc", "customerPostingGroup", "address1_kountry", "Dataverse"),
        ("dataverse", "description", "kountryRegionCode", "Business Central"),
    ],
)
def test_a_template_that_asks_for_no_column(world, side, field, column, service):
    """A condition on a column that the service lacks stops the job, by name."""
    world.configure(TEMPLATE.format(side=side, field=field, column=column))
    world.customer("Adatum")
    report = world.run("CUSTOMER", create_new=True)
    assert "TL-402" == report.error_code
    assert f"{column} of " in report.message
    assert f"which {service} lacks. Correct the condition" in report.message


def test_a_template_that_asks_for_what_the_standard_api_lacks(world, caplog):
    """Without the companion app it is off, with a warning that names the column."""
    world.bc.companion = False
    world.configure(
        TEMPLATE.format(side="dataverse", field="description", column="faxNumber")
    )
    world.customer("Adatum")
    with caplog.at_level(logging.WARNING, logger="tieline.tests"):
        report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 1} == world.counts(report, "to-dataverse")
    (account,) = world.dv.rows("account")
    assert not account.get("description")
    assert "a template for new records where faxNumber decides" in caplog.text


def test_a_template_that_fits(world):
    """It completes the records that its condition holds for, and no others."""
    world.configure(
        TEMPLATE.format(side="dataverse", field="description", column="city")
    )
    world.customer("Adatum", city="DE")
    world.customer("Litware", city="FR")
    world.run("CUSTOMER", create_new=True)
    told = {row["name"]: row["description"] for row in world.dv.rows("account")}
    assert {"Adatum": "EU", "Litware": None} == told
