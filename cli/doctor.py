"""`tieline doctor`: problems of an installation, and what to do about them."""

from __future__ import annotations

import asyncio
import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import click

from cli.command import ReportingCommand
from cli.in_force import load_checked
from cli.output import print_json
from tieline.errors import TielineError
from tieline.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.diagnosis import Finding
    from tieline.settings import Settings

FOUND = 3
"""Exit status where something is to be done."""
PACKAGES = ("tieline", "prefect", "sqlalchemy", "pandas", "httpx")


@click.command(cls=ReportingCommand, on_failure=lambda _: {"findings": [], "facts": {}})
def doctor(*, as_json: bool) -> None:
    """Look at store, services, jobs and Prefect; say what is wrong and what to do.

    The exit status is 3 when there is a problem, 1 or 2 when the store or a service
    cannot be used.
    """
    settings = load_checked()
    facts: dict[str, Any] = {
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }
    now = datetime.now(UTC)
    findings, errors = _look(settings, facts, now)
    if as_json:
        told = [finding.as_dict() for finding in findings]
        print_json({"findings": told, "facts": facts})
    else:
        _print(findings)
    if errors:
        raise click.exceptions.Exit(errors[0].exit_code)
    if any(finding.level == "problem" for finding in findings):
        raise click.exceptions.Exit(FOUND)


def _look(
    settings: Settings, facts: dict[str, Any], now: datetime
) -> tuple[list[Finding], list[TielineError]]:
    """Look at everything; what cannot be looked at is a finding, too."""
    from cli.diagnosis import Finding

    findings: list[Finding] = []
    errors: list[TielineError] = []

    def note(about: str, error: TielineError) -> None:
        errors.append(error)
        advice = error.advice or f"{error.code} is explained in docs/errors.md."
        findings.append(Finding(about, error.message, advice))

    try:
        findings += _store_findings(settings, facts, now)
    except TielineError as error:
        note("store", error)
    else:
        try:
            settings.require_addresses()
            document, problems = _examined(settings)
            facts["services"] = {
                side: document[side] for side in ("business_central", "dataverse")
            }
            for problem in problems:
                note("services", problem)
            from cli.diagnosis import of_services

            findings += of_services(document)
            if settings.wake_up.public_url and not problems:
                findings += _subscription_findings(settings)
        except TielineError as error:
            note("services", error)
    try:
        findings += asyncio.run(_prefect_findings(facts, now))
    except TielineError as error:
        note("Prefect", error)
    return findings, errors


def _store_findings(
    settings: Settings, facts: dict[str, Any], now: datetime
) -> list[Finding]:
    from cli.diagnosis import of_disk, of_errors, of_jobs, of_store
    from tieline.status import read_status
    from tieline.store import Store
    from tieline.store.migrate import newest_revision
    from tieline.store.upkeep import folder_of, present_revision

    address = settings.store.address
    present, newest = present_revision(address), newest_revision()
    findings = list(of_store(present, newest))
    facts["store"] = {"revision": present}
    with Store.open(address) as store:
        facts["store"]["bytes"] = size = store.size()
        findings += of_jobs(read_status(store), now)
        findings += of_errors(store.list_errors(), now)
        facts["watermarks"] = [
            {"company": name, "job": job, "direction": direction, "value": value}
            for id_, name in store.known_companies().items()
            for job, direction, value in store.list_watermarks(id_)
        ]
    if folder := folder_of(address):
        facts["store"]["free_bytes"] = free = shutil.disk_usage(folder).free
        findings += of_disk(free, size, str(folder))
    return findings


def _subscription_findings(settings: Settings) -> list[Finding]:
    from cli.diagnosis import of_subscriptions
    from cli.subscribe import subscribed

    rows, problems = asyncio.run(subscribed(settings, "show"))
    if problems:
        raise problems[0]
    return list(of_subscriptions(rows))


def _examined(settings: Settings) -> tuple[dict[str, Any], list[TielineError]]:
    from cli.examination import examine
    from tieline.store import Store

    with Store.open(settings.store.address) as store:
        return asyncio.run(examine(settings, store))


async def _prefect_findings(facts: dict[str, Any], now: datetime) -> list[Finding]:
    from prefect.settings import get_current_settings

    from cli.diagnosis import HINT, Finding, of_prefect

    if get_current_settings().api.url is None:
        message = "PREFECT_API_URL is not set, so nothing runs by schedule."
        advice = "docs/deploy.md says how to run a server, a schedule and a worker."
        return [Finding("schedule", message, advice, HINT)]
    from prefect import get_client

    from cli.prefect_ready import require_answer
    from tasks.health import read_health

    await require_answer()
    async with get_client() as client:
        health = await read_health(client, now)
    facts["prefect"] = {
        "server": health.server,
        "deployments": [vars(one) for one in health.deployed],
    }
    return list(of_prefect(health))


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(one_line(f"{finding.level}: {finding.about}: {finding.message}"))
        click.echo(f"  {finding.advice.replace('`', '')}")
    count = sum(finding.level == "problem" for finding in findings)
    if not count:
        click.echo("No problem was found.")
