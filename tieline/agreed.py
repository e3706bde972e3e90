"""Pairs of values that both sides keep although no conversion gives one for the other.

What both sides last had in common is, as a rule, a value and its translation. A rule
of a table may decide otherwise (an account gets its first contact as the primary one,
its customer none), and so may a person who undoes a run. Such a pair is stored beside
the common values under a mark of its own, on both sides; it counts only while both
sides hold exactly what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tieline.conversions.base import Mask, Values

_BY_RULE = "{key} by rule"
_BY_PERSON = "{key} by a person"


def mark_of(key: str, *, by_rule: bool) -> str:
    """Return the name under which a decision about a field is stored."""
    return (_BY_RULE if by_rule else _BY_PERSON).format(key=key)


def is_mark(name: str) -> bool:
    """Tell whether a name in the common values is that of a decision."""
    return name.endswith((_BY_RULE.format(key=""), _BY_PERSON.format(key="")))


def decided(
    commons: Sequence[Mapping[str, Any]],
    key: str,
    bc: Values,
    dataverse: Values,
    *,
    by_person: bool = True,
) -> Mask:
    """Tell where both sides hold what a rule, or a person, decided for a field.

    `commons` are the common values of the Business Central side: a decision is over
    once both sides had something else in common. Without `by_person` only the
    decisions of rules count.
    """
    names = [mark_of(key, by_rule=True)]
    if by_person:
        names.append(mark_of(key, by_rule=False))
    found = np.zeros(len(bc), dtype=bool)
    for position, common in enumerate(commons):
        for name in names:
            if common and name in common:
                pair = [bc[position], dataverse[position]]
                is_common = common.get(key) == bc[position]
                found[position] |= is_common and list(common[name]) == pair
    return found
