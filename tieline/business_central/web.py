"""Addresses of records in Business Central's web client, for people."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_API_HOST = "api.businesscentral.dynamics.com"
_CLIENT = "https://businesscentral.dynamics.com"
_PAGES = {
    "contacts": 5050,
    "currencies": 495,
    "customerPriceGroups": 7,
    "customers": 21,
    "items": 30,
    "postedSalesInvoices": 132,
    "resources": 76,
    "salesInvoices": 43,
    "salesPrices": 7002,
    "salespeoplePurchasers": 5116,
    "unitsOfMeasure": 209,
}
"""The page that shows a record of each set."""


def web_address(url: str, company: str, table: str, id_: str) -> str:
    """Return the page of a record below the service root `url`; empty if unknown.

    Only the online service's web client is where its API says; installations on
    premises have theirs anywhere.
    """
    parts = urlsplit(url)
    if (parts.hostname or "").lower() != _API_HOST or table not in _PAGES:
        return ""
    place = parts.path.strip("/").removeprefix("v2.0").strip("/")
    record = quote(f"'SystemId' IS '{id_}'")
    query = f"company={quote(company)}&page={_PAGES[table]}&filter={record}"
    return f"{_CLIENT}/{place}?{query}"
