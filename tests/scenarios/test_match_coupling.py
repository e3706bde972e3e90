"""Scenarios of match-based coupling: customers and accounts of one phone number."""

from __future__ import annotations

import pytest

from flows.couple import couple
from tests.scenarios.pairs import FROM, TO
from tests.scenarios.records import coupled

SEND = '[mappings.CUSTOMER]\nupdate_conflict = "send"\n'


@pytest.fixture
def settled(world):
    """Three pairs that are coupled already."""
    return dict(coupled(world, "CUSTOMER", 3))


def uncoupled(world, numbers, matching=None):
    """Create a customer and an account per number; returns the ids by customer."""
    pairs = {}
    for here, there in zip(numbers, matching or numbers, strict=True):
        customer = world.customer(f"Customer {here}", phoneNumber=here)["id"]
        pairs[customer] = world.account(f"Account of {here}", telephone1=there)
    return pairs


def match(world, **parameters):
    """Couple customers by their phone number; returns the report."""
    (report,) = world.run_flow(
        couple, job="CUSTOMER", match=["phoneNumber"], **parameters
    )
    return report


def names_agree(world, pairs):
    """Tell of each pair whether both sides have the customer's name."""
    return [
        world.company.row("customers", here)["displayName"]
        == world.dv.row("account", there)["name"]
        for here, there in pairs.items()
    ]


@pytest.mark.scenario(
    "CDSMatchBasedCoupling/IntegarionTableMappingListCoupleMultipleInBackground",
    "CDSMatchBasedCoupling/MasterDataListCoupleMultipleInBackground",
)
def test_all_matches_are_coupled_and_sent(world, settled):
    """Five couplings, none of the former touched or counted, five names sent."""
    world.configure(SEND)
    pairs = uncoupled(world, "12345")
    report = match(world, sync=TO)
    assert {"coupled": 5, "modified": 5} == world.counts(report, TO)
    assert settled | pairs == world.coupled()
    assert [True] * 5 == names_agree(world, pairs)


@pytest.mark.scenario("CDSMatchBasedCoupling/MasterDataListCoupleSingleInBackground")
def test_a_filter_limits_the_matching(world, settled):
    """Of five customers only the one inside the mapping's filter is coupled."""
    pairs = uncoupled(world, "12345")
    world.configure(
        SEND + 'bc_filter = [{field = "phoneNumber", op = "eq", value = "2"}]\n'
    )
    report = match(world, sync=TO)
    assert {"coupled": 1, "modified": 1} == world.counts(report, TO)
    second = dict([list(pairs.items())[1]])
    assert settled | second == world.coupled()
    assert [False, True, False, False, False] == names_agree(world, pairs)


@pytest.mark.scenario("CDSMatchBasedCoupling/MasterDataListCoupleMultipleErrorNoMatch")
def test_the_unmatched_fail_with_one_error(world, settled):
    """Each counts as failed; the one sentence says how many, which, and why."""
    world.configure(SEND)
    pairs = uncoupled(world, "12345", ["1", "2", "x", "y", "z"])
    report = match(world, sync=TO)
    assert {"coupled": 2, "failed": 3, "modified": 2} == world.counts(report, TO)
    (error,) = report.errors
    assert ("TL-305", "", None) == (error.code, error.source_id, error.destination_id)
    assert error.message.startswith("3 records")
    assert 3 == error.message.count("no row has telephone1")
    matched = dict(list(pairs.items())[:2])
    assert settled | matched == world.coupled()
    assert [True, True, False, False, False] == names_agree(world, pairs)


@pytest.mark.scenario(
    "CDSMatchBasedCoupling/MasterDataListCoupleMultipleErrorInconclusiveMatch"
)
def test_several_matches_are_none(world, settled):
    """Five accounts of one number: the customer who has it finds none of them."""
    pairs = uncoupled(world, "12345", "11111")
    report = match(world, sync=TO)
    assert {"failed": 5} == world.counts(report, TO)
    assert settled == world.coupled()
    assert [False] * 5 == names_agree(world, pairs)


@pytest.mark.scenario(
    "CDSMatchBasedCoupling/MasterDataListCouplingRunsButNoSynchByUserChoice"
)
def test_coupling_alone_leaves_both_sides(world, settled):
    """Without a direction all five are coupled and keep their names."""
    pairs = uncoupled(world, "12345")
    report = match(world, sync="none")
    assert {"coupled": 5} == world.counts(report, TO)
    assert settled | pairs == world.coupled()
    assert [False] * 5 == names_agree(world, pairs)


@pytest.mark.scenario("IntegrationTableSynch/UncoupledRecordFoundInFindRecord")
def test_a_counterpart_that_the_job_finds_is_taken(world):
    """Salespeople are found by e-mail: no second one is made, the name arrives."""
    found = world.company.insert(
        "salespeoplePurchasers",
        {"code": "AP", "displayName": "Annie", "email": "ann@example.com"},
    )["id"]
    report = world.run("SALESPEOPLE", records=[world.human], create_new=True)
    counted = {"coupled": 1, "modified": 1}
    assert ([], counted) == (report.errors, world.counts(report, FROM))
    assert {found: world.human} == world.coupled("SALESPEOPLE")
    (person,) = world.company.rows("salespeoplePurchasers")
    assert "Ann Person" == person["displayName"]
