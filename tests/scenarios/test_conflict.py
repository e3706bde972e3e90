"""Scenarios of update conflicts: with update_conflict=none as the product has them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.scenarios.pairs import (
    FROM,
    TO,
    later,
    stamps,
    synced,
    synced_person,
    watermarks,
)

ONE_WAY = pytest.mark.parametrize("way", [TO, FROM])
NONE = {"update_conflict": "none"}
HOMES = ("https://one.site.com", "https://two.site.com")


@pytest.fixture
def pair(either_world):
    """A customer and an account in step, both with the fax number 1."""
    values = {"faxNumber": "1", "website": HOMES[0]}
    (ids,) = synced(either_world, "Adatum", **values)
    return ids


def faxes(world, pair):
    """Return both fax numbers."""
    customer = world.company.row("customers", pair[0])
    return customer["faxNumber"], world.dv.row("account", pair[1])["fax"]


def homes(world, pair):
    """Return both home pages."""
    customer = world.company.row("customers", pair[0])
    return customer["website"], world.dv.row("account", pair[1])["websiteurl"]


def change_faxes(world, pair):
    """Change the fax number on both sides, to different values."""
    world.edit_customer(pair[0], faxNumber="2")
    world.edit_account(pair[1], fax="3")


@ONE_WAY
@pytest.mark.scenario("IntegrationTableSynch/OneWaySynchIgnoresDestinationChanges")
def test_one_way_overwrites_what_the_destination_changed(either_world, pair, way):
    """A one-way mapping knows no conflict: the source's value arrives."""
    world = either_world
    world.configure(f'[mappings.CUSTOMER]\ndirection = "{way}"\n')
    change_faxes(world, pair)
    report = world.run("CUSTOMER", **NONE)
    assert {"modified": 1} == world.counts(report, way)
    fax = "2" if way == TO else "3"
    assert (fax, fax) == faxes(world, pair)


@pytest.mark.scenario("IntegrationTableSynch/ForceSynchCoupledIntegrationTableRecord")
def test_force_writes_through_a_conflict(either_world, pair):
    """Unforced nothing is written; forced the source wins and counts Modified."""
    world = either_world
    change_faxes(world, pair)
    named = {"direction": FROM, "records": [pair[1]], **NONE}
    assert {"failed": 1} == world.counts(world.run("CUSTOMER", **named), FROM)
    assert ("2", "3") == faxes(world, pair)
    report = world.run("CUSTOMER", force=True, **named)
    assert {"modified": 1} == world.counts(report, FROM)
    assert ("3", "3") == faxes(world, pair)


@pytest.mark.scenario(
    "IntegrationTableSynch/"
    "NoFalsePositiveConflictWhenToIntegrationTableSyncAfterUnmappedFieldChange"
)
def test_a_field_without_mapping_is_no_conflict(either_world, pair):
    """Different values of a field that is switched off stay, unnoticed."""
    world = either_world
    world.configure("[mappings.CUSTOMER.fields]\nfaxNumber = false\n")
    change_faxes(world, pair)
    report = world.run("CUSTOMER", direction=TO, **NONE)
    assert ([], {"unchanged": 1}) == (report.errors, world.counts(report, TO))
    assert ("2", "3") == faxes(world, pair)


@pytest.mark.scenario(
    "IntegrationTableSynch/"
    "NoFalsePositiveConflictWhenFromIntegrationTableSyncAfterUnidirectionalFieldChange"
)
def test_a_one_way_field_is_no_conflict(either_world, pair):
    """A field that only comes back comes back, whatever was typed here."""
    world = either_world
    world.configure(
        '[mappings.CUSTOMER.fields]\nfaxNumber = {direction = "from-dataverse"}\n'
    )
    change_faxes(world, pair)
    report = world.run("CUSTOMER", direction=FROM, **NONE)
    assert {"modified": 1} == world.counts(report, FROM)
    assert ("3", "3") == faxes(world, pair)


@ONE_WAY
@pytest.mark.scenario(
    "IntegrationTableSynch/"
    "FalsePositiveConflictWhenToIntegrationTableSyncAfterBidirectionalFieldChange",
    "IntegrationTableSynch/"
    "FalsePositiveConflictWhenFromIntegrationTableSyncAfterBidirectionalFieldChange",
)
def test_different_fields_conflict_only_for_none(either_world, pair, way):
    """With none the record fails as a whole; the default merges both fields."""
    world = either_world
    world.edit_customer(pair[0], faxNumber="2")
    world.edit_account(pair[1], websiteurl=HOMES[1])
    report = world.run("CUSTOMER", direction=way, **NONE)
    assert {"failed": 1} == world.counts(report, way)
    assert ["TL-302"] == [error.code for error in report.errors]
    assert ("2", "1") == faxes(world, pair)
    assert HOMES == homes(world, pair)
    merged = world.run("CUSTOMER")
    assert 0 == merged.failed
    assert ("2", "2") == faxes(world, pair)
    assert (HOMES[1], HOMES[1]) == homes(world, pair)


