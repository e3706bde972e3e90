"""What is wrong with an installation, decided from what was looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.diagnosis import (
    HINT,
    PROBLEM,
    of_disk,
    of_errors,
    of_jobs,
    of_prefect,
    of_services,
    of_store,
)
from tasks.health import Deployed, Health, Stray
from tests.store.samples import bc, error
from tieline.status import Counts, JobStatus, RunNote

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GOOD = Health("3.8.8", "3.8.9", (Deployed("CUSTOMER", True, True),))
WELL = {
    "business_central": {"clock_ahead_s": 1},
    "dataverse": {"clock_ahead_s": -30, "roles": ["Tieline"]},
    "jobs": [{"job": "CUSTOMER", "ready": True, "off": [], "reason": None}],
}


def told(findings):
    """What they are about, and how bad."""
    return [(one.about, one.level) for one in findings]


def test_nothing_is_found_where_nothing_is_wrong():
    """A store of this version, room, both clocks right, runs that go on."""
    last = RunNote("r", "Completed", NOW, succeeded=NOW - timedelta(hours=1))
    jobs = [JobStatus("c", "A", "CUSTOMER", Counts(), last)]
    found = [*of_store("0006", "0006"), *of_disk(10**10, 10**9, "/data")]
    found += [*of_services(WELL), *of_jobs(jobs, NOW), *of_prefect(GOOD)]
    assert [] == told(found)


@pytest.mark.parametrize("present", [None, "0005"])
def test_a_store_that_is_new_or_old_is_a_hint(present):
    """Opening it makes or migrates it; a person should know."""
    assert [("store", HINT)] == told(of_store(present, "0006"))


@pytest.mark.parametrize(
    ("free", "size", "found"),
    [
        (10**9 - 1, 1000, [("disk", PROBLEM)]),
        (2 * 10**9, 4 * 10**9, []),
        (2 * 10**9, 4 * 10**9 + 2, [("disk", PROBLEM)]),
        (10**11, 5 * 10**9 + 1, [("store", HINT)]),
    ],
)
def test_room_for_the_store(free, size, found):
    """A gigabyte, and half of what the store has, should be left."""
    assert found == told(of_disk(free, size, "/data"))


def test_a_wrong_clock_is_told_with_its_side():
    """More than half a minute, ahead or behind."""
    wrong = WELL | {"business_central": {"clock_ahead_s": -31}}
    (finding,) = of_services(wrong)
    expected = "The clock of Business Central is 31 s behind this machine's."
    assert (PROBLEM, expected) == (finding.level, finding.message)


def test_what_check_found_is_told():
    """Roles, positions, jobs that cannot run, notes and fields that are off."""
    document = {
        "business_central": {},
        "dataverse": {"roles": []},
        "positions_ahead": ["CUSTOMER to-dataverse: ahead."],
        "jobs": [
            {"job": "CURRENCY", "ready": False, "off": [], "reason": "No table."},
            {
                "job": "CUSTOMER",
                "ready": True,
                "off": ["faxNumber"],
                "reason": None,
                "notes": ["A label is missing."],
            },
        ],
    }
    assert [
        ("roles", HINT),
        ("watermark", PROBLEM),
        ("CURRENCY", PROBLEM),
        ("CUSTOMER", HINT),
        ("CUSTOMER", HINT),
    ] == told(of_services(document))


def test_a_service_that_is_away_is_told_once():
    """Not again by each of the jobs."""
    jobs = [{"job": "CURRENCY", "ready": False, "off": [], "reason": "Away."}]
    away = WELL | {"dataverse": {"error": {}}, "jobs": jobs}
    assert [] == told(of_services(away))


def test_jobs_that_broke_or_stopped():
    """A broken last run is a problem; one that is long ago may be as wanted."""
    broken = RunNote("r", "Failed", NOW, "TL-202: Away.")
    old = RunNote("r", "Completed", NOW - DAY, succeeded=NOW - DAY)
    jobs = [
        JobStatus("c", "A", job, Counts(), last)
        for job, last in (("CURRENCY", broken), ("CUSTOMER", old), ("CONTACT", None))
    ]
    found = list(of_jobs(jobs, NOW))
    assert [("A: CURRENCY", PROBLEM), ("A: CUSTOMER", HINT)] == told(found)
    assert "The last run ended as Failed: TL-202: Away." == found[0].message


def test_records_that_fail_for_long():
    """Those that wait for another record are left to that one."""
    at = {"at": NOW, "first_at": NOW - DAY - timedelta(minutes=1)}
    rows = [
        error(bc(1), **at),
        error(bc(2), **at, waiting_mapping="CURRENCY", waiting_key="DKK"),
        error(bc(3), at=NOW, first_at=NOW - DAY),
    ]
    (finding,) = of_errors(rows, NOW)
    assert "1 record fails for more than a day." == finding.message


STRAY = tuple(Stray(f"run {n}", "id", NOW - n * DAY) for n in range(1, 6))


@pytest.mark.parametrize(
    ("health", "found"),
    [
        (Health("3.9.0", "3.8.9", GOOD.deployed), "versions"),
        (Health("3.8.8", "3.8.9"), "schedule"),
        (Health("3.8.8", "3.8.9", (Deployed("A", False, True),)), "schedule"),
        (Health("3.8.8", "3.8.9", (Deployed("A", True, False),)), "schedule"),
        (Health("3.8.8", "3.8.9", GOOD.deployed, late=STRAY), "runs"),
        (Health("3.8.8", "3.8.9", GOOD.deployed, pending=STRAY), "runs"),
        (Health("3.8.8", "3.8.9", GOOD.deployed, silent=STRAY), "runs"),
        (
            Health("3.8.8", "3.8.9", GOOD.deployed, watches_lost_runs=False),
            "automation",
        ),
    ],
)
def test_what_prefect_shows(health, found):
    """Each is a problem of its own."""
    assert [(found, PROBLEM)] == told(of_prefect(health))


def test_stray_runs_are_named_and_counted():
    """The first three by name, all by number, the oldest by its time."""
    (finding,) = of_prefect(Health("3.8.8", "3.8.9", GOOD.deployed, late=STRAY))
    expected = (
        "5 runs are late, since 2026-02-27 12:00:00 UTC: run 1, run 2, run 3 and 2 "
        "more."
    )
    assert expected == finding.message
