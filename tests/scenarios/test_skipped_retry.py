"""Scenarios of failures: tried again, skipped after the same twice, taken up anew."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.resolve import resolve
from tests.scenarios.pairs import (
    FROM,
    TO,
    coupling,
    errors,
    later,
    refuse_names,
    skip,
    skipped,
    synced,
)
from tests.scenarios.records import coupled

NONE = {"update_conflict": "none"}


@pytest.fixture
def pair(either_world):
    """A customer and an account in step."""
    (ids,) = synced(either_world, "Adatum")
    return ids


@pytest.fixture
def salesperson(either_world, pair):
    """A salesperson without a user, whom the customer was given."""
    world = either_world
    row = world.company.insert(
        "salespeoplePurchasers", {"code": "PS", "displayName": "Pat"}
    )
    world.edit_customer(pair[0], salespersonCode="PS")
    return row["id"]


def decide(world, action, *ids, job="CUSTOMER"):
    """Let a person decide about records; returns the report."""
    (report,) = world.run_flow(resolve, job=job, action=action, records=list(ids))
    return report


def send(world):
    """Run customers to Dataverse; returns the counters that are not zero."""
    return world.counts(world.run("CUSTOMER", direction=TO), TO)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T100_SynchFailedOnceDoesNotMakeSkippedRec"
)
def test_a_record_that_failed_once_goes_through(either_world, pair, salesperson):
    """The salesperson gets a user: the customer follows at the next run."""
    world = either_world
    report = world.run("CUSTOMER", direction=TO)
    assert {"failed": 1} == world.counts(report, TO)
    assert "salesperson PS" in report.errors[0].message
    world.run_flow(couple, job="SALESPEOPLE", pairs=[f"{salesperson}={world.human}"])
    assert {"modified": 1} == send(world)
    found = coupling(world, pair[0])
    assert ("success", False) == (found.to_result, found.skipped)


def test_a_waiting_pair_is_not_skipped_for_the_other_direction(
    either_world, pair, salesperson
):
    """A conflict fails once beside the wait, then counts nowhere as long as it lasts.

    Else the pair would not be tried when the salesperson appears.
    """
    world = either_world
    world.edit_customer(pair[0], phoneNumber="1")
    world.edit_account(pair[1], telephone1="2")
    assert {"failed": 1} == world.counts(world.run("CUSTOMER"), FROM)
    for _ in range(2):
        report = world.run("CUSTOMER")
        assert ({}, {}) == (world.counts(report, TO), world.counts(report, FROM))
        assert not coupling(world, pair[0]).skipped
    world.edit_account(pair[1], telephone1="1")
    world.run_flow(couple, job="SALESPEOPLE", pairs=[f"{salesperson}={world.human}"])
    assert {"modified": 1} == world.counts(world.run("CUSTOMER"), TO)


@pytest.mark.scenario("CRMSynchSkippedRecords/T105_SynchFailedTwiceMakesSkippedRec")
def test_a_blocked_record_waits_instead_of_being_skipped(
    either_world, pair, salesperson
):
    """It failed once and is listed with what it waits for; it counts no more."""
    world = either_world
    assert {"failed": 1} == send(world)
    assert {} == send(world)
    found = coupling(world, pair[0])
    assert ("failure", False) == (found.to_result, found.skipped)
    (error,) = errors(world)
    assert ("SALESPEOPLE", "PS") == (error.waiting_mapping, error.waiting_key)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T105_SynchFailedTwiceMakesSkippedRec",
    "CRMSynchSkippedRecords/T138_CannotRemoveReferencedJobEntry",
)
def test_the_same_failure_twice_skips(either_world, pair):
    """Told from the store alone, as there is no run history here at all."""
    world = either_world
    refuse_names(world, "Taken")
    world.edit_customer(pair[0], displayName="Taken")
    assert {"failed": 1} == send(world)
    assert set() == skipped(world)
    report = world.run("CUSTOMER", direction=TO)
    assert {"skipped": 1} == world.counts(report, TO)
    assert ["TL-307"] == [error.code for error in report.errors]
    found = coupling(world, pair[0])
    assert ("failure", True) == (found.to_result, found.skipped)
    assert ["TL-307"] == [error.code for error in errors(world)]


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T107_FailedOnceRecordShouldBePickedForSyncUnchanged"
)
def test_a_failed_record_is_read_again_though_unchanged(either_world):
    """A conflict fails both ways, then skips both ways; the other record is done."""
    world = either_world
    first, second = synced(world, "C1", "C2")
    clock = world.dv.clock
    clock.fixed, clock.skew = clock.now(), clock.skew * 0
    world.edit_customer(first[0], displayName="Left")
    world.edit_account(first[1], name="Right")
    world.edit_account(second[1], name="C2 Ltd")
    later(world)
    assert {"failed": 2, "modified": 1} == _sums(world)
    assert set() == skipped(world)
    later(world)
    assert {"skipped": 2, "unchanged": 2} == _sums(world)
    assert {first[0]} == skipped(world)


def _sums(world):
    """Run both ways with the policy none; returns the counters of both together."""
    report = world.run("CUSTOMER", **NONE)
    to, back = (report.directions[way].as_dict() for way in (TO, FROM))
    return {name: to[name] + back[name] for name in to if to[name] + back[name]}


@pytest.mark.scenario(
    "CRMCouplingRecord/SetSkippedForLastSynchResultFailedToCRM",
    "CRMSynchSkippedRecords/T108_SkippedRecDoesNotGetRestoredByNewFailure",
)
def test_a_failure_never_takes_up_what_is_skipped(either_world, pair):
    """Skipped for the same failure back twice, it stays so whatever fails to."""
    world = either_world
    world.edit_customer(pair[0], displayName="Left")
    world.edit_account(pair[1], name="Right")
    for way in (TO, FROM):
        report = world.run("CUSTOMER", direction=way, **NONE)
        assert {"failed": 1} == world.counts(report, way)
    assert set() == skipped(world)
    report = world.run("CUSTOMER", direction=FROM, **NONE)
    assert {"skipped": 1} == world.counts(report, FROM)
    refuse_names(world, "Taken")
    world.edit_customer(pair[0], displayName="Taken")
    report = world.run("CUSTOMER", direction=TO, records=[pair[0]], force=True)
    assert {"skipped": 1} == world.counts(report, TO)
    assert {pair[0]} == skipped(world)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T110_RestoreOfOneSkippedRecRemovesSkippedMarker",
    "CRMSynchSkippedRecords/T190_UpdateSourceTableRemovesNotSkippedRecords",
)
def test_retry_takes_up_only_the_one_that_is_named(either_world):
    """The other one is all that is left in the list."""
    world = either_world
    first, second = pairs = coupled(world, "CUSTOMER", 2)
    skip(world, "CUSTOMER", *pairs)
    assert {first[0], second[0]} == skipped(world)
    report = decide(world, "retry", first[0])
    assert 1 == report.touched
    assert {second[0]} == skipped(world)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T115_RestoredRecIsNotSkippedIfSynchSuccessful"
)
def test_a_retried_record_goes_through_when_the_cause_is_gone(either_world, pair):
    """It succeeds and is skipped no more."""
    world = either_world
    refuse_names(world, "Taken")
    world.edit_customer(pair[0], displayName="Taken")
    assert [{"failed": 1}, {"skipped": 1}] == [send(world), send(world)]
    world.edit_customer(pair[0], displayName="Free")
    decide(world, "retry", pair[0])
    assert {"modified": 1} == send(world)
    found = coupling(world, pair[0])
    assert ("success", False) == (found.to_result, found.skipped)


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T120_SynchronizeForcesSyncOfSelectedSkippedRecord"
)
def test_getting_a_skipped_salesperson_takes_it_up(either_world):
    """The one that is named is written and skipped no more."""
    world = either_world
    first, second = pairs = coupled(world, "SALESPEOPLE", 2)
    skip(world, "SALESPEOPLE", *pairs)
    report = decide(world, "get", first[0], job="SALESPEOPLE")
    assert {"modified": 1} == world.counts(report, FROM)
    row = world.company.row("salespeoplePurchasers", first[0])
    assert "Jo AAA" == row["displayName"]
    assert {second[0]} == skipped(world, "SALESPEOPLE")


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T121_SynchronizeOfBidirectionalTableRequestsDirection"
)
def test_sending_a_skipped_customer_overwrites_its_account(either_world):
    """The customer's name arrives; the other pair is left and stays skipped."""
    world = either_world
    first, second = pairs = coupled(world, "CUSTOMER", 2)
    for _, account in pairs:
        world.edit_account(account, name="Theirs")
    skip(world, "CUSTOMER", *pairs)
    report = decide(world, "send", first[0])
    assert {"modified": 1} == world.counts(report, TO)
    assert ["AAA", "Theirs"] == [
        world.dv.row("account", account)["name"] for _, account in pairs
    ]
    assert {second[0]} == skipped(world)
