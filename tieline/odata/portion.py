"""How many rows a service finishes in one message: halved after a time-out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tieline.errors import ApiError, Unavailable
from tieline.odata.model import Written
from tieline.odata.schema import MetadataCache

MOST_STRIKES = 2
"""A row that times out alone so often is given up."""


@dataclass
class Portion:
    """The rows of a message to one table; `rows` is where the next write begins.

    What a slow service finished is kept under `key` as a hint for later runs: it is
    as old as the metadata beside it at most.
    """

    rows: int
    cache: MetadataCache | None = None
    key: str = ""

    @classmethod
    def remembered(cls, most: int, cache: MetadataCache, key: str) -> Portion:
        """Return the portion that worked last, `most` where none is known."""
        text = cache.get(key) or ""
        rows = int(text) if text.isdecimal() and int(text) else most
        return cls(min(rows, most), cache, key)

    def worked(self, rows: int) -> None:
        """Keep the largest message that a slow service finished."""
        if rows >= self.rows:
            return
        self.rows = rows
        if self.cache is not None:
            self.cache.put(self.key, str(rows))


@dataclass
class Pieces:
    """How one write is cut into messages; rows that timed out go in halves."""

    portion: Portion
    _most: dict[int, int] = field(default_factory=dict)
    _strikes: dict[int, int] = field(default_factory=dict)
    _finished: int = 0

    def cut(self, places: Sequence[int]) -> list[list[int]]:
        """Cut the rows at `places` into messages, in order."""
        pieces: list[list[int]] = []
        room = 0
        for place in places:
            most = self._most.get(place, self.portion.rows)
            if not pieces or len(pieces[-1]) >= min(room, most):
                pieces.append([])
                room = most
            pieces[-1].append(place)
            room = min(room, most)
        return pieces

    def note(self, piece: Sequence[int], slow: Sequence[int]) -> bool:
        """Take in which rows of a message timed out; whether they can go smaller."""
        if not slow:
            if self._most:
                self._finished = max(self._finished, len(piece))
            return False
        for place in slow:
            if len(slow) == 1:
                self._strikes[place] = self._strikes.get(place, 0) + 1
            self._most[place] = max(1, len(slow) // 2)
        return len(slow) > 1

    def is_given_up(self, place: int) -> bool:
        """Whether the row has timed out alone often enough."""
        return self._strikes.get(place, 0) >= MOST_STRIKES

    def close(self) -> None:
        """Remember what worked, when something had to be halved."""
        if self._most and self._finished:
            self.portion.worked(self._finished)


def timed_out(
    piece: Iterable[int], answers: Sequence[Written | None], failed: ApiError | None
) -> list[int]:
    """Return the rows of a message that took the service too long."""
    if failed is not None:
        return list(piece) if _is_slow(failed) else []
    return [
        place
        for place, answer in zip(piece, answers, strict=True)
        if answer is not None and _is_slow(answer.error)
    ]


def _is_slow(error: ApiError | None) -> bool:
    return isinstance(error, Unavailable) and error.timed_out
