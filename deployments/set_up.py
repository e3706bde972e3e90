"""Make everything that the Prefect server needs: work pool, deployments, automation.

    uv run python deployments/set_up.py

It goes to the server that PREFECT_API_URL names. A second run changes only what
differs from the files, so it is also how a new version is rolled out.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists

ROOT = Path(__file__).resolve().parents[1]
AUTOMATIONS = Path(__file__).with_name("automations.yaml")


def main() -> None:
    """Create or update all three; ends with Prefect's status if it refuses."""
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    with get_client(sync_client=True) as client:
        ensure_pool(client, declared["definitions"]["pool"]["name"])
        ensure_automations(client)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


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
