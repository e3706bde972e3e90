"""`tieline emulate`: both services emulated on this machine, to try things out."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import click
import orjson

from tieline.errors import SettingsError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from emulator.server import RunningServer

_PORT = click.IntRange(min=0, max=65535)
_LONG_S = 3600.0


@click.command()
@click.option("--bc-port", type=_PORT, default=8801, show_default=True)
@click.option("--dataverse-port", type=_PORT, default=8802, show_default=True)
@click.option(
    "--no-companion",
    is_flag=True,
    help="Only Business Central's standard API, as without the companion app.",
)
@click.option(
    "--no-solutions",
    is_flag=True,
    help="Dataverse without the tables and columns of the integration's solutions.",
)
def emulate(
    *, bc_port: int, dataverse_port: int, no_companion: bool, no_solutions: bool
) -> None:
    """Serve both services with the data of a sample company until Ctrl-C.

    Prints both addresses as one line of JSON when they can be used; 0 takes any
    free port. What is written to them is forgotten at the end.
    """
    from emulator.business_central import create_business_central
    from emulator.dataverse import SOLUTIONS, create_dataverse
    from emulator.sample import sample_services

    solutions = frozenset[str]() if no_solutions else SOLUTIONS
    bc_state, dataverse_state = sample_services(solutions=solutions)
    bc_state.companion = not no_companion
    with (
        _serve(create_business_central(bc_state), "--bc-port", bc_port) as bc,
        _serve(
            create_dataverse(dataverse_state), "--dataverse-port", dataverse_port
        ) as dataverse,
    ):
        click.echo(orjson.dumps({"bc": bc.url, "dataverse": dataverse.url}))
        with contextlib.suppress(KeyboardInterrupt):
            # Not a lock: on Windows, Ctrl-C does not end the wait for one.
            while True:
                time.sleep(_LONG_S)


def _serve(app: ASGIApp, option: str, port: int) -> RunningServer:
    from emulator.server import serve

    try:
        return serve(app, port)
    except OSError as error:
        msg = f"The port {port} cannot be used: {error.strerror}."
        raise SettingsError(msg, advice=f"Choose another with {option}.") from None
