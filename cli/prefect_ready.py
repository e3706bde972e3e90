"""Is there a Prefect to run against? If not, one is made ready on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
from prefect import get_client
from prefect.settings import get_current_settings

from tieline.errors import RunError


def has_own_server() -> bool:
    """Whether no PREFECT_API_URL is set, in the environment or a Prefect profile."""
    return get_current_settings().api.url is None


def has_history() -> bool:
    """Whether there may be runs: a server elsewhere, or a database of our own."""
    database = _own_database()
    return not has_own_server() or database is None or _is_filled(database)


async def make_ready() -> None:
    """Make sure that a flow can run, and say on stderr what that takes.

    A server that PREFECT_API_URL names must answer. Without one, Prefect starts
    a temporary server by itself; what it needs is a database, made here because
    that takes longer on a new machine than Prefect waits for its server.

    Raises:
        RunError: the server gives no answer, or the database cannot be made.
    """
    if not has_own_server():
        await _require_answer()
        return
    home = get_current_settings().home
    click.echo(f"PREFECT_API_URL is not set: using Prefect in {home}.", err=True)
    database = _own_database()
    if database is not None and not _is_filled(database):
        click.echo("Preparing its database, once; this takes a while.", err=True)
        _make_database()


async def _require_answer() -> None:
    async with get_client() as client:
        problem = await client.api_healthcheck()
    if problem is not None:
        parts = urlsplit(str(get_current_settings().api.url))
        msg = f"The Prefect server at {parts.hostname}:{parts.port or 'its port'} "
        msg += f"gives no answer ({type(problem).__name__})."
        advice = "Start it, or unset PREFECT_API_URL to run without a server."
        raise RunError(msg, advice=advice)


def _own_database() -> Path | None:
    """Return the SQLite file of Prefect's home; None when another one is set."""
    settings = get_current_settings()
    home = settings.home / "prefect.db"
    url = settings.server.database.connection_url
    address = "" if url is None else url.get_secret_value()
    return home if not address or address.endswith(home.as_posix()) else None


def _is_filled(database: Path) -> bool:
    return database.is_file() and database.stat().st_size > 0


def _make_database() -> None:
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "PREFECT_HOME": str(get_current_settings().home)},
        check=False,
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"status {done.returncode}"
        msg = f"Prefect's database cannot be prepared: {reason}."
        raise RunError(msg, advice="Check PREFECT_HOME and its rights.")
