"""Webhooks of the emulated Dataverse: registration, notices, keys, refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest

from emulator.dataverse import notices

TABLE = "account"
URL = "https://receiver.test/notices?x=1"
FILTER = (
    "sdkmessagefilters?$select=sdkmessagefilterid,_sdkmessageid_value"
    "&$filter=primaryobjecttypecode eq '{}' and sdkmessageid/name eq '{}'"
)


class Receiver:
    """Keeps what is sent and answers with the statuses that it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Mapping[str, str], dict[str, Any]]] = []
        self.statuses: list[int] = []
        self.work: list[Callable[[], None]] = []

    def deliver(self) -> None:
        while self.work:
            self.work.pop()()

    def __call__(self, url: str, headers: Mapping[str, str], content: bytes) -> int:
        self.sent.append((url, headers, orjson.loads(content)))
        return self.statuses.pop(0) if self.statuses else 200


@pytest.fixture
def receiver(state) -> Receiver:
    """Notices are sent when the test says so."""
    made = Receiver()
    state.courier.post = made
    state.courier.begin = made.work.append
    return made


async def endpoint(api, **more: Any) -> str:
    body = {
        "name": "Receiver",
        "url": URL,
        "contract": 8,
        "authtype": 4,
        "authvalue": "key & more",
    }
    return await api.create("serviceendpoints", {**body, **more})


async def step(api, endpoint_id: str, message: str, **more: Any) -> str:
    (found,) = (await api.get(FILTER.format(TABLE, message)))["value"]
    body = {
        "name": f"{TABLE} {message}",
        "mode": 1,
        "stage": 40,
        "rank": 1,
        "supporteddeployment": 0,
        "sdkmessageid@odata.bind": f"/sdkmessages({found['_sdkmessageid_value']})",
        "sdkmessagefilterid@odata.bind": (
            f"/sdkmessagefilters({found['sdkmessagefilterid']})"
        ),
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint_id})",
    }
    return await api.create("sdkmessageprocessingsteps", {**body, **more})


async def test_an_operation_is_told_to_the_step_registered_for_it(api, receiver, state):
    """The context as JSON, with the key behind the address, and headers that name it.

    https://learn.microsoft.com/power-apps/developer/data-platform/use-webhooks
    """
    at = await endpoint(api)
    for message in ("Create", "Delete"):
        await step(api, at, message)
    row = await api.create("accounts", {"name": "Adatum"})
    await api.create("contacts", {"lastname": "no step"})
    await api.send("PATCH", f"accounts({row})", {"name": "no step either"})
    await api.send("DELETE", f"accounts({row})")
    receiver.deliver()
    assert [("Create", TABLE, row), ("Delete", TABLE, row)] == [
        (body["MessageName"], body["PrimaryEntityName"], body["PrimaryEntityId"])
        for _, _, body in receiver.sent
    ]
    url, headers, body = receiver.sent[0]
    assert f"{URL}&code=key%20%26%20more" == url
    assert TABLE == headers["x-ms-dynamics-entity-name"]
    assert "Create" == headers["x-ms-dynamics-request-name"]
    target = body["InputParameters"][0]["value"]
    assert {"key": "name", "value": "Adatum"} in target["Attributes"]
    assert state.people.organization == body["OrganizationId"]


SETTINGS = '<settings><setting name="x-key" value="a b"/></settings>'


@pytest.mark.parametrize(
    ("authtype", "value", "url", "header"),
    [
        (4, "a b", f"{URL}&code=a%20b", None),
        (5, SETTINGS, URL, "a b"),
        (6, SETTINGS, f"{URL}&x-key=a+b", None),
    ],
)
async def test_three_ways_to_prove_who_sends(
    api, receiver, authtype, value, url, header
):
    """A key behind `code`, headers, or values behind the address."""
    await step(api, await endpoint(api, authtype=authtype, authvalue=value), "Create")
    await api.create("accounts", {"name": "A"})
    receiver.deliver()
    ((sent_to, headers, _),) = receiver.sent
    assert (url, header) == (sent_to, headers.get("x-key"))


async def test_a_filtered_step_hears_of_its_columns_only(api, receiver):
    """Update with filtering attributes: those that the request names count."""
    await step(api, await endpoint(api), "Update", filteringattributes="name,fax")
    row = await api.create("accounts", {"name": "A"})
    await api.send("PATCH", f"accounts({row})", {"telephone1": "1"})
    await api.send("PATCH", f"accounts({row})", {"fax": "1"})
    receiver.deliver()
    assert 1 == len(receiver.sent)


