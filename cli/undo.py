"""`tieline undo`: puts back what a run changed."""

from __future__ import annotations

import asyncio

import click

from cli.asking import dry_run_option
from cli.command import ReportingCommand
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from tieline.report import JobReport


@click.command(cls=ReportingCommand, on_failure=lambda _: JobReport("UNDO").as_dict())
@click.argument("run_id")
@click.option("--record", metavar="ID", help="Only this record: id, number or code.")
@click.option("--field", metavar="F", help="Only this field: property or column.")
@dry_run_option
def undo(
    run_id: str, *, record: str | None, field: str | None, dry_run: bool, as_json: bool
) -> None:
    """Put back what the flow run RUN_ID changed.

    Records that changed since are left alone; the exit status is then 3.
    """
    from flows.undo import undo as undo_flow

    load_checked().require_addresses()
    report = asyncio.run(
        run_flow(undo_flow, run_id=run_id, record=record, field=field, dry_run=dry_run)
    )
    finish(report, as_json=as_json)
