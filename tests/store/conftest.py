"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import fresh_database, postgres_server
from tieline.store import Store

__all__ = ["postgres_server"]


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{(tmp_path / 'new' / 'folder' / 'store.sqlite').as_posix()}"
    else:
        with fresh_database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """Yield an open store."""
    with Store.open(address) as opened:
        yield opened
