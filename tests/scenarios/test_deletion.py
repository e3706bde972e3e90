"""Scenarios of deleted counterparts: by policy, by decision, or left as they are."""

from __future__ import annotations

import pytest

from flows.resolve import resolve
from tests.scenarios.pairs import FROM, TO, coupling, skip, skipped, synced


def set_mapping(world, direction, only_coupled, policy):
    """Put a direction, Synch. Only Coupled Records and a policy in force."""
    world.configure(
        f"""[mappings.CUSTOMER]
        direction = "{direction}"
        synch_only_coupled = {str(only_coupled).lower()}
        deletion_conflict = "{policy}"
        """
    )


def resolved(world, action, *ids):
    """Let a person decide about coupled customers; returns the report."""
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action=action, records=list(ids)
    )
    return report


@pytest.mark.scenario(
    "IntegrationTableSynch/AutoResolveDeletedRecordRemoveCouplingBidirectionalOnlyCoupled",
    "IntegrationTableSynch/AutoResolveDeletedRecordRemoveCouplingUnidirectionalAll",
)
@pytest.mark.parametrize(
    ("direction", "only_coupled"), [("bidirectional", True), (FROM, False)]
)
def test_the_coupling_is_removed(either_world, direction, only_coupled):
    """The account stays, no customer appears, nothing is skipped or failed."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    set_mapping(world, direction, only_coupled, "remove-coupling")
    world.company.delete("customers", customer)
    report = world.run("CUSTOMER", direction=FROM, records=[account])
    assert {"unchanged": 1} == world.counts(report, FROM)
    assert {} == world.coupled()
    assert world.dv.row("account", account) is not None
    assert [] == world.company.rows("customers")


@pytest.mark.scenario(
    "IntegrationTableSynch/AutoResolveDeletedRecordRestoreRecordsBidirectionalOnlyCoupled",
    "IntegrationTableSynch/AutoResolveDeletedRecordRestoreRecordsBidirectionalAll",
    "IntegrationTableSynch/AutoResolveDeletedRecordRestoreRecordsUnidirectionalOnlyCoupled",
    "IntegrationTableSynch/AutoResolveDeletedRecordRestoreRecordsUnidirectionalAll",
)
@pytest.mark.parametrize("only_coupled", [True, False])
@pytest.mark.parametrize("direction", ["bidirectional", FROM])
def test_the_record_is_restored(either_world, direction, only_coupled):
    """A new customer takes the account's name and its coupling."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    set_mapping(world, direction, only_coupled, "restore")
    world.company.delete("customers", customer)
    report = world.run("CUSTOMER", direction=FROM, records=[account])
    assert {"inserted": 1} == world.counts(report, FROM)
    assert world.dv.row("account", account) is not None
    (restored,) = world.company.rows("customers")
    assert "Adatum" == restored["displayName"]
    assert {restored["id"]: account} == world.coupled()


@pytest.mark.scenario(
    "CRMIntegrationRecord/RemovalOfCoupledRecordDoesNotMarkCouplingAsSkipped"
)
def test_a_deletion_alone_neither_removes_nor_skips(either_world):
    """The coupling is still found by the account that is left."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    world.company.delete("customers", customer)
    world.run("CUSTOMER")
    assert (customer, False) == (
        coupling(world, account).bc_id,
        coupling(world, account).skipped,
    )


@pytest.mark.scenario("CRMSynchSkippedRecords/T160_RemoveDeletedCoupledRecordInNAV")
def test_the_account_of_a_deleted_customer_is_deleted(either_world):
    """A person decides it; account and coupling go."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    skip(world, "CUSTOMER", (customer, account))
    world.company.delete("customers", customer)
    report = resolved(world, "delete", account)
    assert {"deleted": 1} == world.counts(report, TO)
    assert ([], {}) == (world.dv.rows("account"), world.coupled())


@pytest.mark.scenario("CRMSynchSkippedRecords/T161_RemoveDeletedCoupledRecordInCRM")
def test_the_customer_of_a_deleted_account_is_deleted(either_world):
    """A person decides it; customer and coupling go."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    skip(world, "CUSTOMER", (customer, account))
    world.dv.delete_as(world.human, "account", account)
    report = resolved(world, "delete", customer)
    assert {"deleted": 1} == world.counts(report, TO)
    assert ([], {}) == (world.company.rows("customers"), world.coupled())


@pytest.mark.scenario("CRMSynchSkippedRecords/T162_RemoveDeletedCoupledRecords")
def test_of_several_only_those_that_lost_a_side_are_deleted(either_world):
    """The pair that is whole is refused and stays skipped."""
    world = either_world
    pairs = a, b, c = synced(world, "A", "B", "C")
    skip(world, "CUSTOMER", *pairs)
    world.dv.delete_as(world.human, "account", a[1])
    world.company.delete("customers", c[0])
    report = resolved(world, "delete", a[0], b[0], c[1])
    assert 2 == report.counters(TO).deleted
    assert [b[0]] == [row["id"] for row in world.company.rows("customers")]
    assert [b[1]] == [row["accountid"] for row in world.dv.rows("account")]
    assert ({b[0]: b[1]}, {b[0]}) == (world.coupled(), skipped(world))


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T180_CouplingDeletedOnOpenIfBothRecsDeleted"
)
def test_a_coupling_of_which_nothing_is_left_goes(either_world):
    """Looking for the deleted lets go of what both sides have lost."""
    world = either_world
    gone, kept = synced(world, "A", "B")
    skip(world, "CUSTOMER", gone)
    world.company.delete("customers", gone[0])
    world.dv.delete_as(world.human, "account", gone[1])
    (report,) = world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    assert {"uncoupled": 1} == world.counts(report, TO)
    assert (dict([kept]), set()) == (world.coupled(), skipped(world))


@pytest.mark.scenario(
    "CRMSynchSkippedRecords/T200_FindMoreMarksBrokenCouplingsAsSkipped"
)
def test_find_deleted_skips_broken_couplings(either_world):
    """A coupling whose customer is gone is listed, before any run stumbles on it."""
    world = either_world
    world.configure(f'[mappings.CUSTOMER]\ndirection = "{TO}"\n')
    (broken, _) = synced(world, "A", "B")
    world.company.delete("customers", broken[0])
    assert set() == skipped(world)
    (report,) = world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    assert {"skipped": 1} == world.counts(report, TO)
    assert {broken[0]} == skipped(world)


@pytest.mark.scenario("CRMCoupling/SyncCustomerWithCorruptCouplingToNewCRMAccount")
def test_a_customer_of_a_deleted_account_gets_a_new_one(either_world):
    """Restoring creates another account under another id and couples it."""
    world = either_world
    ((customer, account),) = synced(world, "Adatum")
    world.dv.delete_as(world.human, "account", account)
    report = resolved(world, "restore", customer)
    assert 1 == report.counters(TO).inserted
    (created,) = world.dv.rows("account")
    assert account != created["accountid"]
    assert {customer: created["accountid"]} == world.coupled()
