"""Entry point of `tieline`: its commands, and how they end."""

from __future__ import annotations

import signal
import sys

import click

from cli.lazy import LazyGroup
from cli.pipes import let_readers_leave
from cli.prefect_defaults import set_defaults

COMMANDS = {
    "apply": ("cli.apply:apply", "Carry out the plan of a dry run."),
    "backup": ("cli.backup:backup", "Copy the store into a file."),
    "check": ("cli.check:check", "Connect to both sides and say what works."),
    "couple": ("cli.couple:couple", "Couple records, by hand or by equal fields."),
    "couplings": ("cli.couplings:couplings", "List the couplings of a job."),
    "demo": ("cli.demo:demo", "Watch all of it work on this machine."),
    "doctor": ("cli.doctor:doctor", "Say what is wrong, and what to do."),
    "emulate": ("cli.emulate:emulate", "Serve both services on this machine."),
    "errors": ("cli.errors:errors", "List the records that fail or wait."),
    "explain": ("cli.explain:explain", "Say why a record is where it is."),
    "full-sync": ("cli.sync:full_sync", "Synchronize all records of all jobs."),
    "listen": ("cli.listen:listen", "Start jobs when a service tells of changes."),
    "log": ("cli.log:log", "Show the sync log, newest run first."),
    "mappings": ("cli.mappings:mappings", "Show the mappings in force."),
    "prune": ("cli.prune:prune", "Remove what is older than the settings keep."),
    "rebind": ("cli.backup:rebind", "Bind the store to services that were moved."),
    "resolve": ("cli.resolve:resolve", "Decide about records that fail."),
    "restore": ("cli.backup:restore", "Make the store out of a backup."),
    "run": ("cli.run:run", "Run one job here and now."),
    "status": ("cli.status:status", "Show how every job stands."),
    "subscribe": ("cli.subscribe:subscribe", "Show or make subscriptions to changes."),
    "sync": ("cli.sync:sync", "Synchronize the changed records of all jobs."),
    "uncouple": ("cli.uncouple:uncouple", "Dissolve couplings."),
    "undo": ("cli.undo:undo", "Put back what a run changed."),
    "verify": ("cli.verify:verify", "Compare both sides of a job completely."),
}
"""Where each command lives, and its line in the list of commands.

A command is imported when it is called. Its module declares its options and loads
what it runs when it runs, so that help and completion wait for neither Prefect nor
pandas.
"""


def _prepare(_context: click.Context, _option: click.Parameter, debug: bool) -> bool:  # noqa: FBT001 - called by click
    """Set Prefect's defaults: before any command is imported, and Prefect with it."""
    set_defaults(debug=debug)
    return debug


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--debug",
    is_flag=True,
    callback=_prepare,
    help="Show Prefect's log and, after an error, where it came from.",
)
@click.version_option(package_name="tieline", message="tieline %(version)s")
def tieline(*, debug: bool) -> None:
    """Keep Dynamics 365 Business Central and Dynamics 365 Sales in step.

    Settings are environment variables (TIELINE_...) or ./tieline.toml.
    """


def end_like_ctrl_c() -> None:
    """Let a closed terminal or a `kill` end the command as Ctrl-C does.

    It then takes along what it has started, such as a Prefect server. A signal that
    is ignored, as under `nohup`, stays so.
    """
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main() -> None:
    """Run the command that was typed; never returns."""
    end_like_ctrl_c()
    for stream in (sys.stdout, sys.stderr):
        # A Windows code page lacks letters that records have; JSON is UTF-8 anyway.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    let_readers_leave()
    tieline(prog_name="tieline")
