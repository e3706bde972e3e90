"""Planted secrets are nowhere to be found after a whole round of jobs.

Looked through are: what the commands print, what Python logs at any level, every file
of Prefect's home (its database with logs, artifacts, events and states), and the store.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from prefect.settings import get_current_settings

from cli.main import tieline
from emulator.business_central import create_business_central
from emulator.dataverse import create_dataverse
from emulator.sample import sample_services
from emulator.token import Tokens
from tests.world import Ground

COMMANDS = [
    ["check", "--json"],
    ["full-sync", "--json"],
    ["run", "CUSTOMER"],
    ["run", "CUSTOMER", "--dry-run"],
    ["verify", "CUSTOMER"],
    ["errors"],
    ["log"],
    ["status"],
    ["couplings", "CUSTOMER"],
    ["mappings", "CUSTOMER"],
    ["subscribe"],
    ["doctor"],
]


@dataclass
class Scene:
    """The secrets that were planted, and all that was said."""

    folder: Path
    environment: pytest.MonkeyPatch
    tokens: list[Tokens]
    planted: list[str]
    said: dict[str, str] = field(default_factory=dict)

    def invoke(self, *arguments: str) -> int:
        """Run a command with Python's logs at their most talkative."""
        result = CliRunner().invoke(tieline, ["--debug", *arguments])
        told = f"{result.stdout}\n{result.stderr}"
        self.said[" ".join(arguments)] = told + repr(result.exception)
        return result.exit_code

    @property
    def secrets(self) -> list[str]:
        """What was planted, and every token that was given out."""
        return [*self.planted, *(one for known in self.tokens for one in known.issued)]

    def found(self) -> list[str]:
        """Return where a secret is, each place by name."""
        places = {name: text.encode() for name, text in self.said.items()}
        for root in (self.folder, get_current_settings().home):
            for path in root.rglob("*"):
                if path.is_file():
                    places[str(path)] = path.read_bytes()
        wanted = [one.encode() for one in self.secrets]
        return [
            f"{name}: {one.decode()[:9]}..."
            for name, content in places.items()
            for one in wanted
            if one in content
        ]


@pytest.fixture
def scene(
    base: Ground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prefect_server: str,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Scene]:
    """Both services with a sample company; each demands a token for its own secret."""
    for name in list(os.environ):
        if name.startswith("TIELINE_"):
            monkeypatch.delenv(name)
    bc, dataverse = sample_services(customers=12)
    base.bc.app = create_business_central(bc)
    base.dataverse.app = create_dataverse(dataverse)
    made = Scene(tmp_path, monkeypatch, [bc.tokens, dataverse.tokens], [])
    store = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    monkeypatch.setenv("TIELINE_STORE__URL", store)
    monkeypatch.setenv("TIELINE_BC__COMPANY", next(iter(bc.companies.values())).name)
    for name, url, tokens in (
        ("BC", base.bc_url, bc.tokens),
        ("DATAVERSE", base.dataverse_url, dataverse.tokens),
    ):
        tokens.client_id, tokens.client_secret = "app", f"planted~{secrets.token_hex()}"
        made.planted.append(tokens.client_secret)
        monkeypatch.setenv(f"TIELINE_{name}__URL", url)
        monkeypatch.setenv(f"TIELINE_{name}__TENANT_ID", "contoso")
        monkeypatch.setenv(f"TIELINE_{name}__CLIENT_ID", "app")
        monkeypatch.setenv(f"TIELINE_{name}__CLIENT_SECRET", tokens.client_secret)
        token_url = f"{url}/contoso/oauth2/v2.0/token"
        monkeypatch.setenv(f"TIELINE_{name}__TOKEN_URL", token_url)
    made.planted.append(key := f"wakeup{secrets.token_hex()}")
    monkeypatch.setenv("TIELINE_WAKE_UP__KEY", key)
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "azure", "sqlalchemy", "tieline"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield made
    made.said["logging"] = caplog.text


@pytest.mark.timeout(900)
def test_a_round_of_jobs_leaves_no_secret_behind(scene: Scene, caplog) -> None:
    """Every job runs, with failures among its records; nothing tells a secret."""
    codes = {name: scene.invoke(*name.split()) for name in map(" ".join, COMMANDS)}
    assert codes.pop("doctor") in (0, 1, 3)  # it finds no deployments here
    assert 2 == codes.pop("subscribe")  # nothing says how services reach a receiver
    assert {0, 3} >= set(codes.values()), codes
    assert 3 == codes["full-sync --json"]
    scene.said["logging"] = caplog.text
    assert [True, True] == [bool(tokens.issued) for tokens in scene.tokens]
    assert "Authorization" not in caplog.text
    assert [] == scene.found()


def test_refused_credentials_are_not_told(scene: Scene, caplog) -> None:
    """Neither the one that was refused nor the right one."""
    scene.planted.append(wrong := f"wrong~{secrets.token_hex()}")
    scene.environment.setenv("TIELINE_BC__CLIENT_SECRET", wrong)
    assert 2 == scene.invoke("run", "CURRENCY")
    scene.said["logging"] = caplog.text
    assert "Business Central" in scene.said["run CURRENCY"]
    assert [] == scene.found()


def test_a_crash_tells_no_secret(scene: Scene, caplog, monkeypatch) -> None:
    """The trace of an error that nobody foresaw holds no credential."""

    async def broken(*_: object, **__: object) -> httpx.Response:
        msg = "nobody foresaw this"
        raise RuntimeError(msg)

    scene.invoke("run", "CURRENCY")
    send = httpx.AsyncClient.send

    async def sends(
        client: httpx.AsyncClient, request: httpx.Request, **options: object
    ) -> httpx.Response:
        if "currencies" in str(request.url):
            return await broken()
        return await send(client, request, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", sends)
    assert 1 == scene.invoke("run", "CURRENCY", "--full")
    scene.said["logging"] = caplog.text
    assert "nobody foresaw this" in scene.said["run CURRENCY --full"]
    assert [] == scene.found()


def test_the_password_of_a_store_is_not_told(scene: Scene, caplog) -> None:
    """A database that cannot be reached is told without it."""
    scene.planted.append(password := f"stored{secrets.token_hex()}")
    url = f"postgresql+psycopg://tieline:{password}@127.0.0.1:1/tieline"
    scene.environment.setenv("TIELINE_STORE__URL", url)
    assert 1 == scene.invoke("run", "CURRENCY")
    assert 1 == scene.invoke("errors")
    scene.said["logging"] = caplog.text
    assert [] == scene.found()


def test_a_secret_that_is_there_is_found(scene: Scene) -> None:
    """The search sees what is in a database's file, as it would any leak."""
    with sqlite3.connect(scene.folder / "leak.sqlite") as connection:
        connection.execute("CREATE TABLE leak (text)")
        connection.execute("INSERT INTO leak VALUES (?)", (scene.planted[0],))
    assert [str(scene.folder / "leak.sqlite")] == [
        place.rpartition(": ")[0] for place in scene.found()
    ]
