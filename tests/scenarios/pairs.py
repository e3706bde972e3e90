"""Pairs of records as scenarios need them, and what the store knows of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from tests.world import World
from tieline.store import Coupling, ErrorRow, Outcome

TO, FROM = "to-dataverse", "from-dataverse"


def later(world: World, seconds: float = 5) -> None:
    """Let time pass on both services."""
    world.bc.clock.advance(seconds)
    world.dv.clock.advance(seconds)


def synced(world: World, *names: str, **values: object) -> list[tuple[str, str]]:
    """Create customers and their accounts, in step; returns their ids in order."""
    ids = [world.customer(name, **values)["id"] for name in names]
    world.run("CUSTOMER", create_new=True)
    later(world)
    world.run("CUSTOMER")
    later(world)
    coupled = world.coupled()
    return [(id_, coupled[id_]) for id_ in ids]


def synced_person(world: World, customer: str, surname: str) -> tuple[str, str]:
    """Create a person of a customer's company and its contact; returns their ids."""
    number = world.company.row("customers", customer)["number"]
    (relation,) = world.company.tables["Contact Business Relation"].where(
        "number", number
    )
    values = {"surname": surname, "companyNumber": relation["contactNumber"]}
    person = world.company.insert("contacts", {"type": "Person", **values})["id"]
    world.run("CONTACT", create_new=True)
    later(world)
    for job in ("CUSTOMER", "CONTACT"):
        world.run(job)
    later(world)
    return person, world.coupled("CONTACT")[person]


def join(world: World, job: str, *pairs: tuple[str, str]) -> None:
    """Couple records in the store, as if a person had done it."""
    _save(world, job, list(pairs), {"pending_to": True, "pending_from": True})


def skip(world: World, job: str, *pairs: tuple[str, str]) -> None:
    """Let couplings stand as skipped, as after the same failure twice."""
    _save(world, job, list(pairs), {"skipped": True, "to_result": "failure"})


def _save(
    world: World, job: str, pairs: list[tuple[str, str]], values: dict[str, object]
) -> None:
    rows = [{"bc_id": bc, "dataverse_id": there, **values} for bc, there in pairs]
    outcome = Outcome(
        world.company.id,
        job,
        "to-dataverse",
        at=datetime.now(UTC),
        couplings=pd.DataFrame(rows, dtype=object),
    )
    with world.open_store() as store:
        store.save(outcome)


def coupling(world: World, id_: str, job: str = "CUSTOMER") -> Coupling | None:
    """Return the coupling of an id of either side, if any."""
    with world.open_store() as store:
        return store.find(world.company.id, job, id_)


def skipped(world: World, job: str = "CUSTOMER") -> set[str]:
    """Return the BC ids of the skipped couplings."""
    with world.open_store() as store:
        frames = store.each_coupling(world.company.id, job, skipped=True)
        return {str(id_) for frame in frames for id_ in frame.reset_index()["bc_id"]}


def errors(world: World, job: str | None = None) -> list[ErrorRow]:
    """Return the errors that stand now."""
    with world.open_store() as store:
        return store.list_errors(world.company.id, job)


def watermarks(world: World, job: str = "CUSTOMER") -> dict[str, datetime | None]:
    """Return how far each direction was read."""
    with world.open_store() as store:
        return {
            TO: store.watermark(world.company.id, job, "to-dataverse")[0],
            FROM: store.watermark(world.company.id, job, "from-dataverse")[0],
        }


def stamps(world: World, id_: str, job: str = "CUSTOMER") -> tuple[object, object]:
    """Return both modified times that a coupling keeps."""
    row = coupling(world, id_, job)
    assert row is not None
    return row.bc_modified, row.dataverse_modified


def refuse_names(world: World, *names: str) -> None:
    """Let Dataverse refuse these names for accounts: somebody has them already."""
    for name in names:
        world.dv.insert("account", {"name": name, "customertypecode": 1})
    world.dv.add_key("account", "name_once", "name")


def own_company(world: World) -> str:
    """Create the row of our company in Dataverse; returns its id."""
    values = {"bcbi_name": "CRONUS", "bcbi_externalid": world.company.id}
    return world.dv.insert("bcbi_company", values)
