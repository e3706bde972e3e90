"""Deletions in a one-way job's own source: noticed, told, treated by the policy."""

from __future__ import annotations

import pytest

from flows.apply import apply
from tests.jobs.prices import GROUPS, PRICES, group, item, price, unit
from tests.scenarios.pairs import FROM, TO, errors, later, skipped
from tests.world import set_rate

SWEEP = "[safety]\nkey_sweep_hours = 0\n"
UNITS = "UNITOFMEASURE"


@pytest.fixture
def units(world):
    """Five units that were sent to Dataverse a while ago."""
    world.configure(SWEEP)
    world.units = [
        world.company.insert("unitsOfMeasure", {"code": code})["id"]
        for code in ("BOX", "PCS", "KG", "L", "M")
    ]
    world.run(UNITS, create_new=True)
    later(world, 600)
    return world


def acted(world, report):
    """Return the counters of what was done: rows of the look-back span are re-read."""
    counts = world.counts(report, TO)
    return {name: count for name, count in counts.items() if name != "unchanged"}


def test_a_deleted_unit_is_noticed_and_told(units):
    """Once as a failure, then it stays skipped; nothing else happens."""
    units.company.delete("unitsOfMeasure", units.units[0])
    report = units.run(UNITS)
    assert {"failed": 1} == acted(units, report)
    assert ["TL-303"] == [error.code for error in report.errors]
    assert "Business Central" in report.errors[0].message
    assert {"skipped": 1} == units.counts(units.run(UNITS), TO)
    assert {units.units[0]} == skipped(units, UNITS)
    assert 5 == len(units.dv.rows("uomschedule"))


@pytest.mark.parametrize("policy", ["none", "restore"])
def test_what_cannot_be_restored_is_told(units, policy):
    """The job has no way back."""
    units.company.delete("unitsOfMeasure", units.units[0])
    report = units.run(UNITS, deletion_conflict=policy)
    assert {"failed": 1} == acted(units, report)
    assert 5 == len(units.coupled(UNITS))


def test_remove_coupling_leaves_the_row(units):
    """It is uncoupled, and no error of it is left."""
    units.company.delete("unitsOfMeasure", units.units[0])
    units.run(UNITS)
    report = units.run(UNITS, deletion_conflict="remove-coupling")
    assert {"unchanged": 1} == units.counts(report, TO)
    assert (4, []) == (len(units.coupled(UNITS)), errors(units, UNITS))
    assert 5 == len(units.dv.rows("uomschedule"))


def test_delete_takes_the_row_that_tieline_created(units):
    """Row and coupling go, and the journal keeps an image."""
    gone = units.units[0]
    there = units.coupled(UNITS)[gone]
    units.company.delete("unitsOfMeasure", gone)
    report = units.run(UNITS, deletion_conflict="delete")
    assert {"deleted": 1} == acted(units, report)
    assert units.dv.row("uomschedule", there) is None
    assert gone not in units.coupled(UNITS)
    with units.open_store() as store:
        kept = next(store.journal_of(units.company.id, UNITS, there))
    assert ("delete", "NAV BOX") == (kept.action, kept.before["name"])


def test_delete_spares_what_somebody_else_created(world):
    """An adopted row is told like one without a policy."""
    world.configure(SWEEP)
    box = world.company.insert("unitsOfMeasure", {"code": "BOX"})["id"]
    body = {"name": "NAV BOX", "baseuomname": "BOX"}
    there = world.dv.insert("uomschedule", body, user=world.human)
    world.run(UNITS)
    assert {box: there} == world.coupled(UNITS)
    later(world, 600)
    world.company.delete("unitsOfMeasure", box)
    report = world.run(UNITS, deletion_conflict="delete")
    assert {"failed": 1} == acted(world, report)
    assert world.dv.row("uomschedule", there) is not None


def test_a_row_written_just_now_is_not_acted_upon(world):
    """It may be on its way still: the run after the look-back span acts."""
    world.configure(SWEEP)
    box = world.company.insert("unitsOfMeasure", {"code": "BOX"})["id"]
    world.run(UNITS, create_new=True)
    world.company.delete("unitsOfMeasure", box)
    assert {} == world.counts(world.run(UNITS, deletion_conflict="delete"), TO)
    assert {box} == set(world.coupled(UNITS))
    world.configure("")
    later(world, 600)
    report = world.run(UNITS, deletion_conflict="delete")
    assert {"deleted": 1} == acted(world, report)


def test_the_guard_counts_rows_to_delete(units):
    """Five of nine are more than the share; four of eight are not five."""
    for code in ("T", "U", "V", "W"):
        units.company.insert("unitsOfMeasure", {"code": code})
    units.run(UNITS, create_new=True)
    later(units, 600)
    units.configure(SWEEP + "max_deleted = 1\n")
    for id_ in units.units[:2]:
        units.company.delete("unitsOfMeasure", id_)
    report = units.run(UNITS, deletion_conflict="delete")
    assert "TL-401" == report.error_code
    assert ["delete"] * 2 == [change.action for change in report.changes]
    assert 9 == len(units.dv.rows("uomschedule"))


