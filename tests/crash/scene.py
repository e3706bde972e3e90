"""Scene of the crash tests: records before a run is killed, and the expected end."""

from __future__ import annotations

from typing import Any

from tests.properties.fields import account_values, customer_values
from tests.world import World

NEW, COUPLED = 7, 7
ROWS_OF_A_BATCH = 5


def furnish(world: World) -> None:
    """Coupled records that both sides changed, and new ones on both sides."""
    world.configure(f"batch_rows = {ROWS_OF_A_BATCH}\n")
    coupled = [
        world.customer(f"Coupled {number}", phoneNumber="0")["id"]
        for number in range(COUPLED)
    ]
    world.run("CUSTOMER", create_new=True)
    accounts = world.coupled()
    for number, id_ in enumerate(coupled):
        world.edit_customer(id_, city=f"City {number}")
        world.edit_account(accounts[id_], telephone1=f"{number}")
    for number in range(NEW):
        world.customer(f"Customer {number}", phoneNumber=f"{number}")
        world.account(f"Account {number}", telephone1=f"{number}")


def names_expected() -> list[str]:
    """Return the names that each side has at the end, each once."""
    return sorted(
        [f"Coupled {number}" for number in range(COUPLED)]
        + [f"Customer {number}" for number in range(NEW)]
        + [f"Account {number}" for number in range(NEW)]
    )


def portrait(world: World) -> dict[str, Any]:
    """Return both sides' comparable values, by name; a double shows as such."""
    customers = [customer_values(dict(row)) for row in world.company.rows("customers")]
    accounts = [account_values(world, dict(row)) for row in world.dv.rows("account")]

    def by_name(row: dict[str, str]) -> str:
        return row["displayName"]

    return {
        "bc": sorted(customers, key=by_name),
        "dataverse": sorted(accounts, key=by_name),
    }


def check_the_end(world: World) -> dict[str, Any]:
    """Nothing doubled, nothing lost, both sides equal, the next run idle."""
    seen = portrait(world)
    assert names_expected() == [row["displayName"] for row in seen["bc"]]
    assert seen["bc"] == seen["dataverse"]
    accounts = {row["accountid"]: dict(row) for row in world.dv.rows("account")}
    pairs = world.coupled()
    assert len(accounts) == len(pairs)
    for row in world.company.rows("customers"):
        partner = accounts[pairs[row["id"]]]
        assert customer_values(dict(row)) == account_values(world, partner)
    written = world.bc.counters.written.total(), world.dv.counters.written.total()
    report = world.run("CUSTOMER", create_new=True)
    assert 0 == report.failed
    assert written == (
        world.bc.counters.written.total(),
        world.dv.counters.written.total(),
    )
    with world.open_store() as store:
        for way in ("to-dataverse", "from-dataverse"):
            assert [] == store.unfinished_intents(world.company.id, "CUSTOMER", way)
    return seen
