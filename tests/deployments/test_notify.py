"""Who is told of what: the notifications that ship, and how they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect import get_client
from prefect.server.events.schemas.automations import EventTrigger
from prefect.server.events.schemas.events import ReceivedEvent

from deployments.notify import (
    NOTIFICATIONS,
    automation,
    blocks_of,
    ensure_notifications,
    save,
)
from tasks.overview import FAILING
from tieline.errors import SettingsError
from tieline.job_names import JOB_NAMES

DECLARED = {
    item["name"]: item
    for item in yaml.safe_load(NOTIFICATIONS.read_text(encoding="utf-8"))[
        "notifications"
    ]
}
BROKEN, STOPPED = "tieline-job-broken", "tieline-safety-stop"
LONG, QUIET = "tieline-failing-for-a-day", "tieline-no-success"
TEAMS = (
    "https://prod-01.westeurope.logic.azure.com:443/workflows/643e69f83c8944/triggers/"
    "manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0"
    "&sig=KODuebWbDGYFr0z0eu"
)


def event(
    name: str, *, message: str = "", tag: str = "tieline", flow: str = "CUSTOMER"
) -> ReceivedEvent:
    """What Prefect's server says of a run that came to a state."""
    related = [("tag", f"tag.{tag}", tag), ("flow", "flow.1", flow)]
    return ReceivedEvent(
        occurred=datetime.now(UTC),
        event=f"prefect.flow-run.{name}",
        resource={
            "prefect.resource.id": f"prefect.flow-run.{uuid4()}",
            "prefect.state-message": message,
        },
        related=[
            {
                "prefect.resource.id": f"prefect.{id_}",
                "prefect.resource.role": role,
                "prefect.resource.name": called,
            }
            for role, id_, called in related
        ],
        id=uuid4(),
    )


@pytest.mark.parametrize(
    ("happened", "told"),
    [
        (event("Failed", message="TL-202: Away."), {BROKEN}),
        (event("Crashed"), {BROKEN}),
        (event("Failed", message="TL-401: Too many."), {BROKEN, STOPPED}),
        (event("Completed", message="TL-401 was before."), {QUIET}),
        (event("CompletedWithErrors"), {QUIET}),
        (event("Idle"), {QUIET}),
        (event("Completed", flow="PRUNE"), set()),
        (event("Failed", tag="other"), set()),
        (event("Cancelled"), set()),
    ],
)
def test_what_happens_reaches_its_notification(
    happened: ReceivedEvent, told: set[str]
) -> None:
    """Our runs only; a success is what the silence of two hours is measured by."""
    found = {
        name
        for name, item in DECLARED.items()
        if EventTrigger.model_validate(item["trigger"]).covers(happened)
    }
    assert told == found


def test_the_event_of_records_is_the_one_that_runs_emit() -> None:
    """Once a day for each job of each company."""
    trigger = EventTrigger.model_validate(DECLARED[LONG]["trigger"])
    assert ({FAILING}, 86_400) == (trigger.expect, trigger.within.total_seconds())
    assert {"prefect.resource.id"} == trigger.for_each


def test_silence_is_measured_for_every_job() -> None:
    """Two hours without success of a job, and of no operation."""
    trigger = EventTrigger.model_validate(DECLARED[QUIET]["trigger"])
    assert (True, False) == (trigger.meets_threshold(0), trigger.meets_threshold(1))
    named = DECLARED[QUIET]["trigger"]["match_related"][1]["prefect.resource.name"]
    assert list(JOB_NAMES) == named


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "no address is set"),
        ({"NOTIFY_TEAMS_URL": "https://example.org/secret"}, "NOTIFY_TEAMS_URL is not"),
        ({"NOTIFY_EMAIL_URL": "secret"}, "NOTIFY_EMAIL_URL is not"),
        ({"NOTIFY_EMAIL_URL_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_a_wrong_address_is_told_without_showing_it(
    environment: dict[str, str], words: str
) -> None:
    """It holds a password or a signature."""
    with pytest.raises(SettingsError, match=words) as raised:
        blocks_of(environment)
    assert "secret" not in str(raised.value)


class Mailbox(asyncio.Protocol):
    """A mail server that takes one message and keeps it."""

    lines: list[str] = []  # noqa: RUF012 - one mailbox for all connections

    def connection_made(self, transport: Any) -> None:
        self._transport, self._is_data, self._rest = transport, False, b""
        transport.write(b"220 here\r\n")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            self._take(line.decode())

    def _take(self, line: str) -> None:
        if self._is_data:
            self._is_data = line != "."
            self.lines.append(line)
            answer = "" if self._is_data else "250 kept"
        else:
            self._is_data = line.upper() == "DATA"
            answer = "354 go on" if self._is_data else "250 fine"
        if answer:
            self._transport.write(f"{answer}\r\n".encode())


async def _mail(subject: str) -> list[str]:
    """Send a notification to a mail server on loopback; return what it got."""
    Mailbox.lines = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Mailbox, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = f"mailto://127.0.0.1:{port}?from=tieline@example.org&to=a@example.org"
    block = blocks_of({"NOTIFY_EMAIL_URL": address})["tieline-email"]
    async with server:
        await block.anotify("A job broke.", subject=subject)
    return Mailbox.lines


def test_a_mail_arrives() -> None:
    """Over SMTP, with subject and text, by the block that automations send with."""
    lines = asyncio.run(_mail("Tieline: CUSTOMER could not run"))
    assert "Subject: Tieline: CUSTOMER could not run" in lines
    assert "To: a@example.org" in lines


@pytest.fixture
def registered(prefect_server: str) -> Iterator[list[Any]]:
    """The automations on a server after notifying was set up twice."""
    blocks = blocks_of({"NOTIFY_TEAMS_URL": TEAMS})
    with get_client(sync_client=True) as client:
        for _ in range(2):
            ids = [save(name, block) for name, block in blocks.items()]
            ensure_notifications(client, ids)
        found = [one for one in client.read_automations() if one.name in DECLARED]
        yield found
        for one in found:
            client.delete_automation(one.id)


def test_setting_up_twice_makes_each_automation_once(registered: list[Any]) -> None:
    """Prefect takes triggers and templates as they are; each sends to the block."""
    assert set(DECLARED) == {one.name for one in registered}
    assert len(DECLARED) == len(registered)
    kinds = {action.type for one in registered for action in one.actions}
    assert {"send-notification"} == kinds


def test_a_notification_goes_to_every_channel() -> None:
    """E-mail and Teams alike."""
    made = automation(DECLARED[BROKEN], [uuid4(), uuid4()])
    assert 2 == len(made.actions)
