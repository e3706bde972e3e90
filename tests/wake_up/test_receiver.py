"""What the receiver answers, and what it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.wake_up.test_notices import ACCOUNT, CONTEXT, CUSTOMERS, KEY, ONE, row
from tieline.wake_up import receiver as rules
from tieline.wake_up.notices import Notice
from tieline.wake_up.receiver import BC_PATH, DATAVERSE_PATH, create_receiver


@pytest.fixture
def taken() -> list[Notice]:
    return []


@pytest.fixture
async def http(taken) -> AsyncIterator[httpx.AsyncClient]:
    app = create_receiver(taken.extend, KEY, lambda: {"status": "ok"})
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://r.test") as http:
        yield http


async def test_the_handshake_echoes_the_token_as_plain_text(http, taken):
    """200 with nothing else; a browser would not take it for a page."""
    token = "a&b <script> c"
    answer = await http.post(BC_PATH, params={"validationToken": token})
    assert (200, token) == (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("text/plain")
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert [] == taken


@pytest.mark.parametrize(
    ("path", "content", "query", "status", "notices"),
    [
        (BC_PATH, orjson.dumps({"value": [row(ONE)]}), {}, 200, [CUSTOMERS]),
        (BC_PATH, orjson.dumps({"value": [row(ONE, "forged")]}), {}, 401, []),
        (BC_PATH, b"nonsense", {}, 400, []),
        (BC_PATH, b"x" * 101, {}, 413, []),
        (BC_PATH, b"", {"validationToken": "x" * 5000}, 400, []),
        (DATAVERSE_PATH, orjson.dumps(CONTEXT), {"code": KEY}, 200, [ACCOUNT]),
        (DATAVERSE_PATH, orjson.dumps(CONTEXT), {"code": "forged"}, 401, []),
        (DATAVERSE_PATH, orjson.dumps(CONTEXT), {}, 401, []),
        (DATAVERSE_PATH, b"nonsense", {"code": KEY}, 400, []),
        ("/elsewhere", b"", {}, 404, []),
    ],
)
async def test_what_is_taken_and_what_is_refused(
    http, taken, monkeypatch, path, content, query, status, notices
):
    """Only what carries the key and says which table changed."""
    largest = 100 if content.startswith(b"xx") else rules.LARGEST_BODY
    monkeypatch.setattr(rules, "LARGEST_BODY", largest)
    answer = await http.post(path, content=content, params=query)
    assert (status, notices) == (answer.status_code, taken)
    assert KEY not in answer.text


async def test_health_is_told_to_whoever_asks(http):
    """For load balancers and probes."""
    answer = await http.get("/health")
    assert (200, {"status": "ok"}) == (answer.status_code, answer.json())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer a-key"}, 200),
        ({"Authorization": "bearer a-key"}, 200),
        ({"x-tieline-key": "a-key"}, 200),
        ({"Authorization": "Basic a-key"}, 401),
        ({"Authorization": "Bearer another"}, 401),
        ({}, 401),
    ],
)
async def test_figures_are_told_to_who_knows_the_key(headers, status):
    """They name companies and jobs: as Prometheus sends its credentials."""
    app = create_receiver(lambda _: None, "a-key", dict, lambda: "up 1\n")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://r.test") as http:
        answer = await http.get("/metrics", headers=headers)
    assert (status, status == 200) == (answer.status_code, answer.text == "up 1\n")
    if status == 200:
        assert "version=0.0.4" in answer.headers["content-type"]
