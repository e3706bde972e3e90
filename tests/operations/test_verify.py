"""VERIFY: what agrees, what drifted, and what merely has no counterpart."""

from __future__ import annotations

import pytest

from flows.verify import verify


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def _verified(world, **parameters):
    (report,) = world.run_flow(verify, job="CUSTOMER", **parameters)
    return report, report.verification


def test_both_sides_agree_after_a_run(world, pair):
    """Equal pairs are counted, and the run is simply completed."""
    report, found = _verified(world)
    assert {
        "job": "CUSTOMER",
        "equal": 1,
        "different": [],
        "only_bc": [],
        "only_dataverse": [],
    } == found.as_dict()
    assert ("Completed", 0) == (report.state, report.exit_code)


def test_drift_names_the_fields(world, pair):
    """A field differs until a run carried it; the names are those of BC."""
    world.edit_account(pair[1], telephone1="2", name="Adatum Corp")
    report, found = _verified(world)
    (different,) = found.as_dict()["different"]
    assert (pair[0], pair[1]) == (different["bc_id"], different["dataverse_id"])
    assert {"displayName", "phoneNumber"} == set(different["fields"])
    assert ("CompletedWithErrors", 3) == (report.state, report.exit_code)
    world.run("CUSTOMER")
    assert 1 == _verified(world)[1].equal


def test_it_writes_nothing(world, pair):
    """Neither side's rows nor the couplings change."""
    world.edit_account(pair[1], telephone1="2")
    with world.open_store() as store:
        before = store.find(world.company.id, "CUSTOMER", pair[0])
    account = dict(world.dv.row("account", pair[1]))
    _verified(world)
    with world.open_store() as store:
        assert before == store.find(world.company.id, "CUSTOMER", pair[0])
    assert account == dict(world.dv.row("account", pair[1]))


def test_uncoupled_records_are_no_drift_while_only_coupled_ones_travel(world, pair):
    """They are listed, if they are inside the filter."""
    loose = world.customer("Loose")
    world.customer("Blocked", blocked="All")
    account = world.account("Lonely")
    world.account("Competitor", customertypecode=1)
    report, found = _verified(world)
    assert [loose["id"]] == found.only_bc
    assert [account] == found.only_dataverse
    assert 0 == report.exit_code
    world.configure("[mappings.CUSTOMER]\nsynch_only_coupled = false\n")
    assert 3 == _verified(world)[0].exit_code


def test_a_deleted_counterpart_is_drift(world, pair):
    """Whichever side is left."""
    world.dv.delete_as(world.human, "account", pair[1])
    report, found = _verified(world)
    assert ([pair[0]], [], 0) == (found.only_bc, found.only_dataverse, found.equal)
    assert 3 == report.exit_code


def test_a_cut_value_agrees(world, pair):
    """A text longer than BC's field is equal to what was left of it."""
    world.edit_account(pair[1], address1_city="Llanfair" * 6)
    world.run("CUSTOMER")
    city = world.company.row("customers", pair[0])["city"]
    assert 0 < len(city) < len("Llanfair" * 6)
    assert 1 == _verified(world)[1].equal


def test_pages_bound_what_is_read_at_once(world):
    """More couplings than a batch holds are compared to the last one."""
    world.configure("batch_rows = 2\n")
    for number in range(5):
        world.customer(f"Customer {number}")
    world.run("CUSTOMER", create_new=True)
    assert 5 == _verified(world)[1].equal


def test_an_uncoupled_currency_makes_a_pair_differ(world, pair):
    """What cannot be converted cannot be equal."""
    world.company.insert("currencies", {"code": "DKK", "displayName": "Krone"})
    world.edit_customer(pair[0], currencyCode="DKK")
    (different,) = _verified(world)[1].different
    assert ("currencyCode",) == different.fields
