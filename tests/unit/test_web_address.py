"""Links lead people to the web client of the online service."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from tieline.business_central.web import web_address

ID = "3c0a0aa6-611c-48d5-8b43-c03e93e11074"


def test_a_record_has_its_page_in_the_web_client() -> None:
    """Tenant, environment, company, page and record are in the link."""
    root = "https://api.businesscentral.dynamics.com/v2.0/contoso.com/Production"
    link = web_address(root, "CRONUS & Co", "customers", ID)
    place, _, query = link.partition("?")
    assert "https://businesscentral.dynamics.com/contoso.com/Production" == place
    assert query.startswith("company=CRONUS%20%26%20Co&page=21&filter=")
    assert f"'SystemId' IS '{ID}'" in unquote(query)


@pytest.mark.parametrize(
    ("root", "table"),
    [
        ("http://localhost:8801", "customers"),
        ("https://bc.example:7048/BC", "customers"),
        ("https://api.businesscentral.dynamics.com/v2.0/t/e", "shippingAgents"),
    ],
)
def test_where_the_client_is_unknown_there_is_no_page(root: str, table: str) -> None:
    """On premises and for sets without a card, the caller falls back to the API."""
    assert "" == web_address(root, "A", table, ID)
