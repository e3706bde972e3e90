"""Client for an emulated organization: httpx, in process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from emulator.dataverse import DataverseState, create_dataverse

ROOT = "http://org.test/api/data/v9.2/"


class Api:
    """Sends requests to one organization and returns the answers."""

    def __init__(self, state: DataverseState) -> None:
        self.state = state
        transport = httpx.ASGITransport(app=create_dataverse(state))
        self.client = httpx.AsyncClient(transport=transport, base_url=ROOT)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        prefer: str = "",
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if prefer:
            named["Prefer"] = prefer
        return await self.client.request(method, path, json=body, headers=named)

    async def get(self, path: str, *, prefer: str = "", **headers: str) -> Any:
        response = await self.send("GET", path, prefer=prefer, **headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def create(self, set_name: str, body: Any) -> str:
        response = await self.send("POST", set_name, body)
        assert response.status_code == 204, response.text
        return response.headers["OData-EntityId"].rpartition("(")[2][:-1]

    async def refusal(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, str]:
        response = await self.send(method, path, body, **headers)
        assert response.status_code >= 400, response.text
        return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def state() -> DataverseState:
    return DataverseState()


@pytest.fixture
async def api(state: DataverseState) -> AsyncIterator[Api]:
    api = Api(state)
    yield api
    await api.client.aclose()
