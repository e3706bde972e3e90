"""Both sides on their emulators, described alike: one suite serves both."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from emulator.business_central import (
    BusinessCentralState,
    create_business_central,
)
from emulator.counters import Counters
from emulator.dataverse import DataverseState, create_dataverse
from emulator.faults import Fault, Faults
from emulator.server import serve
from tests.odata.fakes import Time
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.odata.model import Change
from tieline.odata.schema import MemoryCache, MetadataCache
from tieline.odata.wire import Wire
from tieline.settings import BusinessCentralSettings, DataverseSettings

ANY_BATCH = r"\$batch|Multiple"


@dataclass
class Case:
    """A side, its emulator, and what the columns that the suite uses are called."""

    side: Any
    state: Any
    table: str
    name: str
    number: str
    phone: str
    money: str
    too_long: str
    time: Time
    edit: Callable[[str, str], None] = field(repr=False)
    connect: Callable[..., Any] = field(repr=False)

    @property
    def faults(self) -> Faults:
        faults: Faults = self.state.faults
        return faults

    @property
    def counters(self) -> Counters:
        counters: Counters = self.state.counters
        return counters

    @property
    def columns(self) -> list[str]:
        return [self.name, self.number, self.phone, self.money]

    def fail(self, kind: str, path: str = ANY_BATCH, **more: Any) -> Fault:
        options = {"count": 1, "method": "POST", **more}
        return self.faults.add(Fault(kind, path=path, **options))  # type: ignore[arg-type]

    def fresh(self, count: int) -> list[Change]:
        """Rows to insert under new ids."""
        return [
            Change(
                str(uuid.uuid4()),
                {self.number: f"T{n:05}", self.name: f"Name {n}", self.money: n + 0.5},
            )
            for n in range(count)
        ]

    async def seeded(self, count: int) -> list[Change]:
        """Rows that exist."""
        rows = self.fresh(count)
        written = await self.side.insert(self.table, rows)
        assert [None] * count == [one.error for one in written]
        return rows

    async def names(self, ids: Sequence[str]) -> dict[str, str]:
        frame = await self.side.by_id(self.table, ids, columns=[self.name])
        return dict(zip(frame["id"], frame[self.name], strict=True))


@pytest.fixture(params=["bc", "dataverse"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async for one in _bc() if request.param == "bc" else _dataverse():
        yield one


@pytest.fixture
async def bc() -> AsyncIterator[Case]:
    async for one in _bc():
        yield one


@pytest.fixture
async def standard_bc() -> AsyncIterator[Case]:
    async for one in _bc(companion=False):
        yield one


@pytest.fixture
async def dataverse() -> AsyncIterator[Case]:
    async for one in _dataverse():
        yield one


async def _bc(*, companion: bool = True) -> AsyncIterator[Case]:
    state = BusinessCentralState(companion=companion)
    company = state.add_company("CRONUS International")
    time = Time()
    with serve(create_business_central(state)) as server:
        settings = BusinessCentralSettings(url=server.url)

        async def connect(
            cache: MetadataCache | None = None, timeout_s: float = 20.0
        ) -> BusinessCentral:
            return await BusinessCentral.connect(
                settings,
                company="cronus international",
                cache=cache or MemoryCache(),
                wire=Wire(sleep=time.sleep, clock=time.clock, timeout_s=timeout_s),
            )

        async with await connect() as side:
            yield Case(
                side,
                state,
                "customers",
                "displayName",
                "number",
                "phoneNumber",
                "creditLimit",
                "x" * 101,
                time,
                lambda id, name: (
                    company.update("customers", id, {"displayName": name}) and None
                ),
                connect,
            )


async def _dataverse() -> AsyncIterator[Case]:
    state = DataverseState()
    time = Time()
    with serve(create_dataverse(state)) as server:
        settings = DataverseSettings(url=server.url)

        async def connect(
            cache: MetadataCache | None = None, timeout_s: float = 20.0
        ) -> Dataverse:
            return await Dataverse.connect(
                settings,
                cache=cache or MemoryCache(),
                wire=Wire(sleep=time.sleep, clock=time.clock, timeout_s=timeout_s),
            )

        async with await connect() as side:
            yield Case(
                side,
                state,
                "account",
                "name",
                "accountnumber",
                "telephone1",
                "creditlimit",
                "x" * 161,
                time,
                lambda id, name: state.edit_as(
                    state.people.integration, "account", id, {"name": name}
                ),
                connect,
            )
