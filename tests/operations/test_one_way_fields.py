"""Fields of one way in a job of both: what the other pass reads is not taken in."""

from __future__ import annotations

import pytest

from emulator.faults import Fault

TO, FROM = "to-dataverse", "from-dataverse"
COMES_BACK = '[mappings.CUSTOMER.fields]\nfaxNumber = {direction = "from-dataverse"}\n'


@pytest.fixture
def pair(world):
    """A customer and its account, in step."""
    customer = world.customer("Adatum")
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    return customer["id"], world.coupled()[customer["id"]]


def credit_limit(world, pair):
    """Return the credit limit of the account, which only ever is sent."""
    return world.dv.row("account", pair[1])["creditlimit"]


def test_a_pass_from_dataverse_leaves_what_is_only_sent_for_the_other(world, pair):
    """The customer that it writes had a new credit limit: the next run sends it."""
    world.edit_customer(pair[0], creditLimit=777)
    world.edit_account(pair[1], name="Adatum Ltd")
    report = world.run("CUSTOMER", direction=FROM)
    assert {"modified": 1} == world.counts(report, FROM)
    assert 777 != credit_limit(world, pair)
    world.run("CUSTOMER")
    assert 777 == credit_limit(world, pair)


def test_a_pass_to_dataverse_leaves_what_only_comes_back_for_the_other(world, pair):
    """Both passes of one run: each carries its own field, and the next sees echoes."""
    world.configure(COMES_BACK)
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    world.edit_account(pair[1], fax="3")
    report = world.run("CUSTOMER")
    assert {"modified": 1} == world.counts(report, TO)
    assert {"modified": 1} == world.counts(report, FROM)
    assert "3" == world.company.row("customers", pair[0])["faxNumber"]
    assert "Adatum Ltd" == world.dv.row("account", pair[1])["name"]
    report = world.run("CUSTOMER")
    assert {"unchanged": 1} == world.counts(report, TO)
    assert {"unchanged": 1} == world.counts(report, FROM)


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_a_credit_limit_typed_between_the_passes_is_sent(world, pair, nth):
    """Before whichever request of the run a person types it, it arrives."""
    world.edit_account(pair[1], name="Adatum Ltd")
    typed = []

    def type_it():
        typed.append(nth)
        world.edit_customer(pair[0], creditLimit=777)

    world.bc.faults.add(Fault("edit", nth=nth, count=1, edit=type_it))
    world.run("CUSTOMER")
    world.bc.faults.clear()
    assert [nth] == typed
    world.run("CUSTOMER")
    assert 777 == credit_limit(world, pair)
    assert "Adatum Ltd" == world.company.row("customers", pair[0])["displayName"]


def test_the_loser_of_a_conflict_is_skipped_and_its_one_way_field_goes_later(
    world, pair
):
    """With get, the pass to Dataverse counts Skipped and reports no failure."""
    world.edit_customer(pair[0], displayName="Here", creditLimit=777)
    world.edit_account(pair[1], name="There")
    report = world.run("CUSTOMER", update_conflict="get")
    assert ([], {"skipped": 1}) == (report.errors, world.counts(report, TO))
    assert {"modified": 1} == world.counts(report, FROM)
    assert "There" == world.company.row("customers", pair[0])["displayName"]
    world.run("CUSTOMER")
    assert 777 == credit_limit(world, pair)
    assert "There" == world.dv.row("account", pair[1])["name"]


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
def test_a_name_typed_while_a_credit_limit_is_sent_comes_back(world, pair, nth):
    """The write of a field that is only sent takes in nothing that it did not read."""
    world.edit_customer(pair[0], creditLimit=777)

    def type_it():
        world.edit_account(pair[1], name="Adatum Ltd")

    world.dv.faults.add(Fault("edit", nth=nth, count=1, edit=type_it))
    world.run("CUSTOMER")
    world.dv.faults.clear()
    world.run("CUSTOMER")
    assert 777 == credit_limit(world, pair)
    assert "Adatum Ltd" == world.dv.row("account", pair[1])["name"]
    assert "Adatum Ltd" == world.company.row("customers", pair[0])["displayName"]
