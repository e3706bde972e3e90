"""`tieline apply`: carries out the plan of a dry run."""

from __future__ import annotations

import asyncio

import click

from cli.command import ReportingCommand
from cli.flow_run import finish, run_flow
from cli.in_force import load_checked
from tieline.report import JobReport


@click.command(cls=ReportingCommand, on_failure=lambda _: JobReport("APPLY").as_dict())
@click.argument("plan_id")
def apply(plan_id: str, *, as_json: bool) -> None:
    """Carry out the plan PLAN_ID of a dry run.

    Records that changed since the plan was made are refused; the exit status is
    then 3.
    """
    from flows.apply import apply as apply_flow

    load_checked().require_addresses()
    finish(asyncio.run(run_flow(apply_flow, plan_id=plan_id)), as_json=as_json)
