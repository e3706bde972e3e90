"""What `tieline check` calls ready runs: with less than both services can offer."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cli.main import tieline
from emulator.business_central import create_business_central
from emulator.dataverse import SOLUTIONS, create_dataverse
from emulator.sample import sample_services
from tests.world import World

NONE = frozenset[str]()


def told(world: World) -> dict[str, str | None]:
    """Return the jobs that `check` calls ready (None), and why others are not."""
    result = CliRunner().invoke(tieline, ["check", "--json"])
    jobs = json.loads(result.stdout)["jobs"]
    return {one["job"]: None if one["ready"] else one["reason"] for one in jobs}


@pytest.mark.parametrize(
    ("companion", "solutions"),
    [(False, SOLUTIONS), (True, NONE), (False, NONE)],
    ids=["without companion", "without solutions", "without both"],
)
def test_every_ready_job_runs(world, base, companion, solutions):
    """The sample company's local currency is missing in Dataverse, whose base differs.

    Records may fail; no job breaks that was called ready, and each other one breaks
    with the reason that was given.
    """
    world.bc, world.dv = sample_services(customers=6, solutions=solutions)
    world.bc.companion = companion
    world.company = world.bc.company()
    base.bc.app = create_business_central(world.bc)
    base.dataverse.app = create_dataverse(world.dv)
    world.environment.setenv("TIELINE_BC__COMPANY", world.company.name)
    for job, reason in told(world).items():
        report = world.run(job, create_new=True)
        if reason is None:
            assert (job, "") == (job, report.error_code), report.message
        else:
            assert reason in report.message
    assert world.coupled("CURRENCY")
    assert world.coupled("CUSTOMER")
    assert world.coupled("ITEM-PRODUCT")
