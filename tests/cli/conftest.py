"""What the tests of the command stand on: both services, settings, and a runner."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import tieline
from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.dataverse import DataverseState, create_dataverse
from tests.world import Ground
from tieline.store import Store

Invoke = Callable[..., Result]


@dataclass
class Services:
    """Two empty services, and the store that the settings name."""

    bc: BusinessCentralState
    company: LiveCompany
    dataverse: DataverseState
    store_url: str

    def store(self) -> Store:
        """Open the store; close it after use."""
        return Store.open(self.store_url)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, nothing configured but a store of its own."""
    for name in list(os.environ):
        if name.startswith("TIELINE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    monkeypatch.setenv("TIELINE_STORE__URL", store)
    return tmp_path


@pytest.fixture
def services(base: Ground, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Serve both services with empty tables, and configure them."""
    bc = BusinessCentralState()
    company = bc.add_company("CRONUS", local_currency="EUR")
    dataverse = DataverseState()
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dataverse)
    monkeypatch.setenv("TIELINE_BC__URL", base.bc_url)
    monkeypatch.setenv("TIELINE_BC__COMPANY", "CRONUS")
    monkeypatch.setenv("TIELINE_DATAVERSE__URL", base.dataverse_url)
    return Services(bc, company, dataverse, os.environ["TIELINE_STORE__URL"])


@pytest.fixture
def invoke() -> Invoke:
    """Run the command in this process."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(tieline, arguments)

    return run


def document(result: Result) -> Any:
    """Return the one JSON document on stdout."""
    return json.loads(result.stdout)


def sentence(result: Result) -> str:
    """Return the one error on stderr; fails when there are more lines of it."""
    (line,) = [one for one in result.stderr.splitlines() if one.startswith("Error: ")]
    return line.removeprefix("Error: ")
