"""Where does a link of the service lead? Resolved, verbatim, never elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit


def next_address(url: str, body: Mapping[str, Any]) -> str | None:
    """Return the address of the next page of what was read from `url`, or None.

    The link may be relative. Path and query stay as the service wrote them;
    host and scheme stay ours, so that a token never follows a link elsewhere.
    """
    link = body.get("@odata.nextLink")
    return same_service(url, str(link)) if link else None


def same_service(url: str, link: str) -> str:
    """Resolve `link` against `url` and keep the scheme and host of `url`."""
    ours = urlsplit(url)
    target = urljoin(url, link)
    parts = urlsplit(target)
    if (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc):
        return target
    rest = target[len(f"{parts.scheme}://{parts.netloc}") :]
    return f"{ours.scheme}://{ours.netloc}{rest}"
