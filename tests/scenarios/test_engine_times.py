"""Scenarios of times: stamps, watermarks, and clocks that do not agree."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from flows.couple import couple
from tests.scenarios.pairs import (
    FROM,
    TO,
    later,
    stamps,
    synced,
    synced_person,
    watermarks,
)


def both(world, report):
    """Return the counters of both directions that are not zero."""
    return world.counts(report, TO), world.counts(report, FROM)


def skew(world, seconds):
    """Let Dataverse's clock be ahead of the other one."""
    world.dv.clock.skew = timedelta(seconds=seconds)


@pytest.mark.scenario("CRMIntegrationRecord/CoupledRecordsAreNewerUntilSynched")
def test_a_new_coupling_counts_as_changed_until_it_was_looked_at(world):
    """However old its records are; then only what changes afterwards counts."""
    pair = world.customer("Adatum")["id"], world.account("Adatum")
    world.run("CUSTOMER")
    later(world, 3600)
    world.edit_account(world.account("Newest"), telephone1="1")
    world.run("CUSTOMER")
    later(world)
    world.run_flow(couple, job="CUSTOMER", pairs=["=".join(pair)])
    report = world.run("CUSTOMER")
    assert (1, 1) == tuple(counts["unchanged"] for counts in both(world, report))
    later(world)
    assert ({}, {}) == both(world, world.run("CUSTOMER"))
    world.edit_account(pair[1], name="Adatum Ltd")
    assert ({}, {"modified": 1}) == both(world, world.run("CUSTOMER"))


@pytest.mark.parametrize("way", [TO, FROM])
@pytest.mark.scenario(
    "CRMSynchJobScenarios/SynchUpdatesLastSynchModifiedOnWhenDataChanges"
)
def test_the_watermark_is_the_newest_change_and_never_in_the_future(world, way):
    """A row dated tomorrow does not let the rows of today be missed."""
    add = world.customer if way == TO else world.account
    add("First")
    later(world)
    add("Second")
    newest = world.bc.clock.now()
    if way == FROM:
        world.dv.clock.advance(86_400)
        add("Tomorrow's")
        world.dv.clock.advance(-86_400)
    later(world)
    report = world.run("CUSTOMER", direction=way, create_new=True)
    assert {"inserted": 2 if way == TO else 3} == world.counts(report, way)
    found = watermarks(world)[way]
    if way == FROM:
        assert found <= world.dv.clock.now()
    else:
        changed = [
            row["lastModifiedDateTime"] for row in world.company.rows("customers")
        ]
        assert max(changed) == found
        assert found <= newest


@pytest.mark.scenario("CRMBusLogicSimulator/CRMAccountModifiedOnDefinedOnModify")
def test_an_emulated_row_knows_when_it_was_changed(world):
    """Created and modified at once; a change moves only the latter."""
    account = world.account("Adatum")
    row = world.dv.row("account", account)
    created = row["createdon"]
    assert created == row["modifiedon"]
    later(world)
    world.edit_account(account, name="Adatum Ltd")
    row = world.dv.row("account", account)
    assert created == row["createdon"] < row["modifiedon"]


@pytest.mark.scenario("CRMEntitySynch/SynchModifiedRecordWithNonMappedFieldToCRM")
def test_a_field_without_mapping_changes_nothing_but_the_stamp(world):
    """It is Unchanged, and counts as looked at."""
    ((customer, _),) = synced(world, "Adatum")
    before, _ = stamps(world, customer)
    world.edit_customer(customer, mobilePhoneNumber="5")
    report = world.run("CUSTOMER", direction=TO, records=[customer])
    assert {"unchanged": 1} == world.counts(report, TO)
    assert stamps(world, customer)[0] > before


