"""The stages of a leg on rows built by hand: what is chosen, sent and stored."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.by_hand import FROM, MAPPING, TO, Scene, account, coupling, customer
from tests.store.samples import error
from tieline.conversions import TEXT
from tieline.engine.fate import Fate
from tieline.engine.hooks import Hooks
from tieline.engine.outcome import outcome_of
from tieline.engine.write import write
from tieline.errors import RuleViolated, UpdateConflict, VersionConflict
from tieline.mapping import FieldMapping
from tieline.odata.model import Written
from tieline.policies import UpdateConflictPolicy as Policy

# What is looked at


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {Fate.UNCHANGED: 1}),
        ({"pending_from": True}, {Fate.UNCHANGED: 1}),
        ({"from_result": "failure"}, {Fate.UNCHANGED: 1}),
        ({"dataverse_version": "0"}, {Fate.UNCHANGED: 1}),
        ({"pending_to": True}, {}),
        ({"to_result": "failure"}, {}),
        ({"bc_version": "0"}, {}),
        ({"skipped": True, "pending_to": True}, {Fate.SKIP: 1}),
    ],
)
def test_an_echo_is_told_by_its_own_direction(values, expected):
    """What the opposite leg has to carry, or failed on, is none of this one's."""
    scene = Scene([customer()], [account()], [coupling(**values)])
    assert (not expected) == bool(scene.matched())
    assert expected == dict(scene.rows.tally)


@pytest.mark.parametrize("direction", [TO, FROM])
def test_steps_left_over_go_on(direction):
    """A creation that a crash cut short is written again in full."""
    mine = "to" if direction is TO else "from"
    left = {"unfinished": {"x": 1}, f"pending_{mine}": True}
    for result, is_forced in ((None, True), ("success", False)):
        known = coupling(**left, **{f"{mine}_result": result})
        sides = [[customer()], [account()]]
        source, target = sides if direction is TO else reversed(sides)
        (row,) = Scene(source, target, [known], direction).matched()
        assert ({"x": 1}, is_forced) == (row.steps, row.is_forced)


def test_a_released_row_is_created_in_a_run_of_coupled_records_too():
    """Others are left alone, and noted as such."""
    scene = Scene([customer("b2"), customer("b3")], [])
    scene.rows.released.add("b3")
    assert ["b3"] == [row.id for row in scene.matched()]
    assert ["b2"] == scene.rows.left_alone


def test_a_lost_counterpart_waits_until_all_are_counted():
    """It leaves the batch, and the leg takes it up again after the guard."""
    scene = Scene(
        [customer(version="2")], [], [coupling()], deletion_conflict="restore"
    )
    assert [] == scene.matched()
    assert (["b1"], []) == (scene.leg_run.deletions, scene.rows.removed)


def test_two_records_do_not_adopt_one_counterpart():
    """The first one takes it; it is compared with its source as the winner."""

    async def adopt(rows, session):
        for row in rows:
            row.is_adopted, row.target_id = True, "d2"

    mapping = replace(MAPPING, hooks=Hooks(adopt=adopt))
    source = [customer("b2"), customer("b3")]
    scene = Scene(source, [account("d2")], mapping=mapping)
    assert [("b2", True)] == [(row.id, row.is_forced) for row in scene.matched()]
    assert ["b3"] == scene.rows.left_alone


@pytest.mark.parametrize(("moved", "expected"), [(set(), []), ({"b1"}, ["b1"])])
def test_a_skipped_record_goes_when_its_counterpart_moved(moved, expected):
    """Its own version is still the one with which it failed."""
    failed = SimpleNamespace(at=1, direction=TO, source_version="1")
    failed.destination_version = "1"
    known = coupling(skipped=True, to_result="failure")
    scene = Scene([customer()], [account()], [known], errors={(TO, "b1"): failed})
    scene.leg_run.moved = moved
    assert expected == [row.id for row in scene.matched()]


# What is decided


@pytest.mark.parametrize(
    ("known", "policy", "fate"),
    [
        ({}, Policy.GET, Fate.SKIP),
        ({}, Policy.NONE, Fate.FAIL),
        ({"dataverse_version": "2"}, Policy.GET, Fate.MODIFY),
        ({"dataverse_version": "2", "from_result": "failure"}, Policy.GET, Fate.SKIP),
        ({"bc_version": "2", "pending_to": True}, Policy.GET, Fate.MODIFY),
        ({"bc_version": "2", "to_result": "failure"}, Policy.GET, Fate.SKIP),
    ],
)
def test_a_side_changed_by_its_version_or_its_last_failure(known, policy, fate):
    """Only where both did, the policy is asked."""
    scene = Scene(
        [customer(version="2", displayName="B")],
        [account(version="2")],
        [coupling(**known)],
        update_conflict=policy,
    )
    rows = scene.planned()
    assert [fate] == ([row.fate for row in rows] or list(scene.rows.tally))


