"""Faults on demand: rules that pick requests and say what happens to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from random import Random
from threading import RLock
from typing import Any, Literal, get_args

Kind = Literal[
    "latency",
    "throttle",
    "unavailable",
    "locked",
    "reset-before",
    "reset-after",
    "timeout-after",
    "edit",
]
"""`throttle` answers 429, `unavailable` 503 and `locked` with the service's status and
words for a lock of another session, all before anything is done;
`reset-before` drops the connection before, `reset-after` after the request was
carried out; `timeout-after` carries it out and stays silent for `seconds`;
`edit` calls `edit()` first: another user at work in the middle of a run."""


_OF_A_PART = ("throttle", "unavailable", "locked", "edit")


@dataclass
class Fault:
    """One rule.

    `method` and `path` are regular expressions, searched in the method and in
    the decoded path with its query; empty fits all. The rule sleeps until its
    `nth` fitting request, fires `count` times (None: without end), each time with
    `probability`. With `operation` it fits the parts of a batch instead of whole
    requests; parts know only `throttle`, `unavailable`, `locked` and `edit`.
    """

    kind: Kind
    method: str = ""
    path: str = ""
    nth: int = 1
    count: int | None = None
    probability: float = 1.0
    seconds: float = 0.0
    retry_after: float | None = None
    operation: bool = False
    edit: Callable[[], None] | None = None
    seen: int = field(default=0, init=False)
    fired: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            msg = f"{self.kind!r} is no kind of fault"
            raise ValueError(msg)
        if self.kind == "edit" and self.edit is None:
            msg = "an edit fault needs its edit"
            raise ValueError(msg)
        if self.operation and self.kind not in _OF_A_PART:
            msg = f"{self.kind!r} cannot happen to a part of a batch"
            raise ValueError(msg)
        self._method = re.compile(self.method, re.IGNORECASE)
        self._path = re.compile(self.path)

    def fits(self, method: str, path: str) -> bool:
        """Tell whether the rule is about such a request."""
        return bool(self._method.search(method) and self._path.search(path))

    @property
    def is_spent(self) -> bool:
        """Whether it has fired as often as it may."""
        return self.count is not None and self.fired >= self.count


_FROM_JSON = {item.name for item in fields(Fault) if item.init and item.name != "edit"}


def read_fault(values: Mapping[str, Any]) -> Fault:
    """Build a rule from JSON values.

    Raises:
        ValueError: an unknown name, kind or pattern; or an edit, which is code.
    """
    if unknown := set(values) - _FROM_JSON:
        msg = f"unknown: {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    try:
        return Fault(**values)
    except (TypeError, re.error) as error:
        raise ValueError(str(error)) from None


class Faults:
    """The rules in force, and the dice they share."""

    def __init__(self, seed: int = 0) -> None:
        self.rules: list[Fault] = []
        self._random = Random(seed)
        self._lock = RLock()

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it, for its `fired` count."""
        with self._lock:
            self.rules.append(fault)
        return fault

    def clear(self, seed: int = 0) -> None:
        """Drop every rule and throw the dice anew from `seed`."""
        with self._lock:
            self.rules.clear()
            self._random.seed(seed)

    def due(self, method: str, path: str, *, operation: bool = False) -> list[Fault]:
        """Return the rules that fire for this request, and count them."""
        due = []
        with self._lock:
            for fault in self.rules:
                if fault.operation is not operation or not fault.fits(method, path):
                    continue
                fault.seen += 1
                if fault.seen < fault.nth or fault.is_spent:
                    continue
                if fault.probability < 1 and (
                    self._random.random() >= fault.probability
                ):
                    continue
                fault.fired += 1
                due.append(fault)
        return due
