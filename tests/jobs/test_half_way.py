"""Records of several steps that a killed run left half-way are completed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tieline.odata.client import Client
from tieline.store import Outcome

ITEM, TO = "ITEM-PRODUCT", "to-dataverse"
ACTIVE = 0


class Killed(BaseException):
    """Stands for the end of the process."""


def run_killed(world, job, at, **parameters):
    """Run a job whose process ends before its request number `at`; whether it did."""
    sent = 0
    send = Client.send

    async def counted(self, request, *args, **kwargs):
        nonlocal sent
        sent += 1
        if sent >= at:
            raise Killed
        return await send(self, request, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "send", counted)
        try:
            world.run(job, **parameters)
        except (Killed, asyncio.CancelledError):
            return True
    return False


@pytest.fixture
def item(world):
    """An item with a coupled unit."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    body = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS", "unitPrice": 5}
    return world.company.insert("items", body)["id"]


def require_whole(world, name, price):
    """Assert that there is one product, active, with its one price row."""
    (product,) = world.dv.rows("product")
    (row,) = world.dv.rows("productpricelevel")
    (price_list,) = world.dv.rows("pricelevel")
    assert (name, price, ACTIVE, price_list["pricelevelid"]) == (
        product["name"],
        product["price"],
        product["statecode"],
        product["_pricelevelid_value"],
    )
    assert price == row["amount"]


def test_a_new_product_survives_a_kill_anywhere(world, item):
    """At whichever request the run ends: one product, complete after the next."""
    at, completed = 1, 0
    while run_killed(world, ITEM, at, create_new=True):
        if len(world.dv.rows("product")) == 1:
            world.run(ITEM)
            require_whole(world, "Bike", 5)
            assert 1 == len(world.coupled(ITEM))
            again = world.run(ITEM)
            assert (0, 0) == (again.failed, again.directions[TO].modified)
            _forget(world, item)
            completed += 1
        at += 1
    require_whole(world, "Bike", 5)
    assert completed > 2


def _forget(world, item):
    """Remove the product and its coupling, to begin anew."""
    for table, key in (
        ("productpricelevel", "productpricelevelid"),
        ("product", "productid"),
        ("pricelevel", "pricelevelid"),
    ):
        for row in world.dv.rows(table):
            world.dv.data.remove(table, row[key])
    with world.open_store() as store:
        store.clear_watermarks(world.company.id, ITEM)
        gone = Outcome(world.company.id, ITEM, TO, at=datetime.now(UTC), removed=[item])
        store.save(gone)


def test_a_revision_survives_a_kill_anywhere(world, item):
    """At whichever request a change ends: the product is published in the end."""
    world.run(ITEM, create_new=True)
    at, price = 1, 5
    while True:
        price += 1
        name = f"Bike {price}"
        world.company.update("items", item, {"displayName": name, "unitPrice": price})
        was_killed = run_killed(world, ITEM, at)
        report = world.run(ITEM)
        assert [] == report.errors
        require_whole(world, name, price)
        if not was_killed:
            return
        at += 1