@pytest.mark.parametrize(
    ("here", "there", "values", "pending"),
    [
        ({"displayName": "B"}, {}, {"name": "B"}, False),
        ({}, {"name": "B"}, {}, True),
        ({"displayName": "B"}, {"city": "D"}, {"name": "B"}, True),
        ({"city": ""}, {}, {}, False),
        ({"city": "D"}, {"city": "D"}, {}, False),
        ({}, {"creditlimit": "6"}, {"creditlimit": "5"}, False),
    ],
)
def test_what_is_written_and_what_the_opposite_leg_carries(
    here, there, values, pending
):
    """Each side's edits of fields that both may change; Not Null writes no blank."""
    scene = Scene(
        [customer(version="2", **here)],
        [account(version="2", **there)],
        [coupling()],
    )
    (row,) = scene.planned()
    assert (values, pending) == (row.values, row.is_pending)


def test_a_conflict_is_left_to_both_legs():
    """Nothing of its field is agreed upon; other fields are written all the same."""
    scene = Scene(
        [customer(version="2", displayName="B", city="D")],
        [account(version="2", name="X")],
        [coupling()],
    )
    outcome = scene.written()
    (row,) = outcome.couplings.to_dict("records")
    assert [UpdateConflict.code] == [one.code for one in outcome.errors]
    assert ("failure", True) == (row["to_result"], row["pending_from"])
    assert ("A", "D") == (row["bc_common"]["name"], row["bc_common"]["city"])
    assert ("A", "D") == tuple(row["dataverse_common"][k] for k in ("name", "city"))
    assert [("d1", {"city": "D"})] == [(c.id, c.values) for c in scene.target.sent]
    assert "9" == row["dataverse_version"]


def test_a_record_that_the_policy_holds_up_is_left_to_both_legs():
    """Nothing of it is written, and the opposite leg tells the conflict too."""
    scene = Scene(
        [customer(version="2", displayName="B", creditLimit="6")],
        [account(version="2")],
        [coupling()],
        update_conflict=Policy.NONE,
    )
    (row,) = scene.planned()
    assert (Fate.FAIL, {}, True) == (row.fate, row.values, row.is_pending)


# What is sent


@pytest.mark.parametrize(
    ("changed", "options", "version"),
    [
        ({"displayName": "B"}, {}, "1"),
        ({"creditLimit": "6"}, {}, None),
        ({"displayName": "B"}, {"force": True}, None),
    ],
)
def test_fields_that_both_sides_edit_are_written_only_as_read(
    changed, options, version
):
    """With the version that was read; forced and one-way values go in any case."""
    scene = Scene(
        [customer(version="2", **changed)], [account()], [coupling()], **options
    )
    scene.written()
    assert [("d1", version)] == [(c.id, c.version) for c in scene.target.sent]


def test_a_row_that_moves_on_is_read_again_three_times_then_fails():
    """Until then it counts nowhere."""
    scene = Scene([customer(version="2", displayName="B")], [account()], [coupling()])
    scene.target.answers["d1"] = Written(
        "d1", error=VersionConflict("moved", system="dataverse")
    )
    for expected in (["b1"], ["b1"], ["b1"], []):
        scene.leg_run.queue = []
        scene.rows = scene.read()
        scene.written()
        assert expected == scene.leg_run.queue
    counters = scene.run.counters(TO)
    assert (1, 0) == (counters.failed, counters.modified)


@pytest.mark.parametrize(
    ("shown", "pending"),
    [({}, False), ({"name": "X"}, True), ({"city": "X"}, True)],
)
def test_what_a_write_shows_of_others_stays_to_be_carried(shown, pending):
    """A value that is neither what was read nor written is somebody else's."""
    scene = Scene([customer(version="2", creditLimit="6")], [account()], [coupling()])
    row = {**account(), "creditlimit": "6", **shown}
    scene.target.answers["d1"] = Written("d1", "9", None, row)
    stored = scene.stored()
    assert (pending, "9") == (stored["pending_from"], stored["dataverse_version"])


def test_an_answer_without_the_columns_of_others_is_read_again():
    """Nothing held them off between reading and writing."""
    scene = Scene([customer(version="2", creditLimit="6")], [account()], [coupling()])
    answer = Written("d1", "9", None, {"creditlimit": "6"})
    scene.target.answers["d1"] = answer
    scene.planned()
    scene.target.rows["d1"] = account("d1", "10", name="X", creditlimit="6")
    asyncio.run(write(scene.leg_run, scene.rows))
    (row,) = scene.store.saved[0].couplings.to_dict("records")
    assert ("10", True) == (row["dataverse_version"], row["pending_from"])


