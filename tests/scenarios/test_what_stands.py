"""What a run says of records that fail, wait or are skipped since earlier runs."""

from __future__ import annotations

from tasks.log import labels_of
from tests.jobs.prices import GROUPS, PRICES, group, item, price, unit
from tests.scenarios.pairs import TO, later, refuse_names, skip, synced
from tieline.report import Standing


def test_a_skipped_record_is_told(either_world):
    """A run that met no failure says how many records it leaves out."""
    world = either_world
    first, _ = synced(world, "Adatum", "Litware")
    skip(world, "CUSTOMER", first)
    report = world.run("CUSTOMER")
    assert (Standing(skipped=1), "CompletedWithSkipped", 0) == (
        report.standing,
        report.state,
        report.failed,
    )
    assert report.message.endswith("1 skipped")


def test_a_record_that_fails_since_long_keeps_the_state(either_world):
    """It is not tried in this run, as it waits for its time, and still fails."""
    world = either_world
    refuse_names(world, "Taken")
    world.customer("Taken")
    for _ in range(3):
        report = world.run("CUSTOMER", direction=TO, create_new=True)
    assert ({}, Standing(failing=1), "CompletedWithErrors") == (
        world.counts(report, TO),
        report.standing,
        report.state,
    )


def test_a_pair_that_fails_both_ways_is_one_record(either_world):
    """A conflict is an error of both directions, and of one record."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    world.edit_customer(customer, phoneNumber="1")
    world.edit_account(account, telephone1="2")
    report = world.run("CUSTOMER")
    assert (2, Standing(failing=1)) == (len(report.errors), report.standing)


def test_what_waits_is_no_failure(either_world):
    """It failed once; afterwards the job is as good as ever."""
    world = either_world
    ((customer, _),) = synced(world, "Adatum")
    world.company.insert("salespeoplePurchasers", {"code": "PS", "displayName": "P"})
    world.edit_customer(customer, salespersonCode="PS")
    states = [world.run("CUSTOMER").state for _ in range(2)]
    assert ["CompletedWithErrors", "Completed"] == states
    assert Standing(waiting=1) == world.reports[-1].standing


def test_a_line_that_fails_is_a_failure_of_the_run(world):
    """Failed counts it wherever it is told, and the error names the line's job."""
    unit_id = unit(world)
    item(world, "1000", unit_id)
    made = group(world, "A")
    price(world, "1000", 5, "A")
    world.run(GROUPS, create_new=True)
    later(world)
    item(world, "2000", unit_id, coupled=False)
    price(world, "2000", 6, "A")
    world.company.update("customerPriceGroups", made["id"], {"displayName": "B"})
    report = world.run(GROUPS)
    assert (1, 1, 1) == (
        report.failed,
        report.counters(TO).failed,
        report.lines[TO].failed,
    )
    assert report.message.startswith("to-dataverse: 1 unchanged, 1 failed")
    (error,) = report.errors
    assert (PRICES, "item 2000 in price group A") == (error.job, error.name)
    told = report.as_dict()
    assert [1] == [one["failed"] for one in told["directions"]]
    assert [error.name] == [one["record"] for one in told["errors"]]
    assert 1 == labels_of(report)["tieline.to_dataverse.failed"]
    with world.open_store() as store:
        (kept,) = store.list_errors(world.company.id, PRICES)
    assert error.name == kept.source_title
    later(world)
    again = world.run(GROUPS)
    assert Standing(waiting=1) == again.standing


def test_a_dry_run_ends_as_planned(world):
    """What it would do is told as that, and its directions are in the JSON."""
    world.customer("Adatum")
    report = world.run("CUSTOMER", direction=TO, create_new=True, dry_run=True)
    assert ("Planned", "to-dataverse: would insert 1") == (report.state, report.message)
    assert [1] == [one["inserted"] for one in report.as_dict()["directions"]]