async def test_what_is_too_large_loses_its_parameters(api, receiver, state):
    """Beyond 256 KiB a header says so, and images and parameters are left out."""
    await step(api, await endpoint(api), "Create")
    state.courier.saw(
        [notices.News("Create", TABLE, "1", {"description": "x" * 300_000}, "u")]
    )
    receiver.deliver()
    ((_, headers, body),) = receiver.sent
    assert "x-ms-dynamics-msg-size-exceeded" in headers
    assert not set(notices.LEFT_OUT) & set(body)
    assert TABLE == body["PrimaryEntityName"]


@pytest.mark.parametrize(
    ("statuses", "tries", "is_lost"),
    [
        ([503, 200], 2, False),
        ([503, 503], 2, True),
        ([500], 1, True),
        ([204], 1, False),
    ],
)
async def test_a_gateway_in_trouble_gets_one_more_try(
    api, receiver, statuses, tries, is_lost, state
):
    """502, 503 and 504 once more; any other failure ends the notice."""
    await step(api, await endpoint(api), "Create")
    receiver.statuses = statuses
    await api.create("accounts", {"name": "A"})
    receiver.deliver()
    assert (tries, is_lost) == (len(receiver.sent), bool(state.courier.failed))


async def test_what_is_rolled_back_or_switched_off_is_not_told(api, receiver):
    """A bulk message that fails, and a step that is disabled."""
    made = await step(api, await endpoint(api), "Create")
    bulk = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.account"}
    rows = [{**kind, "name": "A"}, {**kind, "name": "x" * 5000}]
    assert 400 == (await api.refusal("POST", bulk, {"Targets": rows}))[0]
    await api.send("PATCH", f"sdkmessageprocessingsteps({made})", {"statecode": 1})
    await api.create("accounts", {"name": "A"})
    receiver.deliver()
    assert [] == receiver.sent


async def test_the_authentication_value_cannot_be_read(api):
    """Only whether there is one; the address and the contract can."""
    at = await endpoint(api)
    row = await api.get(f"serviceendpoints({at})")
    (listed,) = (await api.get("serviceendpoints?$filter=contract eq 8"))["value"]
    for shown in (row, listed):
        assert "authvalue" not in shown
        assert (True, URL) == (shown["isauthvalueset"], shown["url"])


async def test_an_endpoint_goes_after_its_steps(api):
    """While a step needs it, it stays; its steps are listed under it."""
    at = await endpoint(api)
    made = await step(api, at, "Create")
    listed = await api.get(
        f"serviceendpoints({at})/serviceendpoint_sdkmessageprocessingstep"
        "?$select=name&$expand=sdkmessagefilterid($select=primaryobjecttypecode)"
    )
    assert [TABLE] == [
        one["sdkmessagefilterid"]["primaryobjecttypecode"] for one in listed["value"]
    ]
    assert 405 == (await api.refusal("DELETE", f"serviceendpoints({at})"))[0]
    for path in (f"sdkmessageprocessingsteps({made})", f"serviceendpoints({at})"):
        assert 204 == (await api.send("DELETE", path)).status_code
    assert [] == (await api.get("serviceendpoints"))["value"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"contract": 99},
        {"authtype": 1},
        {"authvalue": ""},
        {"url": "receiver.test"},
        {"url": "https://receiver.test:8443/notices"},
        {"nonsense": 1},
        {"name": 1},
    ],
)
async def test_a_wrong_endpoint_is_refused(api, wrong):
    """Its contract, its key, an address on another port, what is no column."""
    body = {"name": "R", "url": URL, "contract": 8, "authtype": 4, "authvalue": "k"}
    assert 400 == (await api.refusal("POST", "serviceendpoints", {**body, **wrong}))[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": 0},
        {"stage": 20},
        {"configuration": "x"},
        {"filteringattributes": "name"},
        {"SdkMessageId@odata.bind": "/sdkmessages(1)"},
        {"eventhandler_serviceendpoint@odata.bind": "/accounts(1)"},
    ],
)
async def test_a_wrong_step_is_refused(api, wrong):
    """Another mode or stage, a configuration, a bind in the wrong case or place."""
    at = await endpoint(api)
    with pytest.raises(AssertionError, match="40"):
        await step(api, at, "Create", **wrong)
    assert [] == (await api.get("sdkmessageprocessingsteps"))["value"]
