"""UNDO: what a run changed is put back, where nobody changed it since."""

from __future__ import annotations

import pytest

from flows.undo import undo
from tieline.dataverse import Dataverse

TO, FROM = "to-dataverse", "from-dataverse"


@pytest.fixture
def pair(world):
    """A customer and its account, synchronized."""
    customer = world.customer("Adatum", phoneNumber="1")
    world.run("CUSTOMER", create_new=True)
    return customer["id"], world.coupled()[customer["id"]]


def _undone(world, report, **parameters):
    (undoing,) = world.run_flow(undo, run_id=report.flow_run_id, **parameters)
    return undoing


def _coupling(world, bc_id):
    with world.open_store() as store:
        return store.find(world.company.id, "CUSTOMER", bc_id)


def _account(world, pair):
    return world.dv.row("account", pair[1])


def test_former_values_come_back_and_stay(world, pair):
    """The next runs, even full ones, do not undo the undo."""
    world.edit_customer(pair[0], displayName="Wrong", creditLimit=100)
    run = world.run("CUSTOMER")
    assert "Wrong" == _account(world, pair)["name"]
    report = _undone(world, run)
    assert {"modified": 1} == world.counts(report, TO)
    assert "Adatum" == _account(world, pair)["name"]
    version = _account(world, pair)["versionnumber"]
    for full in (False, True):
        again = world.run("CUSTOMER", full=full)
        assert 0 == again.failed
        assert "modified" not in world.counts(again, TO)
        assert "modified" not in world.counts(again, FROM)
    assert version == _account(world, pair)["versionnumber"]
    assert "Wrong" == world.company.row("customers", pair[0])["displayName"]


def test_both_directions_of_a_run_are_undone(world, pair):
    """Newest first: what came from Dataverse, then what went there."""
    world.edit_customer(pair[0], displayName="Adatum Ltd")
    world.edit_account(pair[1], telephone1="2")
    run = world.run("CUSTOMER")
    report = _undone(world, run)
    assert {"modified": 1} == world.counts(report, TO)
    assert {"modified": 1} == world.counts(report, FROM)
    assert "Adatum" == _account(world, pair)["name"]
    assert "1" == world.company.row("customers", pair[0])["phoneNumber"]
    assert 0 == world.run("CUSTOMER").failed
    assert "1" == world.company.row("customers", pair[0])["phoneNumber"]
    assert "2" == _account(world, pair)["telephone1"]


def test_a_record_that_was_changed_since_is_left_alone(world, pair):
    """The others are put back."""
    other = world.customer("Other")
    world.run("CUSTOMER", create_new=True)
    for id_ in (pair[0], other["id"]):
        world.edit_customer(id_, displayName="Wrong")
    run = world.run("CUSTOMER")
    world.edit_account(pair[1], name="By hand")
    report = _undone(world, run)
    assert {"modified": 1, "failed": 1} == world.counts(report, TO)
    assert [("TL-309", pair[1])] == [(e.code, e.destination_id) for e in report.errors]
    assert "By hand" == _account(world, pair)["name"]
    again = _undone(world, run)
    assert {"failed": 1} == world.counts(again, TO)


@pytest.mark.parametrize(
    ("field", "column", "value"),
    [("displayName", "name", "By hand"), ("creditLimit", "creditlimit", 7)],
)
def test_an_edit_during_the_undo_is_not_lost(
    world, pair, monkeypatch, field, column, value
):
    """Also of a field that Dataverse does not send back: no row goes unguarded."""
    world.edit_customer(pair[0], **{field: "Wrong" if field == "displayName" else 5})
    run = world.run("CUSTOMER")
    update = Dataverse.update

    async def comes_second(self, table, rows):
        if table == "account" and rows:
            world.edit_account(pair[1], **{column: value})
        return await update(self, table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Dataverse, "update", comes_second)
        report = _undone(world, run)
    assert {"failed": 1} == world.counts(report, TO)
    assert ["TL-309"] == [error.code for error in report.errors]
    assert value == _account(world, pair)[column]


def test_changes_that_are_not_synchronized_yet_are_not_lost(world, pair):
    """An undo settles the fields that it put back, and no others."""
    world.edit_customer(pair[0], displayName="Wrong")
    run = world.run("CUSTOMER")
    world.edit_customer(pair[0], city="Rome")
    world.edit_account(pair[1], telephone1="9")
    _undone(world, run)
    world.run("CUSTOMER")
    assert "Rome" == _account(world, pair)["address1_city"]
    assert "9" == world.company.row("customers", pair[0])["phoneNumber"]
    assert "Adatum" == _account(world, pair)["name"]


