"""Check that Prefect can run flows, or make it ready on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx
from prefect import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings

from tieline.errors import RunError, SettingsError, TielineError


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
        RunError: the server gives no answer or does not start, or the database
            cannot be made.
        SettingsError: it refuses the sign-in, or is at another address.
    """
    if not has_own_server():
        await require_answer()
        return
    home = get_current_settings().home
    click.echo(f"PREFECT_API_URL is not set: using Prefect in {home}.", err=True)
    database = _own_database()
    if database is not None and not _is_filled(database):
        click.echo("Preparing its database, once; this takes a while.", err=True)
        _make_database()
    _start_server()


async def require_answer() -> None:
    """Ask for what needs a sign-in, where there is one."""
    parts = urlsplit(str(get_current_settings().api.url))
    server = f"The Prefect server at {parts.hostname}:{parts.port or 'its port'}"
    try:
        async with get_client() as client:
            await client.api_version()
    except PrefectHTTPStatusError as error:
        raise _refusal(server, error.response.status_code) from None
    except (httpx.TransportError, OSError) as error:
        msg = f"{server} gives no answer ({type(error).__name__})."
        advice = "Start it, or unset PREFECT_API_URL to run without a server."
        raise RunError(msg, advice=advice) from None
    except ValueError:
        raise _refusal(server, httpx.codes.NOT_FOUND) from None


def _refusal(server: str, status: int) -> TielineError:
    """Return what a status of the server, or a page that is no JSON, comes to."""
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        msg = f"{server} refuses the sign-in (status {status})."
        return SettingsError(msg, advice="Set PREFECT_API_AUTH_STRING as it has it.")
    if status in (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED):
        msg = f"{server} has no API at the path of PREFECT_API_URL."
        return SettingsError(msg, advice="Let the address end in /api.")
    msg = f"{server} does not serve (status {status})."
    return RunError(msg, advice="Look into its log, or try again later.")


def _start_server() -> None:
    """Start Prefect's temporary server here, where it can be told that it does not.

    Prefect keeps it for all its clients of this process, and stops it at the end.
    """
    try:
        get_client(sync_client=True)
    except (RuntimeError, httpx.TransportError) as error:
        limit_s = get_current_settings().server.ephemeral.startup_timeout_seconds
        home = get_current_settings().home
        msg = f"Prefect in {home} does not start within {limit_s} s."
        if "exited" in str(error):
            msg = f"Prefect in {home} does not start."
        advice = "Try again, or start `prefect server start` and set PREFECT_API_URL."
        raise RunError(msg, advice=advice) from None


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