@pytest.mark.scenario(
    "CRMEntitySynch/LastSyncTimeNotUpdatedIfNothingToSyncCRMClockAhead"
)
def test_an_idle_run_moves_no_stamp_and_no_watermark(world):
    """Only the last second of Dataverse is read again, and found unchanged."""
    skew(world, 300)
    ((customer, _),) = synced(world, "Adatum")
    person, _ = synced_person(world, customer, "Smith")
    for job, id_ in (("CUSTOMER", customer), ("CONTACT", person)):
        before = stamps(world, id_, job), watermarks(world, job)
        assert ({}, {"unchanged": 1}) == both(world, world.run(job))
        assert before == (stamps(world, id_, job), watermarks(world, job))


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(
            0,
            marks=pytest.mark.scenario(
                "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyWhenSyncSucceedCRMClockSynced"
            ),
        ),
        pytest.param(
            -300,
            marks=pytest.mark.scenario(
                "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyWhenSyncSucceedCRMClockBehind"
            ),
        ),
    ],
)
def test_a_success_keeps_the_times_of_both_records(world, seconds):
    """One change each way; our own write is read back and left alone."""
    skew(world, seconds)
    first, second = synced(world, "First", "Second")
    one, two = (
        synced_person(world, pair[0], name)
        for pair, name in ((first, "One"), (second, "Two"))
    )
    world.edit_customer(first[0], displayName="X")
    world.edit_account(second[1], name="Y")
    world.company.update("contacts", two[0], {"surname": "Y"})
    world.dv.edit_as(world.human, "contact", one[1], {"lastname": "X"})
    later(world)
    for job, pairs in (("CUSTOMER", (first, second)), ("CONTACT", (one, two))):
        before = watermarks(world, job)
        to, back = both(world, world.run(job))
        assert ({"modified": 1}, {"modified": 1, "unchanged": 1}) == (to, back)
        after = watermarks(world, job)
        assert all(after[way] >= before[way] for way in (TO, FROM))
        for pair in pairs:
            assert _now(world, job, pair) == stamps(world, pair[0], job)
    names = [
        world.company.row("customers", id_)["displayName"] for id_, _ in (first, second)
    ]
    assert ["X", "Y"] == names
    assert ["X", "Y"] == [
        world.dv.row("account", id_)["name"] for _, id_ in (first, second)
    ]
    assert ["X", "Y"] == [
        world.company.row("contacts", id_)["surname"] for id_, _ in (one, two)
    ]
    assert ["X", "Y"] == [
        world.dv.row("contact", id_)["lastname"] for _, id_ in (one, two)
    ]


def _now(world, job, pair):
    """Return when both records of a pair were really modified."""
    here, there = {
        "CUSTOMER": ("customers", "account"),
        "CONTACT": ("contacts", "contact"),
    }[job]
    return tuple(
        pd.Timestamp(value)
        for value in (
            world.company.row(here, pair[0])["lastModifiedDateTime"],
            world.dv.row(there, pair[1])["modifiedon"],
        )
    )


@pytest.mark.scenario("CRMEntitySynch/SyncChangeToCrmTwoTimesCrmClockAhead")
def test_two_changes_in_a_row_arrive(world):
    """Each is sent once, read back and left alone, though Dataverse is ahead."""
    skew(world, 300)
    ((customer, account),) = synced(world, "Adatum")
    for name in ("X1", "X2"):
        world.edit_customer(customer, displayName=name)
        later(world)
        report = world.run("CUSTOMER")
        assert ({"modified": 1}, {"unchanged": 1}) == both(world, report)
        assert name == world.dv.row("account", account)["name"]
        later(world)


@pytest.mark.scenario(
    "CRMEntitySynch/SyncChangeToCrmThenSyncChangeFromCrmWhenCrmClockBehind"
)
def test_a_change_back_is_no_conflict_with_the_change_before(world):
    """First one way, then the other, though Dataverse is behind."""
    skew(world, -300)
    ((customer, account),) = synced(world, "Adatum")
    world.edit_customer(customer, displayName="X1")
    later(world)
    report = world.run("CUSTOMER")
    assert ({"modified": 1}, {"unchanged": 1}) == both(world, report)
    later(world)
    world.edit_account(account, name="Y1")
    later(world)
    assert ({}, {"modified": 1}) == both(world, world.run("CUSTOMER"))
    assert "Y1" == world.company.row("customers", customer)["displayName"]


@pytest.mark.scenario(
    "CRMIntegrationMapping/SetIntRecordRefFilterIncludesLaterModifiedRec"
)
def test_one_sides_watermark_does_not_filter_the_other(world):
    """Both accounts are read, before and after the other direction's run."""
    world.account("First")
    world.customer("Own")
    world.run("CUSTOMER", direction=TO)
    assert watermarks(world)[TO] is not None
    world.dv.clock.advance(0.2)
    world.account("Second")
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert {"inserted": 2} == world.counts(report, FROM)


@pytest.mark.scenario(
    "CRMIntegrationMapping/SetIntRecordRefFilterIncludesLaterModifiedIntRec"
)
def test_only_rows_after_the_watermark_are_read(world):
    """Two seconds after the first edit, one before the second; without a look-back."""
    (_, first), (_, second) = synced(world, "First", "Second")
    world.configure("[sync]\nlook_back_s = 0\n")
    clock = world.dv.clock
    clock.fixed = clock.now()
    world.edit_account(first, telephone1="1")
    with world.open_store() as store:
        moment = clock.now() + timedelta(seconds=2)
        store.advance_watermark(world.company.id, "CUSTOMER", FROM, moment, revision=0)
    clock.advance(3)
    world.edit_account(second, telephone1="2")
    report = world.run("CUSTOMER", direction=FROM)
    assert {"modified": 1} == world.counts(report, FROM)
    phones = [row["phoneNumber"] for row in world.company.rows("customers")]
    assert ["", "2"] == phones
