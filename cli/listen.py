"""`tieline listen`: receives notices of changes and has jobs started."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import click

from cli.in_force import load_checked
from tieline.errors import RunError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from tieline.settings import Settings


@click.command()
@click.option("--host", metavar="H", help="The address to bind; 127.0.0.1 by default.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="The port; 8810 by default."
)
def listen(*, host: str | None, port: int | None) -> None:
    """Start jobs when Business Central or Dataverse tell of changes, until Ctrl-C.

    Keeps the subscriptions on both services alive where wake_up.public_url says how
    they reach this receiver. Needs a Prefect server with the deployments.
    """
    settings = load_checked()
    if host is not None:
        settings.wake_up.host = host
    if port is not None:
        settings.wake_up.port = port
    settings.wake_up.require_authentication()
    from cli.prefect_ready import has_own_server

    if has_own_server():
        msg = "PREFECT_API_URL is not set, so there is no server to start jobs on."
        raise SettingsError(msg, advice="Set it to the server with the deployments.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from cli.listening import Listening
    from tieline.wake_up.serving import bound, server_of

    listening = Listening(settings)
    wake_up = settings.wake_up
    try:
        listener = bound(wake_up.host, wake_up.port)
    except OSError as error:
        msg = f"{wake_up.host}:{wake_up.port} cannot be used: {error.strerror}."
        raise SettingsError(msg, advice="Choose another with --host, --port.") from None
    server = server_of(listening.application())
    place = f"{wake_up.host}:{listener.getsockname()[1]}"
    click.echo(f"Listening at {place}; Ctrl-C ends it.", err=True)
    await _until_first(server.serve([listener]), *listening.work())


async def _until_first(*work: Coroutine[Any, Any, None]) -> None:
    """Do all of it until one ends; what broke ends the command."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        if task is not tasks[0] and task.exception() is None:
            msg = "The receiver ended by itself."
            raise RunError(msg)
        task.result()
