"""RESOLVE on couplings that lost a side: known before anything is changed."""

from __future__ import annotations

import pytest

from flows.resolve import resolve
from tests.scenarios.pairs import FROM, TO, errors, skipped, synced
from tests.world import World
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.errors import Forbidden
from tieline.odata.model import Written

LOST = pytest.mark.parametrize("lost", ["bc", "dataverse"])


def broken(world: World, lost: str) -> tuple[str, str]:
    """Return a skipped pair that lost a side, between two that are whole."""
    _, pair, _ = synced(world, "A", "B", "C")
    lose(world, pair, lost)
    world.run_flow(resolve, job="CUSTOMER", action="find-deleted")
    return pair


def lose(world: World, pair: tuple[str, str], side: str) -> None:
    """Delete one record of a pair."""
    if side == "bc":
        world.company.delete("customers", pair[0])
    else:
        world.dv.delete_as(world.human, "account", pair[1])


@LOST
@pytest.mark.parametrize("action", ["send", "get"])
def test_a_named_one_is_refused_in_words(world, action, lost):
    """It stays skipped and keeps its error; the sentence says which side is gone."""
    pair = broken(world, lost)
    (error,) = errors(world)
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action=action, records=[pair[0]]
    )
    title = {"bc": "Business Central", "dataverse": "Dataverse"}[lost]
    assert [True] == [
        f"no longer exists in {title}" in e.message for e in report.errors
    ]
    assert [pair] == [(e.source_id, e.destination_id) for e in report.errors]
    assert ({pair[0]}, [error]) == (skipped(world), errors(world))


@LOST
@pytest.mark.parametrize(("action", "way"), [("send", TO), ("get", FROM)])
def test_of_all_those_with_both_sides_are_forced(world, action, way, lost):
    """The broken one stays skipped, and counts as that."""
    pair = broken(world, lost)
    (error,) = errors(world)
    (report,) = world.run_flow(resolve, job="CUSTOMER", action=action, all_records=True)
    assert 2 == report.counters(way).modified
    assert [] == report.errors
    assert ({pair[0]}, [error]) == (skipped(world), errors(world))


@pytest.mark.parametrize("left", ["bc", "dataverse"])
def test_a_refused_deletion_names_both_records_in_their_places(
    world, monkeypatch, left
):
    """The source is the side that is gone, the destination the one that stays."""
    (pair,) = synced(world, "Adatum")
    lose(world, pair, "dataverse" if left == "bc" else "bc")

    async def refused(self, table, changes):
        error = Forbidden("no", system=left, status=403)
        return [Written(change.id, error=error) for change in changes]

    monkeypatch.setattr(
        {"bc": BusinessCentral, "dataverse": Dataverse}[left], "delete", refused
    )
    (report,) = world.run_flow(
        resolve, job="CUSTOMER", action="delete", records=[pair[0]]
    )
    (error,) = report.errors
    expected = (TO, *pair) if left == "dataverse" else (FROM, *reversed(pair))
    assert expected == (error.direction, error.source_id, error.destination_id)
