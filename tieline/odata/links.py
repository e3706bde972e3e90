"""Resolves a service's links verbatim, and follows none to another host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit


def next_address(url: str, body: Mapping[str, Any]) -> str | None:
    """Return the address of the next page of what was read from `url`, or None.

    The link may be relative: to the body's context, as the standard wants it, or to
    the address that was asked, where that leads to what was asked. Path and query
    stay as the service wrote them; host and scheme stay ours, so that a token never
    follows a link elsewhere.
    """
    link = body.get("@odata.nextLink")
    if not link:
        return None
    context = str(body.get("@odata.context") or "").partition("#")[0]
    return same_service(url, _resolved(url, str(link), context))


def _resolved(url: str, link: str, context: str) -> str:
    """Return an absolute link; a server may resolve relative ones in two ways."""
    by_request = urljoin(url, link)
    if not context:
        return by_request
    leads_back = urlsplit(by_request).path == urlsplit(url).path
    return by_request if leads_back else urljoin(urljoin(url, context), link)


def same_service(url: str, link: str) -> str:
    """Resolve `link` against `url` and keep the scheme and host of `url`.

    A service behind a gateway names its own host, and the path as it knows it:
    when both lead to a resource of one name, the path stays ours too.
    """
    ours = urlsplit(url)
    target = urljoin(url, link)
    parts = urlsplit(target)
    if _origin(parts) == _origin(ours):
        return target
    rest = target[len(f"{parts.scheme}://{parts.netloc}") :]
    if _last(parts.path) == _last(ours.path):
        rest = ours.path + rest[len(parts.path) :]
    return f"{ours.scheme}://{ours.netloc}{rest}"


def redirected(url: str, location: str) -> str | None:
    """Return where a redirection leads, or None when that is another service."""
    target = urljoin(url, location)
    is_same = _origin(urlsplit(target)) == _origin(urlsplit(url))
    return target if is_same else None


def _origin(parts: SplitResult) -> tuple[str, str]:
    return parts.scheme, parts.netloc.lower()


def _last(path: str) -> str:
    return unquote(path.rpartition("/")[2])
