"""`explain` says why a record is, or is not, where it should be."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.couple import couple
from flows.jobs import MAPPINGS
from tieline.availability import fit_mapping
from tieline.engine.explain import explain
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun
from tieline.errors import UnknownRecord
from tieline.overrides import with_overrides
from tieline.report import JobReport
from tieline.session import open_session
from tieline.settings import load_settings
from tieline.store import ErrorRow, Outcome


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def _explained(name, job="CUSTOMER"):
    async def ask():
        settings = load_settings()
        async with open_session(settings) as session:
            mapping = with_overrides(MAPPINGS[job], settings)
            fitted = (await fit_mapping(mapping, session)).mapping
            report = JobReport(job)
            log = logging.getLogger("tieline.tests")
            run = JobRun(fitted, RunOptions.of(mapping), session, report, log)
            return (await explain(run, name)).as_dict()

    return asyncio.run(ask())


def test_coupled_and_equal(world, pair):
    """By an id of either side and by number, the answer is the same."""
    number = world.company.row("customers", pair[0])["number"]
    answer = _explained(number)
    assert {
        "job": "CUSTOMER",
        "bc_id": pair[0],
        "dataverse_id": pair[1],
        "coupled": True,
        "in_filter": {"bc": True, "dataverse": True},
        "last_result": {"to-dataverse": "success", "from-dataverse": None},
        "blocker": None,
        "next_try": None,
        "advice": "It is coupled and both sides agree: there is nothing to do.",
    } == answer
    assert answer == _explained(pair[0]) == _explained(pair[1])


def test_uncoupled(world):
    """Only coupled records travel; a missing side is in no filter."""
    customer, account = world.customer("Loose"), world.account("Lonely")
    answer = _explained(customer["number"])
    assert (customer["id"], None, False) == (
        answer["bc_id"],
        answer["dataverse_id"],
        answer["coupled"],
    )
    assert {"bc": True, "dataverse": None} == answer["in_filter"]
    assert "synchronizes only coupled records" in answer["advice"]
    assert f"--record {customer['number']} --create-new" in answer["advice"]
    assert {"bc": None, "dataverse": True} == _explained(account)["in_filter"]
    world.configure("[mappings.CUSTOMER]\nsynch_only_coupled = false\n")
    assert "next run creates" in _explained(customer["number"])["advice"]


def test_outside_the_filter(world, pair):
    """The service itself says which condition does not hold."""
    blocked = world.customer("Blocked", blocked="All")
    answer = _explained(blocked["number"])
    assert {"bc": False, "dataverse": None} == answer["in_filter"]
    assert "blocked is blank" in answer["advice"]
    competitor = world.account("Competitor", customertypecode=1)
    advice = _explained(competitor)["advice"]
    assert "customertypecode is 3" in advice
    assert "statecode" not in advice


def test_changed(world, pair):
    """Which side changed, and in which fields."""
    world.edit_account(pair[1], telephone1="2")
    advice = _explained(pair[0])["advice"]
    assert "changed in Dataverse (phoneNumber differs)" in advice
    assert "next run" in advice


def test_a_one_way_field_changed_on_the_other_side(world, pair):
    """A run would not look at it: a person decides."""
    world.configure('[mappings.CUSTOMER]\ndirection = "to-dataverse"\n')
    world.edit_account(pair[1], telephone1="2")
    assert "resolve CUSTOMER send" in _explained(pair[0])["advice"]


def test_waiting(world):
    """The blocker is named as `tieline couplings` does, until it is coupled."""
    jo = world.company.insert(
        "salespeoplePurchasers", {"code": "JO", "displayName": "Jo"}
    )
    customer = world.customer("Blocked", salespersonCode="JO")
    for _ in range(2):
        world.run("CUSTOMER", create_new=True, records=[customer["id"]])
    answer = _explained(customer["number"])
    assert "SALESPEOPLE JO" == answer["blocker"]
    assert "failure" == answer["last_result"]["to-dataverse"]
    assert "waits for SALESPEOPLE JO" in answer["advice"]
    assert answer["next_try"] is None
    world.run_flow(couple, job="SALESPEOPLE", pairs=[f"{jo['id']}={world.human}"])
    answer = _explained(customer["number"])
    assert answer["blocker"] is None
    assert "SALESPEOPLE JO, which is coupled now" in answer["advice"]


def test_failed_then_skipped(world, pair):
    """First it says when it is tried again, then how to un-skip it."""
    world.edit_customer(pair[0], displayName="Left")
    world.edit_account(pair[1], name="Right")
    world.run("CUSTOMER")
    answer = _explained(pair[0])
    assert "TL-302" in answer["advice"]
    assert "tried again at the next run" in answer["advice"]
    assert "failure" == answer["last_result"]["from-dataverse"]
    world.run("CUSTOMER")
    assert "resolve CUSTOMER retry" in _explained(pair[0])["advice"]


def test_a_deleted_counterpart(world, pair):
    """The survivor can be found by the id of the one that is gone."""
    world.dv.delete_as(world.human, "account", pair[1])
    for name in pair:
        answer = _explained(name)
        assert {"bc": True, "dataverse": None} == answer["in_filter"]
        assert "Dataverse was deleted" in answer["advice"]
    world.company.delete("customers", pair[0])
    assert "Both records were deleted" in _explained(pair[0])["advice"]


def test_coupled_by_hand(world):
    """A new pair that differs in a field for both ways is a conflict."""
    customer, account = world.customer("Adatum"), world.account("Adatum Corp")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{customer['id']}={account}"])
    advice = _explained(account)["advice"]
    assert "displayName differs and both sides changed" in advice
    assert f"resolve CUSTOMER send --record {account}" in advice
    assert {"TL-302"} == {error.code for error in world.run("CUSTOMER").errors}


def test_a_conflict_to_come(world, pair):
    """Only a field that both sides changed is one, and only if no policy decides."""
    world.edit_customer(pair[0], phoneNumber="2", website="new.example")
    world.edit_account(pair[1], telephone1="3")
    advice = _explained(pair[0])["advice"]
    assert "phoneNumber differs and both sides changed: the next run fails" in advice
    assert "website" not in advice
    world.configure('[mappings.CUSTOMER]\nupdate_conflict = "send"\n')
    advice = _explained(pair[0])["advice"]
    assert "(website, phoneNumber differ) and will be transferred" in advice


def test_a_conflict_shows_what_is_at_stake(world, pair):
    """Both values, the last common one, and the two commands; before and after."""
    number = world.company.row("customers", pair[0])["number"]
    world.edit_customer(pair[0], phoneNumber="2", website="new.example")
    world.edit_account(pair[1], telephone1="3")
    said = (
        'phoneNumber is "2" in Business Central and "3" in Dataverse; last in common '
        'was "1".'
    )
    send, get = (
        f"`tieline resolve CUSTOMER {action} --record {number}`"
        for action in ("send", "get")
    )
    values = {"field": "phoneNumber", "bc": "2", "dataverse": "3"}
    common = {"bc": "1", "dataverse": "1"}
    for _ in range(3):
        answer = _explained(number)
        advice = answer["advice"]
        assert [True] * 3 == [part in advice for part in (said, send, get)]
        assert "website" not in advice
        assert [values | {"common": common}] == answer["values"]
        world.run("CUSTOMER")
    assert "It is skipped" in advice


def test_a_blank_without_a_base_is_no_conflict(world):
    """It gives way at the next run, so nothing is to be decided."""
    customer = world.customer("Adatum", phoneNumber="1")
    account = world.account("Adatum", websiteurl="https://a.example")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{customer['id']}={account}"])
    advice = _explained(account)["advice"]
    assert "will be transferred at the next run" in advice
    assert [] == world.run("CUSTOMER").errors


def test_both_directions_and_the_failing_one_first(world, pair):
    """What fails is not hidden behind what waits, nor one failure by another."""
    world.company.insert("salespeoplePurchasers", {"code": "JO", "displayName": "Jo"})
    world.edit_customer(pair[0], salespersonCode="JO")
    world.run("CUSTOMER")
    at = datetime.now(UTC)
    error = ErrorRow(
        company=world.company.id,
        mapping="CUSTOMER",
        direction="from-dataverse",
        source_id=pair[1],
        code="TL-305",
        message="Modifying the customers failed: no such country.",
        attempts=1,
        first_at=at,
        at=at,
    )
    lost = {"bc_id": pair[0], "dataverse_id": pair[1], "from_result": "failure"}
    changed = Outcome(
        world.company.id,
        "CUSTOMER",
        "from-dataverse",
        at=at,
        couplings=pd.DataFrame([lost | {"to_result": "success"}], dtype=object),
        errors=[error],
    )
    with world.open_store() as store:
        store.save(changed)
    answer = _explained(pair[0])
    results = [("from-dataverse", "failure"), ("to-dataverse", "success")]
    assert results == list(answer["last_result"].items())
    advice = answer["advice"]
    assert advice.startswith("It failed with TL-305 (Modifying the customers failed")
    assert "It waits for SALESPEOPLE JO" in advice
    assert "SALESPEOPLE JO" == answer["blocker"]


def test_an_unknown_record(world):
    """It is the argument that is wrong."""
    with pytest.raises(UnknownRecord):
        _explained("NONESUCH")
