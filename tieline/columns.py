"""How do rows become columns? All columns at once: one by one costs several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any


def transposed(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], *, missing: Any = None
) -> list[tuple[Any, ...]]:
    """Return the values of each name, in the order of the rows.

    `missing` stands where a row lacks the name.
    """
    if not rows or not names:
        return [(missing,) * len(rows)] * len(names)
    pick = itemgetter(*names)
    try:
        picked = [pick(row) for row in rows]
    except KeyError:
        picked = [tuple([row.get(name, missing) for name in names]) for row in rows]
    else:
        if len(names) == 1:
            return [tuple(picked)]
    return list(zip(*picked, strict=True))
