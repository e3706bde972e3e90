"""Which addresses are a service's web client, or another service, and not its API."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_BC_API = "https://api.businesscentral.dynamics.com/v2.0"
_ORGANIZATION = re.compile(r"[\w-]+\.(api\.)?crm\d*\.dynamics\.\w+")
_MAKERS = ("powerapps.com", "powerplatform.com", "powerplatform.microsoft.com")
_PAGES = ("main.aspx", "apps", "webresources", "api")


def why_not_business_central(url: str) -> str:
    """Say why an address is not Business Central's service root; empty if it may be."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host == "businesscentral.dynamics.com":
        place = [part for part in parts.path.split("/") if part][:2]
        root = "/".join([_BC_API, *(place if len(place) == 2 else _PLACE)])
        return f"it is the web client's address; the service root is {root}"
    if _ORGANIZATION.fullmatch(host):
        return "it is an address of Dataverse, not of Business Central"
    return ""


def why_not_dataverse(url: str) -> str:
    """Say why an address is not an organisation's root; empty if it may be."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host.endswith("businesscentral.dynamics.com"):
        return "it is an address of Business Central, not of Dataverse"
    if any(host == one or host.endswith(f".{one}") for one in _MAKERS):
        return (
            "it is the address of a portal; the organisation's root is like "
            "https://contoso.crm4.dynamics.com"
        )
    pages = [part.lower() for part in parts.path.split("/") if part]
    is_organization = _ORGANIZATION.fullmatch(host) is not None
    if pages and (is_organization or any(page in _PAGES for page in pages)):
        before = [] if is_organization else pages[: _first_page(pages)]
        root = "/".join([f"{parts.scheme}://{parts.netloc}", *before])
        return f"it is a page of the organisation; its root is {root}"
    return ""


_PLACE = ("TENANT", "ENVIRONMENT")


def _first_page(pages: list[str]) -> int:
    return next(place for place, page in enumerate(pages) if page in _PAGES)
