"""APPLY: a plan is carried out as it stands, or row by row refused."""

from __future__ import annotations

import pytest

from flows.apply import apply
from tieline.errors import Unavailable

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def _applied(world, plan):
    (report,) = world.run_flow(apply, plan_id=plan.plan_id)
    return report


def test_a_plan_inserts_under_the_ids_it_names(world):
    """What the dry run listed is what is there afterwards."""
    world.run("CURRENCY")
    customer = world.customer("Adatum", city="London")
    plan = world.run("CUSTOMER", create_new=True, dry_run=True)
    assert [] == world.dv.rows("account")
    report = _applied(world, plan)
    assert {"inserted": 1} == world.counts(report, TO)
    assert {customer["id"]: plan.changes[0].destination_id} == world.coupled()
    (account,) = world.dv.rows("account")
    assert ("Adatum", "London") == (account["name"], account["address1_city"])


def test_a_dry_run_that_broke_leaves_no_plan(world, pair, monkeypatch):
    """A plan is kept only when it is whole; the rows listed so far go, too."""
    kept = []

    async def breaks(run, _):
        kept.extend(run.session.store.plan_rows(run.report.plan_id))
        raise Unavailable("No answer.", system="bc")

    monkeypatch.setattr("tieline.engine.drive.note_rest", breaks)
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    report = world.run("CUSTOMER", dry_run=True)
    assert (1, None, 1) == (len(kept), report.plan_id, report.exit_code)
    with world.open_store() as store:
        assert [] == list(store.plan_rows(report.flow_run_id))


def test_both_directions_of_one_record(world, pair):
    """The write of the first pass does not make the second one look moved."""
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    world.edit_account(pair[1], telephone1="2")
    plan = world.run("CUSTOMER", dry_run=True)
    report = _applied(world, plan)
    assert {"modified": 1} == world.counts(report, TO)
    assert {"modified": 1} == world.counts(report, FROM)
    assert "Adatum Ltd" == world.dv.row("account", pair[1])["name"]
    assert "2" == world.company.row("customers", pair[0])["phoneNumber"]


def test_watermarks_stay_and_the_next_run_writes_nothing(world, pair):
    """The plan looked at some records only; a run looks at the rest."""
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    with world.open_store() as store:
        before = store.watermark(world.company.id, "CUSTOMER", TO)
    _applied(world, world.run("CUSTOMER", dry_run=True))
    with world.open_store() as store:
        assert before == store.watermark(world.company.id, "CUSTOMER", TO)
    version = world.dv.row("account", pair[1])["versionnumber"]
    assert 0 == world.run("CUSTOMER").failed
    assert version == world.dv.row("account", pair[1])["versionnumber"]


@pytest.mark.parametrize("side", ["bc", "dataverse"])
def test_a_row_that_moved_is_refused_and_the_others_are_written(world, pair, side):
    """Whichever side moved; the refused record is left to the next run."""
    other = world.customer("Other")
    world.run("CUSTOMER", create_new=True)
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    world.edit_customer(other["id"], displayName="Other Ltd")
    plan = world.run("CUSTOMER", dry_run=True)
    if side == "bc":
        world.edit_customer(pair[0], city="Rome")
    else:
        world.edit_account(pair[1], address1_city="Rome")
    report = _applied(world, plan)
    assert {"modified": 1, "failed": 1} == world.counts(report, TO)
    assert [("TL-309", pair[0])] == [(e.code, e.source_id) for e in report.errors]
    assert "Adatum" == world.dv.row("account", pair[1])["name"]
    assert 0 == world.run("CUSTOMER").failed
    assert "Adatum Ltd" == world.dv.row("account", pair[1])["name"]


