"""Permission sets: what the caller may do with the data of which table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.business_central.refusals import Refusal
from emulator.business_central.schema import Page

_WORDS = {"R": "Read", "I": "Insert", "M": "Modify", "D": "Delete"}
_LETTERS = {"GET": "R", "POST": "I", "PATCH": "M", "DELETE": "D"}


@dataclass
class Permissions:
    """What was given, as letters of RIMD by table, and what was needed so far.

    Nobody is asked for anything while `given` is None.
    """

    given: Mapping[str, str] | None = None
    needed: set[tuple[str, str]] = field(default_factory=set)

    def demand(self, page: Page, method: str) -> None:
        """Make sure that the caller may send a method to a page's table.

        Raises:
            Refusal: 403, naming the table and what is missing.
        """
        letter = _LETTERS.get(method)
        if self.given is None or letter is None:
            return
        self.needed.add((page.table, letter))
        if letter not in self.given.get(page.table, ""):
            raise Refusal(
                403,
                "Authorization_RequestDenied",
                "Sorry, the current permissions prevented the action. (TableData "
                f"{page.table} {_WORDS[letter]}: Base Application)",
            )
