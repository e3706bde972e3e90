"""COUPLE, UNCOUPLE and RESOLVE: what people decide about pairs."""

from __future__ import annotations

import pytest

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def test_a_pair_is_coupled_and_left_as_it_is(world):
    """Coupling by hand writes nothing unless a direction is given."""
    customer, account = world.customer("Adatum"), world.account("Adatum Corp")
    (report,) = world.run_flow(
        couple, job="CUSTOMER", pairs=[f"{customer['id']}={account}"]
    )
    assert 1 == report.counters(TO).coupled
    assert {customer["id"]: account} == world.coupled()
    assert "Adatum Corp" == world.dv.row("account", account)["name"]


def test_a_pair_may_name_the_number_and_choose_the_first_direction(world):
    """BC wins the initial synchronization that goes to Dataverse."""
    customer, account = world.customer("Adatum"), world.account("Adatum Corp")
    (report,) = world.run_flow(
        couple, job="customer", pairs=[f"{customer['number']}={account}"], sync=TO
    )
    assert (1, 1) == (report.counters(TO).coupled, report.counters(TO).modified)
    assert "Adatum" == world.dv.row("account", account)["name"]


def test_one_to_one(world, pair):
    """A row that is coupled to a living record cannot be coupled to another."""
    other = world.customer("Other")
    (report,) = world.run_flow(
        couple, job="CUSTOMER", pairs=[f"{other['id']}={pair[1]}"]
    )
    assert ["TL-306"] == [error.code for error in report.errors]
    assert {pair[0]: pair[1]} == world.coupled()


def test_recoupling_repoints(world, pair):
    """A coupled record may be given another row; a stale owner gives way."""
    account = world.account("Another")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{pair[0]}={account}"])
    assert {pair[0]: account} == world.coupled()
    world.company.delete("customers", pair[0])
    other = world.customer("Heir")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{other['id']}={account}"])
    assert {other["id"]: account} == world.coupled()


def test_one_to_one_among_the_pairs_of_one_run(world):
    """A later pair sees what an earlier one took, and may take what it left."""
    a, b, c = (world.customer(name)["id"] for name in "ABC")
    x, y, z = (world.account(name) for name in "XYZ")
    (report,) = world.run_flow(
        couple, job="CUSTOMER", pairs=[f"{a}={x}", f"{b}={x}", f"{a}={y}", f"{a}={x}"]
    )
    assert {"coupled": 1, "failed": 2} == world.counts(report, TO)
    assert ["TL-306", "TL-306"] == [error.code for error in report.errors]
    assert {a: x} == world.coupled()
    (report,) = world.run_flow(
        couple, job="CUSTOMER", pairs=[f"{a}={y}", f"{b}={x}", f"{c}={z}"]
    )
    assert {"coupled": 3} == world.counts(report, TO)
    assert {a: y, b: x, c: z} == world.coupled()


def test_match_based_coupling(world):
    """One match couples, none or several fail with a count, or are created."""
    one = world.customer("Adatum")
    world.customer("Twice")
    match = world.account("ADATUM")
    world.account("Twice")
    world.account("twice")
    (report,) = world.run_flow(couple, job="CUSTOMER", match=["displayName"])
    assert (1, 1) == (report.counters(TO).coupled, report.counters(TO).failed)
    assert ["TL-305"] == [error.code for error in report.errors]
    assert {one["id"]: match} == world.coupled()
    (report,) = world.run_flow(
        couple, job="CUSTOMER", match=["displayName"], create_new=True
    )
    assert 1 == report.counters(TO).inserted
    assert 2 == len(world.coupled())


@pytest.mark.parametrize("text", ["nothing", "displayName:x", "displayName:1:y"])
def test_a_malformed_criterion_is_refused(world, text):
    """The sentence names the criterion; the exit code is that of settings."""
    (report,) = world.run_flow(couple, job="CUSTOMER", match=[text])
    assert ("TL-101", 2) == (report.error_code, report.exit_code)


def test_uncoupling_deletes_nothing(world, pair):
    """Both records stay; the coupling goes; the next run leaves both alone."""
    (report,) = world.run_flow(uncouple, job="CUSTOMER", records=[pair[1]])
    assert 1 == report.counters(TO).uncoupled
    assert {} == world.coupled()
    assert world.dv.row("account", pair[1]) is not None
    assert {} == world.counts(world.run("CUSTOMER"), TO)


def test_uncoupling_a_whole_job(world):
    """--all dissolves every coupling."""
    for name in ("A", "B", "C"):
        world.customer(name)
    world.run("CUSTOMER", create_new=True)
    (report,) = world.run_flow(uncouple, job="CUSTOMER", all_records=True)
    assert 3 == report.counters(TO).uncoupled
    assert {} == world.coupled()


def test_uncoupling_needs_a_choice(world):
    """Neither nobody nor both: records or all."""
    (report,) = world.run_flow(uncouple, job="CUSTOMER")
    assert 2 == report.exit_code


def test_a_skipped_record_is_tried_again_after_retry(world, pair):
    """Two same failures skip; retry lets the next run look again."""
    world.edit_customer(pair[0], displayName="Left")
    world.edit_account(pair[1], name="Right")
    world.run("CUSTOMER")
    assert 1 == world.run("CUSTOMER").counters(TO).skipped
    assert 1 == world.run("CUSTOMER", full=True).counters(FROM).skipped
    world.run_flow(resolve, job="CUSTOMER", action="retry", all_records=True)
    report = world.run("CUSTOMER")
    assert (1, 0) == (report.counters(TO).failed, report.counters(TO).skipped)


@pytest.mark.parametrize(("action", "expected"), [("send", "Left"), ("get", "Right")])
def test_forcing_one_direction_resolves_a_conflict(world, pair, action, expected):
    """Send takes Business Central's values, get Dataverse's."""
    world.edit_customer(pair[0], displayName="Left")
    world.edit_account(pair[1], name="Right")
    world.run("CUSTOMER")
    world.run_flow(resolve, job="CUSTOMER", action=action, records=[pair[0]])
    assert expected == world.dv.row("account", pair[1])["name"]
    assert expected == world.company.row("customers", pair[0])["displayName"]
    assert 0 == world.run("CUSTOMER").failed


def test_restoring_creates_the_missing_side(world, pair):
    """The survivor gets a new counterpart and a new coupling."""
    world.dv.delete_as(world.human, "account", pair[1])
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="restore", records=[pair[0]]
    )
    assert 1 == report.counters(TO).inserted
    (account,) = world.dv.rows("account")
    assert {pair[0]: account["accountid"]} == world.coupled()


def test_deleting_takes_the_side_that_is_left(world, pair):
    """Only when the other side is gone; then record and coupling go."""
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="delete", records=[pair[0]]
    )
    assert 1 == report.counters(TO).failed
    world.company.delete("customers", pair[0])
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="delete", records=[pair[1]]
    )
    assert 1 == report.counters(TO).deleted
    assert [] == world.dv.rows("account")
    assert {} == world.coupled()


def test_find_deleted_skips_what_lost_a_side(world, pair):
    """The coupling is skipped and the reason is kept."""
    world.company.delete("customers", pair[0])
    (report,) = world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    assert 1 == report.counters(TO).skipped
    with world.open_store() as store:
        (error,) = store.list_errors(mapping="CUSTOMER")
    assert "TL-303" == error.code
