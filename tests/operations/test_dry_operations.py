"""Operations in a dry run: they list what they would do, and change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from flows.undo import undo
from tests.scenarios.pairs import TO, errors, later, skip, skipped, synced
from tests.world import World
from tieline.report import JobReport


@pytest.fixture
def pair(world: World) -> tuple[str, str]:
    """A customer and its account, at rest."""
    return synced(world, "Adatum")[0]


def state(world: World) -> list[Any]:
    """Return all that must not move: rows of both services, couplings, errors."""
    return [
        [dict(row) for row in world.company.tables["Customer"].rows.values()],
        [dict(row) for row in world.dv.rows("account")],
        world.coupled(),
        skipped(world),
        errors(world),
    ]


def listed(report: JobReport) -> list[tuple[str, str | None, str | None]]:
    """Return what a dry run lists: action and both records."""
    assert report.is_dry
    assert report.plan_id is None
    return [(c.action, c.source_id, c.destination_id) for c in report.changes]


def test_uncouple(world, pair):
    """Every coupling that would go."""
    before = state(world)
    (report,) = world.run_flow(uncouple, job="CUSTOMER", all_records=True, dry_run=True)
    assert [("uncouple", *pair)] == listed(report)
    assert before == state(world)


def test_couple_by_match(world):
    """Which records would be coupled; nothing is stored."""
    customer, account = world.customer("Adatum")["id"], world.account("Adatum")
    before = state(world)
    (report,) = world.run_flow(
        couple, job="CUSTOMER", match=["displayName"], dry_run=True
    )
    assert [("couple", customer, account)] == listed(report)
    assert before == state(world)


@pytest.mark.parametrize("action", ["send", "get"])
def test_resolve_send_and_get(world, pair, action):
    """The fields that would be written, also of a skipped record."""
    world.edit_customer(pair[0], phoneNumber="1")
    world.edit_account(pair[1], telephone1="2")
    skip(world, "CUSTOMER", pair)
    before = state(world)
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action=action, records=[pair[0]], dry_run=True
    )
    changed = {f["field"]: f["to"] for c in report.changes for f in c.fields}
    assert {"send": "1", "get": "2"}[action] == changed["phoneNumber"]
    assert before == state(world)


def test_resolve_restore_and_delete(world, pair):
    """What would come back, and what would go."""
    world.dv.delete_as(world.human, "account", pair[1])
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    before = state(world)
    reports = [
        world.run_flow(
            resolve, job="CUSTOMER", action=action, all_records=True, dry_run=True
        )[0]
        for action in ("restore", "delete")
    ]
    restored, deleted = (listed(report) for report in reports)
    assert [("insert", pair[0])] == [(c[0], c[1]) for c in restored]
    assert [("delete", *pair)] == deleted
    assert before == state(world)


def test_find_deleted_and_retry(world, pair):
    """What would be marked, and what would be tried again."""
    skip(world, "CUSTOMER", pair)
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="retry", all_records=True, dry_run=True
    )
    assert [("retry", *pair)] == listed(report)
    assert {pair[0]} == skipped(world)
    world.run_flow(resolve, job="CUSTOMER", action="retry", all_records=True)
    world.company.delete("customers", pair[0])
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="find-deleted", dry_run=True
    )
    assert [("skip", *pair)] == listed(report)
    assert set() == skipped(world)


def test_undo_of_changes_and_of_new_records(world, pair):
    """Values that would be put back; records that would be deleted."""
    world.edit_customer(pair[0], phoneNumber="5")
    changed = world.run("CUSTOMER")
    later(world)
    world.customer("Litware")
    created = world.run("CUSTOMER", create_new=True)
    later(world)
    before = state(world)
    (report,) = world.run_flow(undo, run_id=changed.flow_run_id, dry_run=True)
    assert [("modify", *pair)] == listed(report)
    (report,) = world.run_flow(undo, run_id=created.flow_run_id, dry_run=True)
    assert ["delete"] == [action for action, _, _ in listed(report)]
    assert before == state(world)
    (report,) = world.run_flow(undo, run_id=changed.flow_run_id)
    assert {"modified": 1} == world.counts(report, TO)