def test_created_records_are_deleted_with_their_coupling(world):
    """Unless a person has worked on them."""
    world.run("CURRENCY")
    world.customer("One")
    touched = world.customer("Two")
    run = world.run("CUSTOMER", create_new=True)
    world.edit_account(world.coupled()[touched["id"]], telephone1="5")
    report = _undone(world, run)
    assert {"deleted": 1, "failed": 1} == world.counts(report, TO)
    assert [touched["id"]] == list(world.coupled())
    assert ["Two"] == [row["name"] for row in world.dv.rows("account")]
    assert 0 == world.run("CUSTOMER").failed


def test_a_second_undo_says_so(world, pair):
    """Also which run it was."""
    world.edit_customer(pair[0], displayName="Wrong")
    run = world.run("CUSTOMER")
    first = _undone(world, run)
    again = _undone(world, run)
    assert ("TL-101", 2) == (again.error_code, again.exit_code)
    assert first.flow_run_id in again.message


def test_an_undo_can_be_undone(world, pair):
    """It is journalled like any run."""
    world.edit_customer(pair[0], displayName="Wrong")
    back = _undone(world, world.run("CUSTOMER"))
    report = _undone(world, back)
    assert {"modified": 1} == world.counts(report, TO)
    assert "Wrong" == _account(world, pair)["name"]
    assert "modified" not in world.counts(world.run("CUSTOMER"), FROM)


def test_a_deletion_can_be_undone(world):
    """The record comes back under its id, coupled as before."""
    customer = world.customer("Adatum", phoneNumber="1")
    run = world.run("CUSTOMER", create_new=True)
    before = world.coupled()
    deletion = _undone(world, run)
    assert {} == world.coupled()
    report = _undone(world, deletion)
    assert {"inserted": 1} == world.counts(report, TO)
    assert before == world.coupled()
    account = world.dv.row("account", before[customer["id"]])
    assert ("Adatum", "1", 3) == (
        account["name"],
        account["telephone1"],
        account["customertypecode"],
    )
    again = world.run("CUSTOMER", full=True)
    assert {"unchanged": 1} == world.counts(again, TO)


def test_one_record(world, pair):
    """By an id of either side or by its number."""
    other = world.customer("Other")
    world.run("CUSTOMER", create_new=True)
    for id_ in (pair[0], other["id"]):
        world.edit_customer(id_, displayName="Wrong")
    run = world.run("CUSTOMER")
    report = _undone(world, run, record=other["number"])
    assert {"modified": 1} == world.counts(report, TO)
    assert "Wrong" == _account(world, pair)["name"]
    report = _undone(world, run, record=pair[1])
    assert {"modified": 1} == world.counts(report, TO)
    assert "Adatum" == _account(world, pair)["name"]


@pytest.mark.parametrize("field", ["phoneNumber", "telephone1"])
def test_one_field(world, pair, field):
    """By its property or its column; the rest of the run can be undone later."""
    world.edit_customer(pair[0], displayName="Wrong", phoneNumber="2")
    run = world.run("CUSTOMER")
    _undone(world, run, field=field)
    account = _account(world, pair)
    assert ("Wrong", "1") == (account["name"], account["telephone1"])
    _undone(world, run)
    account = _account(world, pair)
    assert ("Adatum", "1") == (account["name"], account["telephone1"])


def test_arguments_that_name_nothing(world, pair):
    """An unknown run, a record that it did not touch, a field that is not mapped."""
    world.edit_customer(pair[0], displayName="Wrong")
    run = world.run("CUSTOMER")
    other = world.customer("Other")
    (unknown,) = world.run_flow(undo, run_id="nothing")
    for report in (
        unknown,
        _undone(world, run, record=other["number"]),
        _undone(world, run, record="NONESUCH"),
        _undone(world, run, field="nothing"),
        _undone(world, run, field="city"),
    ):
        assert 2 == report.exit_code
    assert "Wrong" == _account(world, pair)["name"]


def test_what_is_no_longer_coupled_is_refused(world, pair):
    """As is what no longer exists on either side."""
    world.edit_customer(pair[0], displayName="Wrong")
    run = world.run("CUSTOMER")
    world.company.delete("customers", pair[0])
    report = _undone(world, run)
    assert ["TL-309"] == [error.code for error in report.errors]
    world.dv.delete_as(world.human, "account", pair[1])
    report = _undone(world, run)
    assert ["TL-309"] == [error.code for error in report.errors]
