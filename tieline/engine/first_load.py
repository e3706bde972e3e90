"""What a table's rule says of the first synchronization of two systems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tieline import mapping
from tieline.session import Session

Recommendation = Literal["nothing", "full", "couple first"]


@dataclass(frozen=True)
class FirstLoad(mapping.FirstLoad):
    """The rules of one table for a full synchronization.

    `recommend` says how it had best begin, where that does not follow from which side
    holds records. `given` names the rows of Dataverse that do not count there, because
    every organisation has them or Tieline adds them by itself.
    """

    recommend: Callable[[Session], Awaitable[Recommendation]] | None = None
    given: Callable[[Session], Awaitable[Sequence[str]]] | None = None


def first_load_of(declared: mapping.TableMapping) -> FirstLoad:
    """Return the rules of a mapping's table; plain ones where it has none."""
    found = declared.first_load
    return found if isinstance(found, FirstLoad) else FirstLoad()