@ONE_WAY
@pytest.mark.parametrize("policy", ["none", "merge"])
@pytest.mark.scenario(
    "IntegrationTableSynch/"
    "TruePositiveConflictWhenToIntegrationTableSyncAfterBidirectionalFieldChange",
    "IntegrationTableSynch/"
    "TruePositiveConflictWhenFromIntegrationTableSyncAfterBidirectionalFieldChange",
)
def test_one_field_changed_on_both_sides_conflicts(world, way, policy):
    """Both values stay, one failure; merging does not help either."""
    ((customer, account),) = synced(world, "Adatum", faxNumber="1")
    change_faxes(world, (customer, account))
    report = world.run("CUSTOMER", direction=way, update_conflict=policy)
    assert {"failed": 1} == world.counts(report, way)
    (error,) = report.errors
    assert ("TL-302", True) == (error.code, "faxNumber" in error.message)
    assert ("2", "3") == faxes(world, (customer, account))


@pytest.mark.parametrize(
    ("policy", "counts", "fax", "home"),
    [
        ("send", ({"modified": 1}, {"unchanged": 1}), "2", HOMES[0]),
        ("get", ({"skipped": 1}, {"modified": 1}), "3", HOMES[1]),
    ],
)
def test_one_side_wins_the_whole_record(world, policy, counts, fax, home):
    """What only the loser changed is overwritten too; the other pass is silent."""
    (pair,) = synced(world, "Adatum", faxNumber="1", website=HOMES[0])
    change_faxes(world, pair)
    world.edit_account(pair[1], websiteurl=HOMES[1])
    world.edit_customer(pair[0], addressLine1="Here")
    report = world.run("CUSTOMER", update_conflict=policy)
    assert ([], counts) == (
        report.errors,
        (world.counts(report, TO), world.counts(report, FROM)),
    )
    assert (fax, fax) == faxes(world, pair)
    assert (home, home) == homes(world, pair)
    line = "Here" if policy == "send" else ""
    customer = world.company.row("customers", pair[0])
    assert line == customer["addressLine1"]
    again = world.run("CUSTOMER", update_conflict=policy)
    assert 0 == again.failed + again.directions[TO].skipped


@pytest.mark.scenario(
    "IntegrationRecordSynch/"
    "VerifyModifiedFlagsAfterFieldsTransferWithUnchangedUnmappedField",
    "IntegrationRecordSynch/"
    "VerifyModifiedFlagsAfterFieldsTransferWithUnchangedUnidirectionalField",
)
def test_what_was_transferred_is_not_written_again(world):
    """The first transfer writes every field, the second finds nothing to write."""
    world.configure("[mappings.CUSTOMER.fields]\nfaxNumber = false\n")
    row = world.customer("Adatum", creditLimit=5, faxNumber="1")
    named = {"direction": TO, "records": [row["id"]], "create_new": True}
    assert {"inserted": 1} == world.counts(world.run("CUSTOMER", **named), TO)
    (account,) = world.dv.rows("account")
    assert ("Adatum", 5, None) == (
        account["name"],
        account["creditlimit"],
        account["fax"],
    )
    world.dv.counters.reset()
    assert {"unchanged": 1} == world.counts(world.run("CUSTOMER", **named), TO)
    assert {} == dict(world.dv.counters.written)


@pytest.mark.scenario(
    "IntegrationRecordSynch/"
    "VerifyModifiedFlagsAfterFieldsTransferWithChangedUnidirectionalField"
)
def test_an_overwritten_one_way_field_is_written_without_conflict(world):
    """The credit limit goes one way: what was typed over it is put right."""
    ((customer, account),) = synced(world, "Adatum", creditLimit=5)
    world.edit_account(account, creditlimit=7)
    named = {"direction": TO, "records": [customer]}
    report = world.run("CUSTOMER", **named, **NONE)
    assert ([], {"modified": 1}) == (report.errors, world.counts(report, TO))
    assert 5 == world.dv.row("account", account)["creditlimit"]


@pytest.mark.parametrize(
    "skew",
    [
        pytest.param(
            -300,
            marks=pytest.mark.scenario(
                "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyWhenSyncFailedCRMClockBehind"
            ),
        ),
        pytest.param(
            300,
            marks=pytest.mark.scenario(
                "CRMEntitySynch/LastSyncTimeUpdatedCorrectlyWhenSyncFailedCRMClockAhead"
            ),
        ),
    ],
)
def test_a_conflict_keeps_the_stamps_and_moves_the_watermarks(either_world, skew):
    """One failure each way, whatever the clocks say; nothing is taken as agreed."""
    world = either_world
    world.dv.clock.skew = timedelta(seconds=skew)
    ((customer, account),) = synced(world, "Adatum")
    person, contact = synced_person(world, customer, "Smith")
    world.edit_customer(customer, displayName="X")
    world.edit_account(account, name="Y")
    world.company.update("contacts", person, {"surname": "X"})
    world.dv.edit_as(world.human, "contact", contact, {"lastname": "Y"})
    later(world)
    for job, id_ in (("CUSTOMER", customer), ("CONTACT", person)):
        before, marks = stamps(world, id_, job), watermarks(world, job)
        report = world.run(job, **NONE)
        assert {"failed": 1} == world.counts(report, TO)
        assert {"failed": 1} == world.counts(report, FROM)
        assert before == stamps(world, id_, job)
        after = watermarks(world, job)
        assert after[TO] > marks[TO]
        assert after[FROM] > marks[FROM]
    assert "X" == world.company.row("customers", customer)["displayName"]
    assert "Y" == world.dv.row("account", account)["name"]
    assert "X" == world.company.row("contacts", person)["surname"]
    assert "Y" == world.dv.row("contact", contact)["lastname"]
