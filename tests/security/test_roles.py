"""The roles that ship suffice for every job, and give nothing that no job needs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from deployments.dataverse.make_role import ROLE, make_role, wanted
from flows.couple import couple
from flows.jobs import MAPPINGS
from flows.verify import verify
from tests.deployments.al import preprocessed
from tests.deployments.conftest import ROOT
from tests.faults.sample_world import sample_world
from tests.world import World
from tieline.errors import Forbidden
from tieline.settings import load_settings

SET = ROOT / "deployments/business_central/src/TielineRun.PermissionSet.al"
GRANT = re.compile(r'tabledata (?:"([^"]+)"|(\w+)) = ([RIMD]+)')
PRODUCT = {
    "Sales Invoice Entity Aggregate": "RIMD",
    "Sales Header": "RIMD",
    "Sales Line": "RIMD",
}
"""What the product's own set for posting sales documents gives on top."""


def granted() -> dict[str, str]:
    """Return what both permission sets give, by table."""
    return dict(GRANTED) | PRODUCT


GRANTED = [
    (quoted or bare, letters)
    for quoted, bare, letters in GRANT.findall(
        preprocessed(SET.read_text(encoding="utf-8"))
    )
]
"""Tables and letters of the set that jobs run with."""

SPARE = {
    "prvAppendToOpportunity": "invoices of an order that came from an opportunity",
    "prvAppendToOrder": "invoices of an order of Sales",
    "prvCreatebcbi_Company": "the company's row, where there is none yet",
    "prvReadRole": "`tieline check`",
    "prvReadTeam": "ownership by team",
}
"""What the round does not come to, and what it is for."""


@dataclass
class Round:
    """What a round of all jobs needed, was given and failed with."""

    world: World
    given: frozenset[str]
    missing: list[str]
    codes: set[str] = field(default_factory=set)

    def run(self, job: str, **parameters: Any) -> None:
        """Run a job, and note how its records failed."""
        report = self.world.run(job, **parameters)
        self.codes |= {report.error_code, *(one.code for one in report.errors)}


def role_of(world: World, *, user: str = "", **more: bool) -> list[str]:
    """Make the role and give it to a user: Tieline's, if left out."""
    declared = yaml.safe_load(ROLE.read_text(encoding="utf-8"))
    switches = {"create_options": False, "deleting": False} | more
    tables, names = wanted(declared, **switches)
    return asyncio.run(
        make_role(
            load_settings().dataverse,
            tables,
            names,
            role=declared["name"],
            user=user or world.dv.people.integration,
        )
    )


@pytest.fixture(scope="module")
def played(base, tmp_path_factory) -> Iterator[Round]:
    """Every job on the sample company: new rows, changes from both sides, repeats."""
    folder = tmp_path_factory.mktemp("roles") / "world"
    with (
        pytest.MonkeyPatch.context() as patch,
        sample_world(base, folder, patch) as world,
    ):
        missing = role_of(world)
        (role,) = world.dv.security.roles.values()
        world.bc.permissions.given = granted()
        done = Round(world, role.privileges, missing)
        world.run_flow(couple, job="SALESPEOPLE", match=["email"])
        for job in MAPPINGS:
            done.run(job, full=True, create_new=True)
        for customer_id, account_id in world.coupled("CUSTOMER").items():
            world.edit_customer(customer_id, phoneNumber="1")
            world.edit_account(account_id, address1_line1="2")
        for product_id in world.coupled("ITEM-PRODUCT"):
            world.company.update("items", product_id, {"unitPrice": 12})
        for job in MAPPINGS:
            done.run(job, full=True, create_new=True)
            world.run_flow(verify, job=job)
        yield done


def test_no_job_is_refused(played: Round) -> None:
    """Neither service misses a permission."""
    assert Forbidden.code not in played.codes
    assert [] == played.missing


def test_nothing_is_given_that_no_job_needs(played: Round) -> None:
    """Every privilege of the role was needed, or is named here with its reason."""
    needed = played.world.dv.security.needed
    assert set() == needed - played.given
    assert set(SPARE) == played.given - needed


def test_the_permission_set_has_what_jobs_need(played: Round) -> None:
    """Every page that a job opens is of a table that the set gives it."""
    given = {(table, one) for table, letters in granted().items() for one in letters}
    needed = played.world.bc.permissions.needed
    assert set() == needed - given
    assert {"M"} == {one for table, one in needed if table == "Customer"} - {"R", "I"}


def test_no_set_but_one_deletes() -> None:
    """Only UNDO and RESOLVE delete, and they have a set of their own."""
    assert [] == [table for table, letters in GRANTED if "D" in letters]
    (deleting,) = SET.parent.glob("TielineDelete.*")
    text = deleting.read_text(encoding="utf-8")
    written = {table for table, letters in GRANTED if table and "IM" in letters}
    freed = {quoted or bare for quoted, bare, _ in GRANT.findall(text)}
    assert freed < written


@pytest.mark.parametrize("privilege", ["prvCreateAccount", "prvAppendAccount"])
def test_a_missing_privilege_is_named(world: World, privilege: str) -> None:
    """The run, or the record, fails with the privilege that it lacks."""
    role_of(world)
    (role,) = world.dv.security.roles.values()
    role.privileges -= {privilege}
    world.customer("Adatum")
    report = world.run("CUSTOMER", create_new=True, direction="to-dataverse")
    told = " ".join([report.message, *(one.message for one in report.errors)])
    assert privilege in told


def test_a_missing_permission_is_named(world: World) -> None:
    """The run fails with the table of Business Central that it may not read."""
    world.bc.permissions.given = granted() | {"Customer": "IMD"}
    report = world.run("CUSTOMER", create_new=True, direction="to-dataverse")
    assert "TableData Customer Read" in report.message


def test_the_role_is_brought_up_to_date(world: World) -> None:
    """A second time the one role has what is asked for then, and no more."""
    role_of(world, user=world.human, deleting=True, create_options=True)
    (before,) = world.dv.security.roles.values()
    assert {"prvDeleteAccount", "prvPublishCustomization"} <= before.privileges
    role_of(world, user=world.human)
    (after,) = world.dv.security.roles.values()
    assert not {"prvDeleteAccount", "prvPublishCustomization"} & after.privileges


def test_what_an_organization_lacks_is_named(world: World) -> None:
    """A table or privilege that is not there is left out, not guessed."""
    missing = asyncio.run(
        make_role(
            load_settings().dataverse,
            {"account": ["Read"], "elsewhere": ["Read"]},
            ["prvFly"],
            role="Small",
        )
    )
    assert ["Read of elsewhere", "prvFly"] == missing
