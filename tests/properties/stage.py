"""The scene of the state machine: a world with stopped clocks, and how it looks."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest

from emulator.faults import Fault, Faults
from flows.couple import couple
from tests.world import Ground, World, new_world, set_rate
from tieline.engine.run import JobRun
from tieline.report import JobReport

BEGIN = datetime(2026, 6, 1, 12, tzinfo=UTC)
CUSTOMER = "customers"


class Scene:
    """One company and one organisation whose time only moves when told to."""

    def __init__(
        self, base: Ground, store_url: str, skews: tuple[int, int], stack: ExitStack
    ) -> None:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="scene-")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        url = store_url or f"sqlite:///{(folder / 'store.sqlite').as_posix()}"
        self.now = BEGIN
        patch.setattr(JobRun, "now", property(lambda run: self.now))
        trust = _trust()
        patch.setattr(
            httpx._transports.default, "create_ssl_context", lambda **_: trust
        )
        self.world: World = stack.enter_context(new_world(base, url, folder, patch))
        for service, skew in zip((self.world.bc, self.world.dv), skews, strict=True):
            service.clock.fixed = BEGIN
            service.clock.skew = timedelta(seconds=skew)
        self.world.configure("[safety]\nkey_sweep_hours = 0\nmax_deleted_share = 1.0\n")
        self._furnish()

    def _furnish(self) -> None:
        world = self.world
        for code in ("DKK", "SEK"):
            world.company.insert("currencies", {"code": code, "displayName": code})
        world.company.insert(
            "salespeoplePurchasers", {"code": "JO", "displayName": "Jo"}
        )
        self.krona = world.dv.insert(
            "transactioncurrency",
            {
                "isocurrencycode": "SEK",
                "currencyname": "Krona",
                "currencysymbol": "kr",
                "exchangerate": 11.0,
                "currencyprecision": 2,
            },
        )
        self.seller = world.dv.add_user("Jo Seller", "jo@example.com", islicensed=True)
        world.run("CURRENCY")

    def advance(self, seconds: float) -> None:
        """Let time pass, everywhere."""
        self.now += timedelta(seconds=seconds)
        self.world.bc.clock.advance(seconds)
        self.world.dv.clock.advance(seconds)

    def give_rates(self) -> None:
        """The currencies get their rates, and travel."""
        for code in ("DKK", "SEK"):
            set_rate(self.world, code, 0.1)
        self.world.run("CURRENCY", create_new=True)

    def couple_salesperson(self) -> None:
        """The salesperson is coupled with a user."""
        self.world.run_flow(couple, job="SALESPEOPLE", pairs=[f"JO={self.seller}"])

    def customers(self) -> dict[str, dict[str, Any]]:
        """Return the customers by id."""
        return {row["id"]: dict(row) for row in self.world.company.rows(CUSTOMER)}

    def accounts(self) -> dict[str, dict[str, Any]]:
        """Return the accounts by id."""
        return {row["accountid"]: dict(row) for row in self.world.dv.rows("account")}

    def in_trouble(self, job: str, ids: list[str]) -> set[str]:
        """Return which of a job's records have an open error or are skipped."""
        company = self.world.company.id
        with self.world.open_store() as store:
            found = {
                id_
                for way in ("to-dataverse", "from-dataverse")
                for id_ in store.errors_for(company, job, way, ids)
            }
            for frame in store.each_coupling(company, job):
                rows = frame.reset_index()
                found |= set(rows.loc[rows["skipped"].astype(bool), "bc_id"])
        return found

    def stored_versions(self, job: str) -> dict[str, str]:
        """Return the version that the couplings know of every record, by id."""
        found: dict[str, str] = {}
        with self.world.open_store() as store:
            for frame in store.each_coupling(self.world.company.id, job):
                rows = frame.reset_index()
                for side in ("bc", "dataverse"):
                    ids, versions = rows[f"{side}_id"], rows[f"{side}_version"]
                    found |= dict(zip(ids, versions, strict=True))
        return found

    def writes(self) -> int:
        """Return how many rows were written so far, on both sides."""
        return sum(self.world.bc.counters.written.values()) + sum(
            self.world.dv.counters.written.values()
        )


def failures(report: JobReport) -> list[str]:
    """Return the messages of a report, to be shown when a test fails."""
    return [f"{error.direction}: {error.message}" for error in report.errors]


def before_write(faults: Faults, id_: str, edit: Callable[[], None]) -> None:
    """Let another user come in right before a run changes that record, once."""
    left = [edit]

    def interfere() -> None:
        if left:
            left.pop()()

    one = f"(?i){re.escape(id_)}"
    for path, method, is_part in (
        (one, "PATCH", True),
        (one, "PATCH", False),
        ("UpdateMultiple", "POST", False),
    ):
        faults.add(
            Fault("edit", method=method, path=path, operation=is_part, edit=interfere)
        )


_context: list[ssl.SSLContext] = []


def _trust() -> ssl.SSLContext:
    """Return one context for all clients: to build it takes longer than a run."""
    if not _context:
        _context.append(ssl.create_default_context())
    return _context[0]
