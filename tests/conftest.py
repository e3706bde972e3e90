"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import fresh_database, postgres_server
from tests.prefect_harness import prefect_server
from tests.world import Ground, World, ground, new_world

__all__ = ["postgres_server", "prefect_server"]


@pytest.fixture(scope="session")
def base() -> Iterator[Ground]:
    """Serve both emulators once for all tests."""
    with ground() as served:
        yield served


@pytest.fixture
def world(
    base: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """An empty company, an empty organisation, a store on SQLite."""
    url = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
    with new_world(base, url, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def either_world(
    request: pytest.FixtureRequest,
    base: Ground,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """As `world`, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{(tmp_path / 'store.sqlite').as_posix()}"
        with new_world(base, url, tmp_path, monkeypatch) as made:
            yield made
        return
    server = request.getfixturevalue("postgres_server")
    with (
        fresh_database(server) as url,
        new_world(base, url, tmp_path, monkeypatch) as made,
    ):
        yield made