def test_gone_and_newly_coupled_records_are_refused(world):
    """A planned insert needs its source, and no counterpart."""
    world.run("CURRENCY")
    gone, coupled = world.customer("Gone"), world.customer("Coupled")
    plan = world.run("CUSTOMER", create_new=True, dry_run=True)
    world.company.delete("customers", gone["id"])
    world.run("CUSTOMER", create_new=True, records=[coupled["number"]])
    report = _applied(world, plan)
    assert {"failed": 2} == world.counts(report, TO)
    assert ["TL-309", "TL-309"] == [error.code for error in report.errors]
    assert 1 == len(world.dv.rows("account"))


def test_other_values_are_refused(world, pair):
    """A setting that changed since the plan changes what would be written."""
    world.edit_customer(pair[0], displayName="Adatum Ltd", city="Rome")
    plan = world.run("CUSTOMER", dry_run=True)
    world.configure("[mappings.CUSTOMER.fields]\ncity = false\n")
    report = _applied(world, plan)
    assert {"failed": 1} == world.counts(report, TO)
    assert "Adatum" == world.dv.row("account", pair[1])["name"]


def test_a_plan_is_applied_once(world, pair):
    """The second time says which run it was."""
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    plan = world.run("CUSTOMER", dry_run=True)
    _applied(world, plan)
    again = _applied(world, plan)
    assert ("TL-101", 2) == (again.error_code, again.exit_code)
    assert "applied already" in again.message


def test_an_unknown_plan(world):
    """It is the argument that is wrong."""
    (report,) = world.run_flow(apply, plan_id="nothing")
    assert ("TL-101", 2) == (report.error_code, report.exit_code)


@pytest.mark.parametrize("policy", ["restore", "remove-coupling"])
def test_deletions_are_part_of_a_plan(world, pair, policy):
    """Restoring and uncoupling are planned, and done when applied."""
    world.run("CUSTOMER")
    world.dv.delete_as(world.human, "account", pair[1])
    plan = world.run("CUSTOMER", deletion_conflict=policy, dry_run=True)
    (change,) = plan.changes
    assert {pair[0]: pair[1]} == world.coupled()
    report = _applied(world, plan)
    if policy == "restore":
        assert "restore" == change.action
        assert {"inserted": 1} == world.counts(report, TO)
        assert {pair[0]: change.destination_id} == world.coupled()
    else:
        assert ("uncouple", pair[1]) == (change.action, change.destination_id)
        assert {"unchanged": 1} == world.counts(report, TO)
        assert {} == world.coupled()


def test_a_planned_uncoupling_needs_the_record_to_be_gone(world, pair):
    """A coupling that was given another row since is left alone."""
    world.run("CUSTOMER")
    world.dv.delete_as(world.human, "account", pair[1])
    plan = world.run("CUSTOMER", deletion_conflict="remove-coupling", dry_run=True)
    world.run("CUSTOMER", deletion_conflict="restore", records=[pair[0]])
    before = world.coupled()
    report = _applied(world, plan)
    assert ["TL-309"] == [error.code for error in report.errors]
    assert before == world.coupled()


def test_a_version_of_an_earlier_run_is_not_our_own(world, pair):
    """Only what this very APPLY wrote is excused from the plan's versions."""
    world.edit_account(pair[1], telephone1="2")
    plan = world.run("CUSTOMER", dry_run=True)
    world.edit_account(pair[1], telephone1="3")
    world.run("CUSTOMER")
    world.edit_customer(pair[0], city="Rome")
    report = _applied(world, plan)
    assert ["TL-309"] == [error.code for error in report.errors]
    assert "3" == world.company.row("customers", pair[0])["phoneNumber"]


def test_a_dry_run_that_broke_has_no_plan(world):
    """A plan is kept, and named, only when it is whole."""
    world.customer("Adatum")
    world.configure(
        "[mappings.CUSTOMER]\n"
        'dataverse_filter = [{ field = "nowhere", op = "eq", value = 1 }]\n'
    )
    report = world.run("CUSTOMER", create_new=True, dry_run=True)
    assert ("Failed", None) == (report.state, report.plan_id)
    assert "plan_id" not in report.as_dict()
