"""A run that dies between a write and its record: the next one finds what happened.

Every transaction of the store is a place to die, before it or right after it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress

import pytest

from flows.couple import couple
from flows.resolve import resolve
from tests.crash.scene import check_the_end, furnish
from tests.crash.test_killed_process import edit_in_between
from tests.scenarios.pairs import errors, skipped
from tieline.store import Store
from tieline.store.database import Database

SHORT = [(3, "after"), (4, "before"), (9, "after"), (10, "before"), (15, "before")]
LONG = [(n, moment) for n in range(1, 40) for moment in ("before", "after")]


class Killed(BaseException):
    """Stands for the end of the process: no handler of ours may catch it."""


@contextmanager
def dying_at(patch, nth, moment):
    """Let the nth transaction of the store be the last thing that happens."""
    writing, count = Database.writing, 0

    @contextmanager
    def deadly(store, **how):
        nonlocal count
        count += 1
        if count == nth and moment == "before":
            raise Killed
        with writing(store, **how) as connection:
            yield connection
        if count == nth:
            raise Killed

    with patch.context() as inner:
        inner.setattr(Database, "writing", deadly)
        yield lambda: count


def die(world, patch, nth, moment, **parameters):
    """Run the job until it dies; return whether it did."""
    with dying_at(patch, nth, moment) as counted, suppress(Killed):
        world.run("CUSTOMER", create_new=True, **parameters)
    return counted() >= nth


def die_before_the_outcome(world, patch, **parameters):
    """Run the job; it dies when a batch is written and not yet stored."""
    save = Store.save

    def deadly(store, *outcomes):
        if any(outcome.finished_intents for outcome in outcomes):
            raise Killed
        save(store, *outcomes)

    with patch.context() as inner, pytest.raises(Killed):
        inner.setattr(Store, "save", deadly)
        world.run("CUSTOMER", **parameters)


def end_well(world):
    """Run again: everything is as if nothing had happened."""
    report = world.run("CUSTOMER", create_new=True)
    assert "" == report.error_code
    assert 0 == report.failed, [error.message for error in report.errors]
    return check_the_end(world)


@pytest.mark.parametrize(("nth", "moment"), SHORT)
def test_killed_at_a_transaction(world, monkeypatch, nth, moment):
    """No duplicate, nothing lost, both sides equal."""
    furnish(world)
    assert die(world, monkeypatch, nth, moment)
    end_well(world)


def test_killed_and_edited(world, monkeypatch):
    """Edits after the crash are changes of today, not conflicts with ourselves."""
    furnish(world)
    assert die(world, monkeypatch, 4, "before")
    edit_in_between(world)
    seen = end_well(world)
    assert "Later" in {row["city"] for row in seen["bc"]}


def test_killed_twice(world, monkeypatch):
    """The run that repairs a crash may crash as well."""
    furnish(world)
    assert die(world, monkeypatch, 8, "before")
    assert die(world, monkeypatch, 2, "before")
    assert die(world, monkeypatch, 4, "before")
    end_well(world)


def test_a_record_created_by_the_opposite_direction_is_known(world, monkeypatch):
    """A customer that a dead run created from an account gets no second account."""
    account = world.account("Litware")
    die_before_the_outcome(
        world, monkeypatch, direction="from-dataverse", create_new=True
    )
    assert ["Litware"] == [
        row["displayName"] for row in world.company.rows("customers")
    ]
    world.run("CUSTOMER", create_new=True)
    assert [account] == [row["accountid"] for row in world.dv.rows("account")]
    assert [account] == list(world.coupled().values())


def test_a_restored_record_is_restored_once(world, monkeypatch):
    """Killed while a lost account was made anew: the new one takes its place."""
    customer = world.customer("Adatum", city="London")["id"]
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    world.dv.delete_as(world.human, "account", world.coupled()[customer])
    die_before_the_outcome(world, monkeypatch, deletion_conflict="restore")
    (account,) = world.dv.rows("account")
    report = world.run("CUSTOMER", deletion_conflict="restore")
    assert ("", 0) == (report.error_code, report.failed)
    assert {customer: account["accountid"]} == world.coupled()
    assert 1 == len(world.dv.rows("account"))


@pytest.mark.parametrize("lost", ["bc", "dataverse"])
def test_a_person_restores_in_one_transaction(world, monkeypatch, lost):
    """Killed at any of them, the pair is as it was or as it shall be, once."""
    customer = world.customer("Adatum", city="London")["id"]
    world.run("CUSTOMER", create_new=True)
    world.run("CUSTOMER")
    pair = (customer, world.coupled()[customer])
    if lost == "bc":
        world.company.delete("customers", customer)
    else:
        world.dv.delete_as(world.human, "account", pair[1])
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    restore = {"job": "CUSTOMER", "action": "restore", "records": [pair[lost == "bc"]]}
    moments = [(n, moment) for n in range(1, 9) for moment in ("before", "after")]
    for nth, moment in moments:
        with dying_at(monkeypatch, nth, moment), suppress(Killed):
            world.run_flow(resolve, **restore)
        assert 1 == len(world.coupled())
    assert 1 == len(world.company.rows("customers")) == len(world.dv.rows("account"))
    ((bc_id, dataverse_id),) = world.coupled().items()
    assert bc_id == world.company.rows("customers")[0]["id"]
    assert dataverse_id == world.dv.rows("account")[0]["accountid"]
    world.run("CUSTOMER")
    assert (set(), []) == (skipped(world), errors(world))


def test_a_pair_made_by_hand_after_a_crash_stays(world, monkeypatch):
    """What a person couples after the crash wins over the dead run's intent."""
    customer = world.customer("Adatum")["id"]
    die_before_the_outcome(world, monkeypatch, create_new=True)
    mine = world.account("Adatum")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{customer}={mine}"])
    report = world.run("CUSTOMER")
    assert ("", 0) == (report.error_code, report.failed)
    assert {customer: mine} == world.coupled()


@pytest.mark.long
@pytest.mark.parametrize(("nth", "moment"), LONG)
def test_killed_at_every_transaction(world, monkeypatch, nth, moment):
    """The long form: every transaction of the run."""
    furnish(world)
    die(world, monkeypatch, nth, moment)
    end_well(world)