def test_intents_hold_what_a_crash_must_not_forget():
    """Values, steps and the number; blanks too where nothing is common yet."""
    scene = Scene([customer("b2", displayName="")], [], only_coupled=False)
    (row,) = scene.planned()
    row.steps = {"x": 1}
    asyncio.run(write(scene.leg_run, scene.rows))
    (payload,) = (w["payload"] for w in scene.store.intents[0].payload)
    assert {"name": None, "creditlimit": "5", "city": "C"} == payload["wrote"]
    assert ({"x": 1}, "N") == (payload["unfinished"], payload["key"])


# What is stored


def test_what_came_through_is_stored_with_its_steps_and_what_is_pending():
    """Its own direction is done; what the opposite one had to carry stays."""
    known = coupling(pending_to=True, pending_from=True, from_run="run 1")
    scene = Scene([customer(version="2")], [account(version="3")], [known])
    (row,) = scene.planned()
    row.steps = {"x": 1}
    asyncio.run(write(scene.leg_run, scene.rows))
    (stored,) = scene.store.saved[0].couplings.to_dict("records")
    names = ("pending_to", "pending_from", "to_run", "from_run", "unfinished")
    assert [False, True, "run 2", "run 1", {"x": 1}] == [stored[n] for n in names]
    assert ("2", "3") == (stored["bc_version"], stored["dataverse_version"])


def test_all_that_rules_changed_goes_in_one_outcome():
    """Errors of the rows and those that rules cleared, couplings, watermarks."""
    scene = Scene([customer(version="2")], [account()], [coupling()])
    beside = scene.store.outcome(FROM, at=scene.run.now)
    rows = scene.rows
    rows.cleared, rows.removed, rows.beside = ["b8"], ["b9"], [beside]
    rows.lowered = {("OTHER", TO): scene.run.now}
    outcome = scene.written()
    assert ["b1", "b8"] == list(outcome.cleared)
    assert (["b9"], rows.lowered) == (outcome.removed, outcome.lowered)
    assert beside is scene.store.saved[1]


@pytest.mark.parametrize(
    ("was_skipped", "is_tried_again", "expected"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_a_first_failure_keeps_a_skip_and_makes_none(
    was_skipped, is_tried_again, expected
):
    """Only a record that was tried again for its news and waits now is free."""
    known = coupling(skipped=was_skipped)
    scene = Scene([customer()], [account()], [known])
    (row,) = scene.rows
    row.coupling, row.target_id, row.steps = known, "d1", {"x": 1}
    row.is_tried_again = is_tried_again
    refusal = RuleViolated("no")
    refusal.is_passing = True
    row.fail(refusal)
    outcome = outcome_of(scene.run, scene.rows, [7])
    (stored,) = outcome.couplings.to_dict("records")
    assert (expected, {"x": 1}) == (stored["skipped"], stored["unfinished"])
    assert ("failure", [], [7]) == (
        stored["to_result"],
        list(outcome.cleared),
        outcome.finished_intents,
    )


def test_a_failure_goes_on_counting_where_the_last_one_stopped():
    """Its first time stays, and a pair that waits the other way is not skipped."""
    text = str(RuleViolated("no"))
    before = error("b1", code=RuleViolated.code, message=text, attempts=2)
    known = coupling(to_result="failure")
    waits = error("d1", direction=FROM, waiting_key="X")
    for others, expected in (({}, Fate.SKIP), ({(FROM, "d1"): waits}, Fate.WAIT)):
        errors = {(TO, "b1"): before, **others}
        scene = Scene([customer()], [account()], [known], errors=errors)
        (row,) = scene.rows
        row.coupling, row.target_id = known, "d1"
        row.fail(RuleViolated("no"))
        (kept,) = outcome_of(scene.run, scene.rows, []).errors
        assert (3, before.first_at) == (kept.attempts, kept.first_at)
        assert {expected: 1} == dict(scene.rows.tally)


@pytest.mark.parametrize(
    ("id_", "shown", "pending"),
    [
        ("b2", {"status": "open"}, False),
        ("b2", {"name": "X"}, True),
        ("b1", {"status": "open"}, True),
    ],
)
def test_what_a_service_fills_in_a_new_row_is_nobodys_edit(id_, shown, pending):
    """In fields that only come back; in those that were sent it is one."""
    back = FieldMapping("status", "status", FROM, TEXT)
    mapping = replace(MAPPING, fields=(*MAPPING.fields, back))
    source = [customer(n, "2", displayName="B", status=None) for n in ("b1", "b2")]
    accounts = [account(status=None)]
    scene = Scene(source, accounts, [coupling()], mapping=mapping, only_coupled=False)
    for row in scene.planned():
        held = {"name": "B", "status": None, **(shown if row.id == id_ else {})}
        answer = account(row.target_id, "9", **held)
        scene.target.answers[row.target_id] = Written(answer["id"], "9", None, answer)
    asyncio.run(write(scene.leg_run, scene.rows))
    stored = scene.store.saved[0].couplings.set_index("bc_id")["pending_from"]
    assert {"b1": False, "b2": False, id_: pending} == stored.to_dict()
