"""`tieline demo`: all jobs played through on this machine."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import click

from cli.command import ReportingCommand
from cli.output import print_json, print_table
from tieline.wording import counted

COUNTERS = ("coupled", "inserted", "modified", "unchanged", "skipped", "failed")
NEXT = "Try next: `{} demo --keep` leaves it all running, with the Prefect UI."
SHOWN = 20
_LONG_S = 3600.0


@click.command(cls=ReportingCommand)
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C.")
def demo(*, keep: bool, as_json: bool) -> None:
    """Play all jobs through on this machine: emulated services, sample data.

    Both emulators, a store and a Prefect server live in a temporary folder that
    is deleted at the end; your own settings are left alone. Runs every job,
    changes records on both sides, runs again, shows the sync log and compares
    both sides.
    """
    from cli.demo_ground import environment, free_port, own_folder, prefect_server
    from emulator.business_central import create_business_central
    from emulator.dataverse import create_dataverse
    from emulator.sample import sample_services
    from emulator.server import serve

    debug = bool(click.get_current_context().find_root().params.get("debug"))
    with ExitStack() as stack:
        say = stack.enter_context(_Progress())
        folder = stack.enter_context(own_folder())
        say("Making up a company, with customers, items and invoices")
        bc, dataverse = sample_services(flaws=False)
        bc_server = stack.enter_context(serve(create_business_central(bc)))
        dataverse_server = stack.enter_context(serve(create_dataverse(dataverse)))
        port = free_port()
        values = _settings(folder, bc_server.url, dataverse_server.url, port)
        stack.enter_context(environment(values, debug=debug))
        say("Starting a Prefect server with a new database; this takes a while")
        server = prefect_server(port, folder / "prefect.log", keeps=keep)
        stack.enter_context(server).wait()
        say("Prefect is ready")
        from cli.demo_rounds import play

        played = play(bc, dataverse, say)
        say.stop()
        if as_json:
            print_json(_document(played, values if keep else {}))
        else:
            _show(played)
        if keep:
            _wait(values)
        elif not as_json:
            click.echo(NEXT.format(_as_typed()))
    if not played.is_good:
        raise click.exceptions.Exit(1)


class _Progress:
    """Says on stderr what goes on, with the seconds since the start."""

    def __init__(self) -> None:
        from rich.console import Console

        self._start = time.monotonic()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = self._console.status("working")

    def __call__(self, text: str) -> None:
        """Print one line."""
        seconds = f"{time.monotonic() - self._start:6.1f} s  "
        self._console.print(seconds + text, markup=False)

    def stop(self) -> None:
        """Take the moving sign off the terminal; a second call does nothing."""
        self._status.stop()

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _settings(folder: Path, bc: str, dataverse: str, port: int) -> dict[str, str]:
    """Return the environment variables that make these services the ones in force."""
    from emulator.sample import COMPANY

    config = folder / "tieline.toml"
    config.write_text("# the demo needs no settings but its environment\n", "utf-8")
    return {
        "TIELINE_BC__URL": bc,
        "TIELINE_BC__COMPANY": COMPANY,
        "TIELINE_DATAVERSE__URL": dataverse,
        "TIELINE_STORE__URL": f"sqlite:///{(folder / 'store.sqlite').as_posix()}",
        "TIELINE_CONFIG": str(config),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(folder / "prefect"),
    }


def _document(played: Any, settings: dict[str, str]) -> dict[str, Any]:
    return {
        "runs": [{"step": step, **run.as_dict()} for step, run in played.runs],
        "log": played.log,
        "edits": list(played.edits.sentences),
        "verified": played.verification.as_dict(),
        **({"settings": settings} if settings else {}),
    }


def _show(played: Any) -> None:
    steps = played.steps()
    rows = [
        (
            steps.get(run["flow_run_id"]),
            run["job"],
            counted["direction"],
            *(counted[name] or None for name in COUNTERS),
            run["state"],
        )
        for run in played.log
        for counted in run["directions"]
    ]
    print_table("Sync log", ["step", "job", "direction", *COUNTERS, "state"], rows)
    failed = [
        (report.name_of(error), step, report.job, error.code, error.message)
        for step, report in played.runs
        for error in report.errors
    ]
    columns = ["record", "step", "job", "code", "reason"]
    print_table("Records that failed", columns, failed[:SHOWN])
    if len(failed) > SHOWN:
        click.echo(f"... and {len(failed) - SHOWN} more.")
    found = played.verification
    click.echo(
        f"{counted(found.equal, 'coupled customer')} equal on both sides, "
        f"{len(found.different)} different."
    )
    for pair in found.different:
        name = played.names.get(pair.bc_id, pair.bc_id)
        click.echo(f"{name}: {', '.join(pair.fields)}")


def _as_typed() -> str:
    """Return how the command is called here: a clone has it only through uv."""
    return "uv run tieline" if "UV" in os.environ else "tieline"


def _wait(settings: dict[str, str]) -> None:
    """Print all addresses and what to set in another shell; wait for Ctrl-C."""
    ui = settings["PREFECT_API_URL"].removesuffix("/api")
    typed = _as_typed()
    form = "$env:{} = '{}'" if sys.platform == "win32" else "export {}='{}'"
    lines = [
        f"Business Central  {settings['TIELINE_BC__URL']}",
        f"Dataverse         {settings['TIELINE_DATAVERSE__URL']}",
        f"Prefect UI        {ui}",
        "",
        "Set in another shell:",
        *(form.format(name, value) for name, value in settings.items()),
        "",
        f"Try next there: `{typed} run CUSTOMER`, `{typed} errors`.",
        "Ctrl-C ends it all.",
    ]
    click.echo("\n".join(lines), err=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(_LONG_S)
