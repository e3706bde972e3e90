"""What both services send, and what the receiver takes from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from tieline.wake_up.notices import (
    Notice,
    Received,
    from_business_central,
    from_dataverse,
    from_service_bus,
)
from tieline.wake_up.senders import is_key, may_send
from tieline.wake_up.service_bus import take_all

COMPANY = "5d115c9c-44e3-ea11-bb43-000d3a2feca1"
KEY = "a key: ümläut"
CUSTOMERS = Notice("bc", "customers", COMPANY)


def row(resource: str, state: Any = KEY, kind: str = "updated") -> dict[str, Any]:
    return {
        "subscriptionId": "webhookItemsId",
        "clientState": state,
        "expirationDateTime": "2026-10-29T07:52:31Z",
        "resource": resource,
        "changeType": kind,
        "lastModifiedDateTime": "2026-10-26T07:54:26.53Z",
    }


ONE = f"api/v2.0/companies({COMPANY})/customers(26814998-936a-401c-81c1-0e848a64971d)"


@pytest.mark.parametrize(
    ("resource", "notice"),
    [
        (ONE, CUSTOMERS),
        (f"/{ONE}", CUSTOMERS),
        (f"https://api.bc.test/v2.0/t/Production/{ONE}", CUSTOMERS),
        (ONE.replace(COMPANY, COMPANY.upper()), CUSTOMERS),
        (
            f"api/v2.0/companies({COMPANY})/customers?$filter=lastDateTimeModified"
            "%20gt%202026-10-26T07:54:26.53Z",
            CUSTOMERS,
        ),
        (
            f"api/tieline/sync/v1.0/companies({COMPANY})/salesPrices(1-2)",
            Notice("bc", "salesPrices", COMPANY),
        ),
        (ONE.replace("(", "%28").replace(")", "%29"), CUSTOMERS),
    ],
)
def test_a_resource_names_table_and_company(resource, notice):
    """A record, a collection with its filter, relative or absolute, any route."""
    body = orjson.dumps({"value": [row(resource)]})
    assert Received((notice,)) == from_business_central(body, KEY)


@pytest.mark.parametrize(
    "resource",
    ["", "nonsense", "api/v2.0/customers(1)", f"api/v2.0/companies({COMPANY})"],
)
def test_a_resource_that_names_none_is_no_notice(resource):
    """It wakes nothing, and is no reason to refuse the others."""
    body = orjson.dumps({"value": [row(resource), row(ONE)]})
    assert Received((CUSTOMERS,)) == from_business_central(body, KEY)


def test_several_subscriptions_share_a_request():
    """Many notices of a table are one; each is checked by its own client state."""
    items = ONE.replace("customers", "items")
    rows = [row(ONE), row(ONE, kind="deleted"), row(items), row(items, "forged")]
    found = from_business_central(orjson.dumps({"value": rows}), KEY)
    assert Received((CUSTOMERS, Notice("bc", "items", COMPANY)), 1) == found


@pytest.mark.parametrize("state", ["forged", "", None, 7, KEY + " ", KEY[:-1]])
def test_another_client_state_is_refused(state):
    """Whatever its type."""
    body = orjson.dumps({"value": [row(ONE, state)]})
    assert Received((), 1) == from_business_central(body, KEY)


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b"{}", b'{"value": {}}', b'{"value": null}']
)
def test_what_is_no_notification_is_none(body):
    """Nothing of it is taken."""
    assert from_business_central(body, KEY) is None


def test_a_byte_order_mark_does_no_harm():
    """Older versions send one."""
    body = b"\xef\xbb\xbf" + orjson.dumps({"value": [row(ONE)]})
    assert Received((CUSTOMERS,)) == from_business_central(body, KEY)


CONTEXT = {
    "MessageName": "Update",
    "PrimaryEntityName": "account",
    "PrimaryEntityId": "6d81597f-0f9f-e711-8122-000d3aa2331c",
    "InputParameters": [],
}
ACCOUNT = Notice("dataverse", "account")
TOLD = {"x-ms-dynamics-entity-name": "account", "x-ms-dynamics-request-name": "Update"}


@pytest.mark.parametrize(
    ("body", "headers", "notice"),
    [
        (orjson.dumps(CONTEXT), {}, ACCOUNT),
        (orjson.dumps({**CONTEXT, "MessageName": "CreateMultiple"}), {}, ACCOUNT),
        (
            orjson.dumps({"PrimaryEntityName": "account"}),
            {"x-ms-dynamics-msg-size-exceeded": "true"},
            ACCOUNT,
        ),
        (b"no json", TOLD, ACCOUNT),
        (b"", {}, None),
        (b"[]", {}, None),
        (orjson.dumps({"PrimaryEntityName": None}), {}, None),
    ],
)
def test_an_execution_context_names_its_table(body, headers, notice):
    """Shortened or not; headers say it where the body does not."""
    assert notice == from_dataverse(body, headers)


def test_a_message_of_service_bus_names_its_table():
    """By its properties, in whatever format the body is; else by the body."""
    claim = b"http://schemas.microsoft.com/xrm/2011/Claims/EntityLogicalName"
    assert ACCOUNT == from_service_bus(b"\x01binary XML", {claim: b"account"})
    assert ACCOUNT == from_service_bus(orjson.dumps(CONTEXT), {})
    assert from_service_bus(b"", {}) is None


@pytest.mark.parametrize(
    ("query", "headers", "is_allowed"),
    [
        ({"code": KEY}, {}, True),
        ({"x-tieline-key": KEY}, {}, True),
        ({}, {"x-tieline-key": KEY}, True),
        ({"code": "wrong"}, {"x-tieline-key": KEY}, True),
        ({"code": "wrong"}, {}, False),
        ({}, {}, False),
        ({"key": KEY}, {"code": KEY}, False),
    ],
)
def test_dataverse_shows_the_key_in_one_of_three_ways(query, headers, is_allowed):
    """WebhookKey, HttpQueryString, HttpHeader."""
    assert is_allowed == may_send(KEY, query, headers)


def test_without_a_key_everybody_may_send():
    """Which settings allow on loopback only."""
    assert is_key("", [])


class Queue:
    """Messages that come, and those that were taken off."""

    def __init__(self, *messages: Any) -> None:
        self.messages = messages
        self.done: list[Any] = []

    async def __aiter__(self):
        for one in self.messages:
            yield one

    async def complete_message(self, message: Any) -> None:
        self.done.append(message)


async def test_a_message_leaves_the_queue_after_its_notice_was_taken():
    """One that names no table leaves it as well: it would come again for ever."""
    taken: list[Notice] = []
    messages = [
        SimpleNamespace(body=iter([orjson.dumps(CONTEXT)]), application_properties={}),
        SimpleNamespace(body=b"nonsense", application_properties=None),
    ]
    queue = Queue(*messages)
    await take_all(queue, taken.extend)
    assert ([ACCOUNT], messages) == (taken, queue.done)
