"""Where teams own the rows, salespeople couple nothing and hold nothing back."""

from __future__ import annotations

import pytest

from flows.full_synchronization import full_synchronization
from flows.synchronize import selected, synchronize
from tests.scenarios.test_multi_company import TEAM
from tieline.mapping import TableMapping
from tieline.overrides import with_overrides
from tieline.settings import load_settings


def test_salespeople_cannot_be_run_where_teams_own(world):
    """A clear sentence says so, and nothing is read."""
    world.configure(TEAM)
    report = world.run("SALESPEOPLE")
    assert ("TL-101", 2) == (report.error_code, report.exit_code)
    assert "ownership is team" in report.message


@pytest.mark.parametrize("flow", [synchronize, full_synchronization])
def test_runs_of_all_jobs_leave_salespeople_out(world, flow):
    """The other jobs go, those that wait for salespeople elsewhere, too."""
    world.configure(TEAM)
    reports = world.run_flow(flow)
    states = {report.job: report.state for report in reports}
    assert "SALESPEOPLE" not in states
    assert "Completed" == states["CUSTOMER"]


def test_a_company_of_its_own_is_asked_by_its_own_setting(world):
    """The section of the company meant decides, in any case."""
    world.configure('[company."cronus"]\nownership = "team"')
    assert "SALESPEOPLE" not in selected(None)
    assert "SALESPEOPLE" in selected(None, "FABRIKAM")
    assert "SALESPEOPLE" in selected(["SALESPEOPLE"])


@pytest.mark.parametrize(
    ("job", "column", "count"),
    [("CUSTOMER", "ownerid", 2), ("ITEM-PRODUCT", "defaultuomid", 1)],
)
def test_a_column_that_several_rows_share_can_be_named(world, job, column, count):
    """Rows of which a setting lets one count are one field."""
    world.configure(f'[mappings."{job}".fields]\n{column} = false')
    mapping: TableMapping = with_overrides(world_mapping(job), load_settings())
    rows = [row for row in mapping.fields if row.dataverse == column]
    assert count == sum(row.overridden for row in rows)
    assert not any(row.enabled for row in rows if row.overridden)


def world_mapping(job):
    """Return a job's mapping as declared."""
    return selected([job])[job]