@pytest.mark.parametrize("policy", ["none", "remove-coupling", "delete"])
def test_a_listing_that_lacks_most_rows_stops_the_run(units, policy):
    """An outage or a lost permission looks the same: nothing is even told."""
    for code in ("T", "U", "V", "W"):
        units.company.insert("unitsOfMeasure", {"code": code})
    units.run(UNITS, create_new=True)
    later(units, 600)
    for id_ in units.units:
        units.company.delete("unitsOfMeasure", id_)
    report = units.run(UNITS, deletion_conflict=policy)
    assert ("TL-401", 1) == (report.error_code, report.exit_code)
    assert "only 4 of the 9" in report.message
    assert (9, []) == (len(units.coupled(UNITS)), errors(units, UNITS))


def test_a_dry_run_lists_what_would_go(units):
    """And deletes nothing."""
    gone = units.units[0]
    there = units.coupled(UNITS)[gone]
    units.company.delete("unitsOfMeasure", gone)
    report = units.run(UNITS, deletion_conflict="delete", dry_run=True)
    assert [("delete", gone, there)] == [
        (change.action, change.source_id, change.destination_id)
        for change in report.changes
    ]
    assert units.dv.row("uomschedule", there) is not None
    assert gone in units.coupled(UNITS)


@pytest.mark.parametrize(
    ("policy", "count"), [("delete", "deleted"), ("remove-coupling", "unchanged")]
)
def test_a_plan_carries_out_what_it_lists(units, policy, count):
    """The row goes, or its coupling alone, as the dry run said."""
    gone = units.units[0]
    there = units.coupled(UNITS)[gone]
    units.company.delete("unitsOfMeasure", gone)
    plan = units.run(UNITS, deletion_conflict=policy, dry_run=True)
    (report,) = units.run_flow(apply, plan_id=plan.plan_id)
    assert {count: 1} == units.counts(report, TO)
    assert gone not in units.coupled(UNITS)
    is_left = units.dv.row("uomschedule", there) is not None
    assert (policy == "remove-coupling") == is_left


def test_a_plan_spares_what_was_changed_since(units):
    """Somebody works with the row: it is no more the one that was to go."""
    gone = units.units[0]
    there = units.coupled(UNITS)[gone]
    units.company.delete("unitsOfMeasure", gone)
    plan = units.run(UNITS, deletion_conflict="delete", dry_run=True)
    units.dv.edit_as(units.human, "uomschedule", there, {"description": "Mine"})
    (report,) = units.run_flow(apply, plan_id=plan.plan_id)
    assert {"failed": 1} == acted(units, report)
    assert "was changed" in report.errors[0].message
    assert units.dv.row("uomschedule", there) is not None
    assert gone in units.coupled(UNITS)


def test_a_deleted_currency_is_noticed(world):
    """Although all currencies are read at each run."""
    world.configure(SWEEP)
    for code in ("DKK", "SEK"):
        world.company.insert("currencies", {"code": code, "displayName": code})
        set_rate(world, code, 0.13)
    world.run("CURRENCY", create_new=True)
    later(world, 600)
    dkk = next(row for row in world.company.rows("currencies") if row["code"] == "DKK")
    there = world.coupled("CURRENCY")[dkk["id"]]
    world.company.delete("currencies", dkk["id"])
    report = world.run("CURRENCY")
    assert [dkk["id"]] == [error.source_id for error in report.errors]
    world.configure('[mappings.CURRENCY]\ndeletion_conflict = "delete"\n')
    report = world.run("CURRENCY", records=[dkk["id"]])
    assert {"deleted": 1} == acted(world, report)
    assert world.dv.row("transactioncurrency", there) is None


def test_deleted_prices_go_from_their_list(world):
    """A price that Tieline created is deleted where that is switched on."""
    world.configure(SWEEP)
    unit_id = unit(world)
    item(world, "1000", unit_id)
    item(world, "1001", unit_id)
    group(world, "A")
    first = price(world, "1000", 5, "A")
    price(world, "1001", 6, "A")
    world.run(GROUPS, create_new=True)
    later(world, 600)
    world.company.delete("salesPrices", first["id"])
    report = world.run(PRICES)
    assert 1 == report.counters(TO).failed
    report = world.run(PRICES, deletion_conflict="delete")
    assert {"deleted": 1} == acted(world, report)
    assert [6] == [row["amount"] for row in world.dv.rows("productpricelevel")]


def test_a_deleted_user_is_noticed(world):
    """The salesperson is left, whatever the policy: rows of BC are never deleted."""
    world.configure(SWEEP)
    user = world.dv.add_user("Jo Long", "jo@example.com", islicensed=True)
    world.run("SALESPEOPLE", create_new=True)
    later(world, 600)
    world.dv.data.remove("systemuser", user)
    report = world.run("SALESPEOPLE", deletion_conflict="delete")
    assert 1 == report.counters(FROM).failed
    assert 2 == len(world.company.rows("salespeoplePurchasers"))
