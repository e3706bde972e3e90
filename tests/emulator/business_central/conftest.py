"""One small company on an emulated service, and a client for its pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from emulator.business_central import (
    BusinessCentralState,
    LiveCompany,
    create_business_central,
)
from emulator.clock import Clock

NOON = datetime(2026, 3, 10, 12, 0, 0, 370000, UTC)


class Bench:
    """The state, its company, and short ways to ask."""

    def __init__(self, state: BusinessCentralState, client: httpx.AsyncClient) -> None:
        self.state = state
        self.client = client
        self.company: LiveCompany = state.company()

    def address(self, path: str = "", *, route: str = "tieline/sync/v1.0") -> str:
        return f"/api/{route}/companies({self.company.id})/{path}"

    async def ask(
        self, method: str, path: str, body: Any = None, **more: Any
    ) -> httpx.Response:
        route = more.pop("route", "tieline/sync/v1.0")
        headers = more.pop("headers", {})
        return await self.client.request(
            method, self.address(path, route=route), json=body, headers=headers
        )

    async def rows(self, path: str, **more: Any) -> list[dict[str, Any]]:
        answer = await self.ask("GET", path, **more)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["value"]
        return rows


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    state = BusinessCentralState(clock=Clock(fixed=NOON))
    company = state.add_company("CRONUS USA, Inc.")
    company.insert("currencies", {"code": "EUR", "displayName": "Euro"})
    company.set_rate("EUR", date(2026, 1, 1), exchange=100, relational=125)
    company.insert("salespeoplePurchasers", {"code": "PS", "displayName": "Peter"})
    company.insert("paymentTerms", {"code": "30D", "displayName": "30 days"})
    company.update(
        "paymentTerms",
        company.find("Payment Terms", "30D")["id"],
        {"dueDateCalculation": "30D"},
        route="standard",
    )
    company.insert("unitsOfMeasure", {"code": "PCS", "displayName": "Piece"})
    company.insert(
        "items",
        {
            "number": "1000",
            "displayName": "Bicycle",
            "baseUnitOfMeasureCode": "PCS",
            "unitPrice": 400,
        },
    )
    for number, name in (("10000", "Adatum"), ("20000", "Trey"), ("30000", "SoE")):
        company.insert("customers", {"number": number, "displayName": name})
    transport = httpx.ASGITransport(create_business_central(state))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://bc.example/v2.0/tenant/env"
    ) as client:
        yield Bench(state, client)


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal, whose text must carry a correlation id."""
    error = answer.json()["error"]
    assert "  CorrelationId:  " in error["message"]
    return answer.status_code, error["code"]


async def first(
    bench: Bench, path: str = "customers", *, route: str = "tieline/sync/v1.0"
) -> dict[str, Any]:
    """The first row of a set."""
    return (await bench.rows(path, route=route))[0]


async def make_draft(bench: Bench, **more: Any) -> dict[str, Any]:
    """Create a draft with one item and one comment on the standard route."""
    body = {
        "externalDocumentNumber": "INV-7",
        "customerNumber": "10000",
        "salesInvoiceLines": [
            {
                "lineType": "Item",
                "lineObjectNumber": "1000",
                "quantity": 2,
                "unitPrice": 100,
                "discountAmount": 20,
            },
            {"lineType": "Comment", "description": "Thank you"},
        ],
        **more,
    }
    answer = await bench.ask("POST", "salesInvoices", body, route="v2.0")
    assert answer.status_code == 201, answer.text
    row: dict[str, Any] = answer.json()
    return row


async def post_draft(bench: Bench, draft: dict[str, Any], name: str = "post") -> None:
    """Carry out an action of an invoice."""
    path = f"salesInvoices({draft['id']})/Microsoft.NAV.{name}"
    answer = await bench.ask("POST", path, route="v2.0")
    assert answer.status_code == 204, answer.text


async def read_invoice(bench: Bench, id: str) -> dict[str, Any]:
    """Return an invoice as the standard route shows it."""
    row: dict[str, Any] = (
        await bench.ask("GET", f"salesInvoices({id})", route="v2.0")
    ).json()
    return row
