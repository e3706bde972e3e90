"""Let Prefect tell people what goes wrong, by e-mail, in Teams, or both.

    NOTIFY_TEAMS_URL=... NOTIFY_EMAIL_URL=... uv run python deployments/notify.py

Makes, or brings up to date, a block with each address and an automation for each entry
of notifications.yaml, on the server that PREFECT_API_URL names. An address may stand in
a file instead, which NOTIFY_TEAMS_URL_FILE or NOTIFY_EMAIL_URL_FILE names. `--test`
sends a message as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect import get_client
from prefect.blocks.notifications import (
    AppriseNotificationBlock,
    MicrosoftTeamsWebhook,
    SlackWebhook,
)
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore

from tieline.errors import SettingsError

NOTIFICATIONS = Path(__file__).with_name("notifications.yaml")
CHANNELS: dict[str, tuple[str, type[AppriseNotificationBlock]]] = {
    "tieline-teams": ("NOTIFY_TEAMS_URL", MicrosoftTeamsWebhook),
    # Prefect has no block for mail over SMTP. This one hands any address that is not
    # Slack's to Apprise as it is, and every server has it.
    "tieline-email": ("NOTIFY_EMAIL_URL", SlackWebhook),
}
HELLO = "Tieline will tell you here of what goes wrong."


def main() -> None:
    """Make blocks and automations; status 2 where addresses are missing or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", action="store_true", help="send a message, too")
    test = parser.parse_args().test
    try:
        blocks = blocks_of(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    ids = [save(name, block) for name, block in blocks.items()]
    with get_client(sync_client=True) as client:
        ensure_notifications(client, ids)
    for name, block in blocks.items() if test else ():
        block.notify(HELLO, subject="Tieline")
        print(f"Sent a message to {name}.")


def blocks_of(environment: Mapping[str, str]) -> dict[str, AppriseNotificationBlock]:
    """Return the blocks of the addresses that are given, by name.

    Raises:
        SettingsError: none is given, a file cannot be read, or one is no address of
            its kind; the text never shows it, as it holds a secret.
    """
    found: dict[str, AppriseNotificationBlock] = {}
    for name, (variable, kind) in CHANNELS.items():
        address = _address(environment, variable)
        if not address:
            continue
        try:
            found[name] = kind(url=address)
        except Exception:
            msg = f"{variable} is not an address of its kind."
            raise SettingsError(msg, advice="docs/notify.md shows both.") from None
        if not found[name]._apprise_client:
            msg = f"{variable} is not an address of its kind."
            raise SettingsError(msg, advice="docs/notify.md shows both.")
    if not found:
        msg = "Nobody is to be told: no address is set."
        advice = "Set NOTIFY_TEAMS_URL, NOTIFY_EMAIL_URL or both."
        raise SettingsError(msg, advice=advice)
    return found


def _address(environment: Mapping[str, str], variable: str) -> str:
    if file := environment.get(f"{variable}_FILE", "").strip():
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            msg = f"The file that {variable}_FILE names cannot be read."
            raise SettingsError(msg, advice=f"{error.strerror}.") from None
    return environment.get(variable, "").strip()


def save(name: str, block: AppriseNotificationBlock) -> UUID:
    """Keep a block on the server, encrypted as its secrets are; return its id."""
    id_ = block.save(name, overwrite=True)
    print(f"The block {name} is in force.")
    return UUID(str(id_))


def automation(declared: Mapping[str, Any], blocks: list[UUID]) -> AutomationCore:
    """Return a notification as an automation that sends to these blocks."""
    text = {key: declared[key] for key in ("subject", "body")}
    actions = [
        {"type": "send-notification", "block_document_id": str(block), **text}
        for block in blocks
    ]
    kept = {key: declared[key] for key in ("name", "description", "trigger")}
    return AutomationCore.model_validate({**kept, "enabled": True, "actions": actions})


def ensure_notifications(client: SyncPrefectClient, blocks: list[UUID]) -> None:
    """Create the automations, or bring those of the same name up to date."""
    declared = yaml.safe_load(NOTIFICATIONS.read_text(encoding="utf-8"))
    for values in declared["notifications"]:
        wanted = automation(values, blocks)
        existing = client.read_automations_by_name(wanted.name)
        if existing:
            client.update_automation(existing[0].id, wanted)
        else:
            client.create_automation(wanted)
        print(f"The automation {wanted.name} is in force.")


if __name__ == "__main__":
    main()
