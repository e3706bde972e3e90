"""Who sends a notice: the one who knows the key.

Business Central repeats the client state of a subscription in each notice. Dataverse
sends the key in one of the three ways that a webhook can be registered with: as
`code` in the query (WebhookKey), or as a header (HttpHeader) or a value of the query
(HttpQueryString) called x-tieline-key.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Any

NAME = "x-tieline-key"
CODE = "code"


def is_key(key: str, shown: Iterable[Any]) -> bool:
    """Whether one of the values shown is the key; all are where there is none.

    The comparison takes as long for a wrong value as for a nearly right one.
    """
    if not key:
        return True
    wanted = key.encode()
    texts = [value for value in shown if isinstance(value, str)]
    return any(hmac.compare_digest(wanted, text.encode()) for text in texts)


def may_send(key: str, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
    """Whether a request of Dataverse carries the key; `headers` in lower case."""
    shown = (query.get(CODE), query.get(NAME), headers.get(NAME))
    return is_key(key, shown)


def may_ask(key: str, headers: Mapping[str, str]) -> bool:
    """Whether a request for figures carries the key, as a bearer token or header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return is_key(
        key, (token if scheme.lower() == "bearer" else None, headers.get(NAME))
    )
