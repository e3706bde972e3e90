"""Model of the state machine: what people wrote, and where it must be now."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

Pair = tuple[str, str]


@dataclass(frozen=True)
class Edit:
    """One accepted value; `run` is the run in whose middle it was written, or 0."""

    number: int
    side: str
    value: str
    run: int


@dataclass
class Ledger:
    """Accepted values since both sides of a pair were last seen in agreement.

    `names` are the fields that it keeps, by BC's names.
    """

    names: tuple[str, ...]
    numbers: count[int] = field(default_factory=lambda: count(1))
    held: dict[tuple[str, str, str], Edit] = field(default_factory=dict)
    edits: dict[tuple[Pair, str], list[Edit]] = field(default_factory=dict)
    agreed: dict[tuple[Pair, str], str] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)

    def wrote(self, side: str, id_: str, name: str, value: str, *, run: int) -> None:
        """Note an accepted value."""
        edit = Edit(next(self.numbers), side, value, run)
        self.held[side, id_, name] = edit
        for pair in self.pairs.items():
            if pair[0 if side == "bc" else 1] == id_:
                self.edits.setdefault((pair, name), []).append(edit)

    def couple(self, now: dict[str, str]) -> None:
        """Take the couplings as they are; new pairs begin with what they held."""
        for pair in now.items():
            if self.pairs.get(pair[0]) == pair[1]:
                continue
            for name in self.names:
                found = (
                    self.held.get((side, id_, name))
                    for side, id_ in zip(("bc", "dataverse"), pair, strict=True)
                )
                self.agreed.pop((pair, name), None)
                self.edits[pair, name] = sorted(
                    (edit for edit in found if edit), key=lambda edit: edit.number
                )
        self.pairs = dict(now)

    def may_agree_on(
        self, pair: Pair, name: str, *, run: int, has_winner: bool
    ) -> set[str]:
        """Return the values on which both sides may agree now.

        Who typed the agreed value again changed nothing: the other side's counts.
        """
        edits = self.edits.get((pair, name), [])
        base = self.agreed.get((pair, name), "")
        last = {edit.side: edit for edit in edits}
        if not last:
            return {base}
        values = {edit.value for edit in last.values()}
        if has_winner:
            return {*values, base}
        changed = values - {base}
        if len(changed) < 2:
            return changed or {base}
        latest = edits[-1]
        return {latest.value} if latest.run == run else set()

    def may_hold(self, pair: Pair, name: str, side: str, *, run: int) -> set[str]:
        """Return the values that a side may hold while the sides differ."""
        edits = self.edits.get((pair, name), [])
        base = self.agreed.get((pair, name), "")
        own = [edit for edit in edits if edit.side == side]
        if any(edit.run == run for edit in edits):
            return {base, *(edit.value for edit in edits)}
        return {own[-1].value} if own else {base}

    def passed_on(self, pair: Pair, name: str, held: dict[str, str]) -> None:
        """Note a value that the run had carried over before somebody typed anew.

        `held` are the different values of both sides after a run in whose middle
        others typed: who holds what only the other side typed was given it.
        """
        edits = self.edits.get((pair, name), [])
        for side, value in held.items():
            last = [e for e in edits if e.side == side][-1:]
            given = [e for e in edits if e.side != side and e.value == value][-1:]
            if given and (not last or last[0].value != value):
                self.agreed[pair, name] = value
                self.edits[pair, name] = [
                    edit
                    for edit in edits
                    if edit.number > given[0].number and edit.side != side
                ]
                return

    def agree(self, pair: Pair, name: str, value: str) -> None:
        """Note that both sides hold the same."""
        self.edits.pop((pair, name), None)
        self.agreed[pair, name] = value
        for side, id_ in zip(("bc", "dataverse"), pair, strict=True):
            self.held[side, id_, name] = Edit(next(self.numbers), side, value, 0)
