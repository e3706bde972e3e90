"""Make everything that the Prefect server needs: work pool, deployments, automations.

    uv run python deployments/set_up.py

It goes to the server that PREFECT_API_URL names, and waits for one that is still
starting. A second run changes only what differs from the files, so it is also how a
new version is rolled out, and how another schedule of tieline.toml comes into force.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL
from pydantic import ValidationError

from tieline.errors import SettingsError
from tieline.schedule_settings import ScheduleSettings
from tieline.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
AUTOMATIONS = Path(__file__).with_name("automations.yaml")
SERVER_LIMIT_S = 300.0


def main() -> None:
    """Create or update all three; ends with Prefect's status if it refuses."""
    try:
        declared = with_schedules(
            yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8")),
            # Secrets that settings name are left alone: none is needed here.
            load_settings().schedules,
        )
        if not PREFECT_API_URL.value():
            msg = "No Prefect server is named."
            raise SettingsError(msg, advice="Set PREFECT_API_URL to its address.")
        with get_client(sync_client=True) as client:
            wait_for(client)
            ensure_pool(client, declared["definitions"]["pool"]["name"])
            ensure_automations(client)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    sys.exit(deploy(declared))


def with_schedules(
    declared: Mapping[str, Any], wanted: Mapping[str, ScheduleSettings]
) -> dict[str, Any]:
    """Return the declaration with the schedules that are wanted; keeps all others.

    Args:
        declared: the content of prefect.yaml.
        wanted: schedules by the name of the deployment, in any case.

    Raises:
        SettingsError: there is no such deployment, it has no schedule to switch on,
            or the schedule is not one.
    """
    result = copy.deepcopy(dict(declared))
    deployments = {item["name"].casefold(): item for item in result["deployments"]}
    for name, schedule in wanted.items():
        found = deployments.get(name.strip().casefold())
        if found is None:
            known = ", ".join(item["name"] for item in deployments.values())
            msg = f"[schedules] in tieline.toml names {name}, which is no deployment."
            raise SettingsError(msg, advice=f"Name one of {known}.")
        found["schedules"] = _schedules(name, found.get("schedules") or [], schedule)
    return result


def _schedules(
    name: str, present: list[dict[str, Any]], wanted: ScheduleSettings
) -> list[dict[str, Any]]:
    if not wanted.cron:
        if wanted.active and not present:
            msg = f"[schedules] in tieline.toml switches on {name}, which has none."
            raise SettingsError(msg, advice="Give it a cron expression.")
        return [item | {"active": wanted.active} for item in present]
    try:
        CronSchedule(cron=wanted.cron, timezone=wanted.timezone)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        msg = f"The schedule of {name} in tieline.toml is wrong: {reason}."
        advice = "Write minute, hour, day, month, weekday; and an IANA time zone."
        raise SettingsError(msg, advice=advice) from None
    return [wanted.model_dump()]


def wait_for(
    client: SyncPrefectClient,
    *,
    limit_s: float = SERVER_LIMIT_S,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the server answers; one that starts migrates its database first.

    Raises:
        SettingsError: it does not answer within `limit_s` seconds.
    """
    give_up = time.monotonic() + limit_s
    while error := client.api_healthcheck():
        if time.monotonic() > give_up:
            msg = f"The Prefect server at {client.api_url} does not answer: {error}."
            raise SettingsError(msg, advice="Start it, or correct PREFECT_API_URL.")
        pause(2)


def deploy(declared: dict[str, Any]) -> int:
    """Deploy everything that is declared, and return Prefect's status."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prefect.yaml")
        path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
        command += ["--prefect-file", str(path)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


def ensure_pool(client: SyncPrefectClient, name: str) -> None:
    """Create the work pool unless it is there; its settings are the user's."""
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
    except ObjectAlreadyExists:
        print(f"The work pool {name} exists.")
    else:
        print(f"Created the work pool {name}.")


def ensure_automations(client: SyncPrefectClient) -> None:
    """Create the automations, or bring those of the same name up to date."""
    declared = yaml.safe_load(AUTOMATIONS.read_text(encoding="utf-8"))
    for values in declared["automations"]:
        wanted = AutomationCore.model_validate(values)
        existing = client.read_automations_by_name(wanted.name)
        if existing:
            client.update_automation(existing[0].id, wanted)
        else:
            client.create_automation(wanted)
        print(f"The automation {wanted.name} is in force.")


if __name__ == "__main__":
    main()
