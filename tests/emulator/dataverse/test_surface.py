"""Sign-in, limits, faults and counters surround the Web API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.faults import Fault


async def token(api, **form):
    body = {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
        "scope": "http://org.test/.default",
        **form,
    }
    url = "http://org.test/contoso/oauth2/v2.0/token"
    return (await api.client.post(url, data=body)).json()["access_token"]


async def test_a_token_is_needed_once_credentials_are_set(api, state):
    """Without or with an expired token: 401, code and challenge."""
    assert 200 == (await api.send("GET", "WhoAmI")).status_code
    state.tokens.client_id, state.tokens.client_secret = "app", "s3cret"
    response = await api.send("GET", "WhoAmI")
    assert (401, "0x8005F101") == (
        response.status_code,
        response.json()["error"]["code"],
    )
    assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    header = f"Bearer {await token(api)}"
    good = await api.send("GET", "WhoAmI", Authorization=header)
    state.clock.advance(4000)
    late = await api.send("GET", "WhoAmI", Authorization=header)
    assert (200, 401) == (good.status_code, late.status_code)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"requests": 3}, "0x80072322"),
        ({"execution_s": 0.35, "cost_s": 0.1}, "0x80072321"),
        ({"concurrent": 0}, "0x80072326"),
    ],
)
async def test_service_protection(api, state, limits, code):
    """Each limit has its code; Retry-After tells when the window moves on."""
    state.clock.fixed = datetime(2026, 3, 1, tzinfo=UTC)
    for name, value in limits.items():
        setattr(state.limits, name, value)
    state.limits.enabled = True
    for left in (2, 1, 0) if code == "0x80072322" else ():
        response = await api.send("GET", "WhoAmI")
        name = "x-ms-ratelimit-burst-remaining-xrm-requests"
        assert str(left) == response.headers[name]
    if code == "0x80072321":
        for _ in range(3):
            assert 200 == (await api.send("GET", "WhoAmI")).status_code
    response = await api.send("GET", "WhoAmI")
    assert (429, code) == (response.status_code, response.json()["error"]["code"])
    wait = int(response.headers["Retry-After"])
    assert (1 if code == "0x80072326" else 300) == wait
    assert "Date" in response.headers
    state.clock.advance(301)
    expected = 429 if code == "0x80072326" else 200
    assert expected == (await api.send("GET", "WhoAmI")).status_code


async def test_what_a_request_carries_takes_time(api, state):
    """Many rows in one request count once as a request, but with all their time."""
    state.limits.enabled, state.limits.execution_s = True, 4.0
    kind = "Microsoft.Dynamics.CRM.account"
    body = {"Targets": [{"@odata.type": kind}] * 1000}
    message = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    first = await api.send("POST", message, body)
    second = await api.send("POST", message, body)
    third = await api.send("GET", "WhoAmI")
    assert (200, 200) == (first.status_code, second.status_code)
    left = second.headers["x-ms-ratelimit-burst-remaining-xrm-requests"]
    assert "5998" == left
    assert (429, "0x80072321") == (third.status_code, third.json()["error"]["code"])


async def test_retry_after_grows_while_pushed(api, state):
    """A caller that does not stop is told to wait longer."""
    state.clock.fixed = datetime(2026, 3, 1, tzinfo=UTC)
    state.limits.enabled, state.limits.requests = True, 1
    waits = []
    for _ in range(21):
        response = await api.send("GET", "WhoAmI")
        waits.append(int(response.headers.get("Retry-After", 0)))
    assert waits[1] < waits[-1]


async def test_faults_and_edits_of_others(api, state):
    """Requests fail on demand, and other people edit in the middle of a run."""
    account = await api.create("accounts", {"name": "F"})
    ann = state.add_user("Ann Lee")

    def edit():
        state.edit_as(ann, "account", account, {"name": "by Ann"})

    state.faults.add(Fault("edit", path="accounts", count=1, edit=edit))
    row = await api.get(f"accounts({account})?$select=name")
    state.faults.add(Fault("throttle", count=1, retry_after=7))
    response = await api.send("GET", "WhoAmI")
    assert "by Ann" == row["name"]
    assert (429, "7", "0x80072322") == (
        response.status_code,
        response.headers["Retry-After"],
        response.json()["error"]["code"],
    )


async def test_counters_are_read_over_http(api, state):
    """External processes read the counters and reset them."""
    await api.create("accounts", {"name": "F"})
    await api.get("accounts")
    counts = (await api.client.get("http://org.test/_emulator/counters")).json()
    assert {"POST accounts": 1, "GET accounts": 1} == counts["requests"]
    assert ({"accounts": 1}, {"accounts": 1}) == (counts["read"], counts["written"])
    await api.client.post("http://org.test/_emulator/reset")
    assert 0 == state.counters.received


async def test_paths_outside_the_api(api):
    """Another version or no API at all is not found."""
    for path in ("/api/data/v8.0/accounts", "/", "/api"):
        response = await api.client.get(f"http://org.test{path}")
        assert 404 == response.status_code


async def test_the_clock_shows_everywhere(api, state):
    """A service whose clock is off stamps its rows and answers with it."""
    state.clock.fixed = datetime(2026, 3, 1, 12, tzinfo=UTC)
    state.clock.advance(300)
    account = await api.create("accounts", {"name": "F"})
    response = await api.send("GET", f"accounts({account})")
    assert "2026-03-01T12:05:00Z" == response.json()["modifiedon"]
    assert "Sun, 01 Mar 2026 12:05:00 GMT" == response.headers["Date"]


@pytest.mark.parametrize(
    ("standing", "code"),
    [
        ("stranger", "0x80072560"),
        ("disabled", "0x80040225"),
        ("without-roles", "0x80042F09"),
    ],
)
async def test_who_may_not_enter_is_refused_with_403(api, state, standing, code):
    """Each standing has its code, in the service's own spelling."""
    state.standing = standing
    assert (403, code) == await api.refusal("GET", "WhoAmI")


async def test_a_row_of_another_session_is_refused_with_500(api, state):
    """The code is that of a time-out of SQL; a later try goes through."""
    state.faults.add(Fault("locked", path="accounts", count=1))
    body = {"name": "F"}
    assert (500, "0x80044151") == await api.refusal("POST", "accounts", body)
    assert 204 == (await api.send("POST", "accounts", body)).status_code
