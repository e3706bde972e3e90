"""Server-side paging: the page that a request asks for, and the link to the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote, unquote_plus
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from emulator.dataverse.exchange import Request
from emulator.dataverse.refusals import bad_query
from emulator.dataverse.rendering import Ordering
from emulator.dataverse.storage import Row


def cut(
    rows: list[Row], ordering: Ordering, token: str | None, size: int, request: Request
) -> tuple[list[Row], str | None]:
    """Return the page that `token` asks for, and the link to the next one.

    A page begins behind the last row of the one before by the values that this
    row had then, so rows that change meanwhile neither hide nor move others.

    Raises:
        Refusal: a token that the service did not give out.
    """
    number, start = 1, 0
    if token is not None:
        number, after = _read_cookie(token, ordering)
        start = bisect_right(rows, after, key=ordering.key)
    page = rows[start : start + size]
    if start + size >= len(rows):
        return page, None
    cookie = _write_cookie(number, page, ordering)
    return page, with_option(request, "$skiptoken", cookie)


def with_option(request: Request, name: str, value: str) -> str:
    """Return the request's own URL with one more option, as the service encodes it."""
    replaced = {"$skiptoken", "$deltatoken"}
    parts = [
        part
        for part in request.query.split("&")
        if part and unquote_plus(part.partition("=")[0]) not in replaced
    ]
    safe = "=/" if name == "$skiptoken" else ""
    encoded = quote(value, safe=safe)
    parts.append(f"{name}={encoded if safe else _lower_hex(encoded)}")
    return f"{request.root}{quote(request.path, safe='()/$')}?{'&'.join(parts)}"


def _write_cookie(number: int, page: list[Row], ordering: Ordering) -> str:
    first, last = page[0], page[-1]
    steps = [
        _step(name.replace("/", "."), old, new)
        for name, old, new in zip(
            ordering.names, ordering.values(last), ordering.values(first), strict=True
        )
    ]
    ids = (f"{{{row[ordering.id].upper()}}}" for row in (last, first))
    steps.append(_step(ordering.id, *ids))
    inner = f'<cookie page="{number}">{"".join(steps)}</cookie>'
    encoded = _lower_hex(quote(inner, safe=""))
    return (
        f'<cookie pagenumber="{number + 1}" pagingcookie="{encoded}" '
        'istracking="False" />'
    )


def _step(name: str, last: Any, first: Any) -> str:
    def attribute(kind: str, value: Any) -> str:
        if value is None:
            return f' {kind}null="1"'
        mark = "n:" if isinstance(value, int | float) else ""
        return f" {kind}={quoteattr(mark + str(value))}"

    return f"<{name}{attribute('last', last)}{attribute('first', first)} />"


def _lower_hex(text: str) -> str:
    head, *rest = text.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _read_cookie(token: str, ordering: Ordering) -> tuple[int, tuple[Any, ...]]:
    try:
        outer = ElementTree.fromstring(token)
        inner = ElementTree.fromstring(unquote(outer.attrib["pagingcookie"]))
        number = int(outer.attrib["pagenumber"])
        *steps, key = list(inner)
        row_id = key.attrib["last"].strip("{}").lower()
        values = [_value(step.attrib) for step in steps]
        return number, ordering.key_of(values, row_id)
    except (ElementTree.ParseError, KeyError, ValueError):
        raise bad_query("The paging cookie of $skiptoken is not valid.") from None


def _value(attributes: Any) -> Any:
    text = attributes.get("last")
    if text is None or not text.startswith("n:"):
        return text
    plain = text[2:]
    if plain in ("True", "False"):
        return plain == "True"
    return float(plain) if "." in plain or "e" in plain else int(plain)


def tracking_cookie(number: int, last: Row, key: str, since: str) -> str:
    """Return the cookie of a change-tracking page; `since` keeps where it began."""
    inner = (
        f'<cookie page="{number}"><{key} last="{last["versionnumber"]}" '
        f"first={quoteattr(since)} /></cookie>"
    )
    return (
        f'<cookie pagenumber="{number + 1}" '
        f'pagingcookie="{_lower_hex(quote(inner, safe=""))}" istracking="True" />'
    )


def read_tracking_cookie(token: str) -> tuple[int, int, str]:
    """Return page number, last version and beginning of a tracking cookie.

    Raises:
        Refusal: it is none.
    """
    try:
        outer = ElementTree.fromstring(token)
        inner = ElementTree.fromstring(unquote(outer.attrib["pagingcookie"]))
        step = _only(inner)
        number = int(outer.attrib["pagenumber"])
        return number, int(step.attrib["last"]), step.attrib["first"]
    except (ElementTree.ParseError, KeyError, ValueError):
        raise bad_query("The paging cookie of $skiptoken is not valid.") from None


def _only(parent: Iterable[ElementTree.Element]) -> ElementTree.Element:
    (child,) = parent
    return child
