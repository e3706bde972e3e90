"""Prefect is made ready when needed, and its absence told in one sentence."""

from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

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
    monkeypatch.setattr(cli.prefect_ready, "get_client", lambda **_: None)
    return calls


def test_a_server_that_gives_no_answer(services, invoke):
    """A wrong PREFECT_API_URL is one sentence, before a run is begun."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        result = invoke("run", "CURRENCY", "--json")
    assert (1, "") == (result.exit_code, document(result)["flow_run_id"])
    assert sentence(result).startswith("The Prefect server at 127.0.0.1:9 gives no")
    assert "PREFECT_API_URL" in sentence(result)


class _Answers(BaseHTTPRequestHandler):
    """A server that is not Prefect's, or does not let us in."""

    status, body = 200, b"<html></html>"

    def do_GET(self):
        """Give the same answer to everything."""
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        """Keep quiet."""


@pytest.mark.parametrize(
    ("status", "expected", "exit_code"),
    [
        (200, "has no API at the path of PREFECT_API_URL. Let the address end in", 2),
        (404, "has no API at the path of PREFECT_API_URL. Let the address end in", 2),
        (401, "refuses the sign-in (status 401). Set PREFECT_API_AUTH_STRING", 2),
        (500, "does not serve (status 500). Look into its log", 1),
    ],
)
def test_a_server_that_does_not_serve_us(
    services, invoke, monkeypatch, status, expected, exit_code
):
    """Whatever stands at PREFECT_API_URL is told in one sentence, before a run."""
    monkeypatch.setattr(_Answers, "status", status)
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/api"
        with temporary_settings({PREFECT_API_URL: address}):
            result = invoke("log", "--json")
        server.shutdown()
    assert exit_code == result.exit_code
    assert expected in sentence(result)
    assert expected in document(result)["error"]["message"]


def test_a_server_of_our_own_that_does_not_start(services, own_home, made, invoke):
    """A machine that is too busy for it is one sentence, and no run."""

    def late(**_):
        msg = "Timed out while attempting to connect"
        raise RuntimeError(msg)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.prefect_ready, "get_client", late)
        result = invoke("run", "CURRENCY", "--json")
    assert (1, "") == (result.exit_code, document(result)["flow_run_id"])
    assert f"Prefect in {own_home} does not start within" in sentence(result)
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
