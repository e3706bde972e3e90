"""Is Prefect made ready when it has to be, and its absence told in one sentence?"""

from __future__ import annotations

import asyncio

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL as DATABASE

import cli.prefect_ready
from tests.cli.conftest import document, sentence


@pytest.fixture
def own_home(tmp_path):
    """A new Prefect home, and no server."""
    home = tmp_path / "prefect"
    home.mkdir()
    with temporary_settings(
        {PREFECT_HOME: home}, restore_defaults={PREFECT_API_URL, DATABASE}
    ):
        yield home


@pytest.fixture
def made(monkeypatch):
    """Notes when a database is made."""
    calls: list[str] = []
    monkeypatch.setattr(
        cli.prefect_ready, "_make_database", lambda: calls.append("made")
    )
    return calls


def test_a_server_that_gives_no_answer(services, invoke):
    """A wrong PREFECT_API_URL is one sentence, before a run is begun."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        result = invoke("run", "CURRENCY", "--json")
    assert (1, "") == (result.exit_code, document(result)["flow_run_id"])
    assert sentence(result).startswith("The Prefect server at 127.0.0.1:9 gives no")
    assert "PREFECT_API_URL" in sentence(result)


def test_a_new_home_gets_its_database_once(own_home, made, capsys):
    """What is prepared is said on stderr; a home that has a database is left alone."""
    asyncio.run(cli.prefect_ready.make_ready())
    assert ["made"] == made
    told = capsys.readouterr()
    assert ("", True) == (told.out, f"using Prefect in {own_home}" in told.err)
    (own_home / "prefect.db").write_bytes(b"x")
    asyncio.run(cli.prefect_ready.make_ready())
    assert ["made"] == made


def test_a_database_elsewhere_is_not_ours_to_make(own_home, made):
    """The server brings a database that the user named up to date by itself."""
    with temporary_settings({DATABASE: "postgresql+asyncpg://me@db/prefect"}):
        asyncio.run(cli.prefect_ready.make_ready())
    assert [] == made


def test_no_history_is_an_empty_log(own_home, made, invoke):
    """Before the first run, Prefect is not started to say so."""
    assert [] == document(invoke("log", "--json"))
    assert "There was no run yet." in invoke("log").stdout
    assert [] == made
