"""Whom scenarios need beside customers: salespeople with their users, and teams."""

from __future__ import annotations

from flows.couple import couple
from tests.world import World


def couple_salesperson(world: World, code: str, name: str) -> tuple[str, str]:
    """Create a salesperson and a user, coupled; returns the user's id and the code."""
    user = world.dv.add_user(name, f"{code}@example.com".lower(), islicensed=True)
    row = world.company.insert(
        "salespeoplePurchasers", {"code": code, "displayName": name}
    )
    world.run_flow(couple, job="SALESPEOPLE", pairs=[f"{row['id']}={user}"])
    return user, code


def team(world: World, name: str = "Sales team") -> str:
    """Create a team that can own rows; returns its id."""
    unit = f"/businessunits({world.dv.people.business_unit})"
    return world.dv.insert("team", {"name": name, "businessunitid@odata.bind": unit})
