"""Everything goes wrong at once: each job ends as it does in peace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emulator.faults import Fault
from flows.couple import couple
from flows.jobs import MAPPINGS
from tests.faults.sample_world import portrait, sample_world
from tests.faults.wire import hurry

JOBS = list(MAPPINGS)


def light_fires(service, seed):
    """Let every kind of fault happen, at random but the same at each run."""
    service.faults.clear(seed)
    for fault in (
        Fault("latency", probability=0.2, seconds=0.002),
        Fault("throttle", probability=0.06, retry_after=2),
        Fault("unavailable", probability=0.06),
        Fault("reset-before", probability=0.05),
        Fault("reset-after", probability=0.05),
        Fault("timeout-after", probability=0.01, seconds=2.0),
        Fault("throttle", probability=0.02, operation=True),
        Fault("unavailable", probability=0.02, operation=True),
    ):
        service.faults.add(fault)


def runs(world, seed):
    """Run every job in order, under fire when there is a seed, then in peace."""
    fired = 0
    services = (world.bc, world.dv)
    world.run_flow(couple, job="SALESPEOPLE", match=["email"])
    for job in JOBS:
        if seed is not None:
            for number, service in enumerate(services):
                light_fires(service, seed + number)
            world.run(job, create_new=True)
            fired += sum(f.fired for s in services for f in s.faults.rules)
            for service in services:
                service.faults.clear()
        report = world.run(job, create_new=True)
        assert "" == report.error_code, (job, report.message)
    return fired


@pytest.fixture(scope="module")
def peace(base, tmp_path_factory):
    """Return each job's portrait after runs that nothing disturbed."""
    folder = tmp_path_factory.mktemp("peace") / "world"
    with (
        pytest.MonkeyPatch.context() as patch,
        sample_world(base, folder, patch) as world,
    ):
        runs(world, None)
        return {job: portrait(world, job) for job in JOBS}


def ends_as_in_peace(base, folder, patch, peace, seed, skews):
    passing = hurry(patch)
    with sample_world(base, folder, patch) as world:
        for service, skew in zip((world.bc, world.dv), skews, strict=True):
            service.clock.skew += timedelta(seconds=skew)
        fired = runs(world, seed)
        seen = {job: portrait(world, job) for job in JOBS}
    for job in JOBS:
        assert peace[job] == seen[job], job
    assert fired > 20
    assert passing.slept > 10


@pytest.mark.parametrize(("seed", "skews"), [(1, (300, -300))])
def test_every_job_ends_under_fire_as_in_peace(
    base, tmp_path, monkeypatch, peace, seed, skews
):
    """The same rows on both sides, the same couplings, nothing twice."""
    ends_as_in_peace(base, tmp_path / "fire", monkeypatch, peace, seed, skews)


@pytest.mark.long
@pytest.mark.parametrize("skews", [(-300, 300), (0, 0)])
@pytest.mark.parametrize("seed", range(10, 20))
def test_every_job_ends_under_many_fires_as_in_peace(
    base, tmp_path, monkeypatch, peace, seed, skews
):
    """The long form: other dice, other clocks."""
    ends_as_in_peace(base, tmp_path / "fire", monkeypatch, peace, seed, skews)
