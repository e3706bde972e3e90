"""Both services on loopback, a store and the jobs, without Prefect around them.

The flows' functions run as they are; only Prefect's engine is left out, so that a
test of a rule takes a fraction of a second. Tests of the sync log run the flows
under Prefect instead (tests/flows).
"""

from __future__ import annotations

import asyncio
import logging
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect import Task
from starlette.types import ASGIApp, Receive, Scope, Send

import flows.couple
import flows.full_synchronization
import flows.resolve
import flows.synchronize
from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.dataverse import DataverseState, create_dataverse
from emulator.server import serve
from flows.jobs import FLOWS
from tieline.report import JobReport, collecting_reports
from tieline.store import Store


class Switch:
    """An application that stands for whichever one the present test made."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass
class Ground:
    """The two addresses that serve all tests of a session."""

    bc: Switch
    dataverse: Switch
    bc_url: str
    dataverse_url: str


@contextmanager
def ground() -> Iterator[Ground]:
    """Serve two switches on free loopback ports."""
    bc, dataverse = Switch(), Switch()
    with serve(bc, 0) as left, serve(dataverse, 0) as right:
        yield Ground(bc, dataverse, left.url, right.url)


@dataclass
class World:
    """What a test turns and reads."""

    bc: BusinessCentralState
    company: LiveCompany
    dv: DataverseState
    store_url: str
    human: str
    environment: pytest.MonkeyPatch
    folder: Path
    reports: list[JobReport] = field(default_factory=list)

    def run(self, job: str, **parameters: Any) -> JobReport:
        """Run a job to its end and return its report."""
        return self.run_flow(FLOWS[job], **parameters)[0]

    def run_flow(self, flow: Any, **parameters: Any) -> list[JobReport]:
        """Run any flow's function and return the reports it published."""
        # Prefect's own variable for a process that runs one flow run.
        self.environment.setenv("PREFECT__FLOW_RUN_ID", str(uuid.uuid4()))
        with collecting_reports() as reports:
            asyncio.run(flow.fn(**parameters))
        self.reports += reports
        return reports

    def counts(self, report: JobReport, direction: str) -> dict[str, int]:
        """Return the counters of one direction that are not zero."""
        counters = report.directions[direction].as_dict()
        return {name: number for name, number in counters.items() if number}

    def open_store(self) -> Store:
        """Open the store beside the jobs; close it after use."""
        return Store.open(self.store_url)

    def configure(self, toml: str) -> None:
        """Put a tieline.toml in force."""
        path = self.folder / "tieline.toml"
        path.write_text(toml, encoding="utf-8")
        self.environment.setenv("TIELINE_CONFIG", str(path))

    def customer(self, name: str, **values: Any) -> dict[str, Any]:
        """Create a customer in BC; returns the stored row (id, number, ...)."""
        row = self.company.insert("customers", {"displayName": name, **values})
        return dict(row)

    def account(self, name: str, **values: Any) -> str:
        """Create an account of type customer as a person; returns its id."""
        body = {"name": name, "customertypecode": 3, **values}
        return self.dv.insert("account", body, user=self.human)

    def edit_account(self, account_id: str, **values: Any) -> None:
        """Change an account as a person would."""
        self.dv.edit_as(self.human, "account", account_id, values)

    def edit_customer(self, customer_id: str, **values: Any) -> None:
        """Change a customer as a person would."""
        self.company.update("customers", customer_id, values)

    def coupled(self, job: str = "CUSTOMER") -> dict[str, str]:
        """Return the couplings of a job: BC id to Dataverse id."""
        with self.open_store() as store:
            pairs: dict[str, str] = {}
            for frame in store.each_coupling(self.company.id, job):
                known = frame.reset_index()
                pairs |= dict(zip(known["bc_id"], known["dataverse_id"], strict=True))
        return pairs


@contextmanager
def new_world(
    base: Ground, store_url: str, folder: Path, patch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Make an empty company and an empty organisation, and point the jobs at them."""
    bc = BusinessCentralState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    dv = DataverseState()
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dv)
    without_prefect(patch)
    patch.setenv("TIELINE_BC__URL", base.bc_url)
    patch.setenv("TIELINE_BC__COMPANY", "CRONUS")
    patch.setenv("TIELINE_DATAVERSE__URL", base.dataverse_url)
    patch.setenv("TIELINE_STORE__URL", store_url)
    patch.delenv("TIELINE_CONFIG", raising=False)
    human = dv.add_user("Ann Person", "ann@example.com")
    yield World(bc, company, dv, store_url, human, patch, folder)


def without_prefect(patch: pytest.MonkeyPatch) -> None:
    """Let flows and tasks be plain functions, with a plain logger and no sync log."""
    logger = logging.getLogger("tieline.tests")
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] not in ("flows", "tasks") or module is None:
            continue
        for attribute, value in list(vars(module).items()):
            if isinstance(value, Task):
                plain = _no_log if value.name == "log" else value.fn
                patch.setattr(module, attribute, plain)
            elif attribute == "get_run_logger":
                patch.setattr(module, attribute, lambda: logger)
            elif attribute == "mark_run":
                patch.setattr(module, attribute, _no_log)
            elif attribute == "couple" and name == "flows.full_synchronization":
                patch.setattr(module, attribute, _couple)
            elif attribute == "run_one":
                patch.setattr(module, attribute, _run_one)


async def _run_one(name: str, **parameters: Any) -> JobReport:
    """Stand in for a flow inside a flow."""
    with collecting_reports() as reports:
        await FLOWS[name].fn(**parameters)
    return reports[0]


async def _couple(*, return_state: bool, **parameters: Any) -> None:
    """Stand in for COUPLE inside a flow."""
    await flows.couple.couple.fn(**parameters)


async def _no_log(*_: Any) -> None:
    """Stand in for the sync log."""


def set_rate(world: World, code: str, per_unit: float) -> None:
    """Let one unit of a currency be worth `per_unit` of the local currency."""
    world.company.set_rate(code, date(2026, 1, 1), exchange=1, relational=per_unit)
