"""Facts about one record, and one sentence of advice for a person.

No I/O: what is known of the record comes in, the advice goes out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline.errors import SYSTEM_TITLES, UpdateConflict
from tieline.mapping import Direction, TableMapping
from tieline.odata.model import Condition
from tieline.policies import UpdateConflictPolicy
from tieline.store import Coupling, ErrorRow

_WORDS = {
    "eq": "is",
    "ne": "is not",
    "gt": "is greater than",
    "ge": "is at least",
    "lt": "is less than",
    "le": "is at most",
    "in": "is one of",
    "blank": "is blank",
    "not_blank": "is not blank",
}

WAYS = (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE)

_UNDECIDED = (UpdateConflictPolicy.MERGE, UpdateConflictPolicy.NONE)
"""The policies with which a field that both sides changed fails."""


@dataclass(frozen=True)
class FieldValues:
    """What both sides hold in one field, and what they last had in common.

    `common` holds each side's form of it by the side's name; empty without one.
    """

    field: str
    bc: Any
    dataverse: Any
    common: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the values as the JSON of `tieline explain` has them."""
        return {
            "field": self.field,
            "bc": self.bc,
            "dataverse": self.dataverse,
            "common": dict(self.common) or None,
        }

    def sentence(self) -> str:
        """Say which side holds what, and what both held before."""
        before = "they never had a value in common"
        if self.common:
            forms = list(dict.fromkeys(map(_shown, self.common.values())))
            before = f"last in common was {' or '.join(forms)}"
        return (
            f"{self.field} is {_shown(self.bc)} in Business Central and "
            f"{_shown(self.dataverse)} in Dataverse; {before}."
        )


def _shown(value: Any) -> str:
    return "blank" if value is None or value == "" else f'"{value}"'


@dataclass(frozen=True)
class Facts:
    """What is known of one record and its counterpart.

    `in_filter` is None for a side that has no such record; `outside` names the
    conditions that do not hold. `differing` are the fields in which a coupled
    pair disagrees, `disputed` those of them for both ways that both sides changed,
    `moved` the sides that changed since the last run. `is_new` tells that the next
    run would read an uncoupled record; `is_released` that what it waited for is
    coupled now; `left_out` that a rule of the table keeps it out, `adopts` that one
    couples uncoupled records with counterparts that are there. `remedies` are the
    actions, send or get, that were tried and would bring the pair into line; `values`
    what both sides hold in the fields that are, or will be, in conflict.
    """

    mapping: TableMapping
    name: str
    bc_id: str | None
    dataverse_id: str | None
    coupling: Coupling | None
    in_filter: Mapping[str, bool | None]
    outside: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)
    errors: Mapping[str, ErrorRow] = field(default_factory=dict)
    differing: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    moved: frozenset[str] = frozenset()
    is_new: bool = False
    is_released: bool = False
    left_out: bool = False
    adopts: bool = False
    remedies: tuple[str, ...] = ()
    values: tuple[FieldValues, ...] = ()

    @property
    def failures(self) -> list[ErrorRow]:
        """The errors that do not wait for another record; once what is said twice."""
        rows = [row for row in self.errors.values() if row.waiting_key is None]
        return list({(row.code, row.message): row for row in rows}.values())

    @property
    def error(self) -> ErrorRow | None:
        """The last error; one that waits for another record comes first."""
        rows = sorted(self.errors.values(), key=lambda row: row.waiting_key is None)
        return rows[0] if rows else None

    @property
    def blocker(self) -> str | None:
        """The job and the record that this one waits for."""
        return None if self.is_released else self.waited_for

    @property
    def waited_for(self) -> str | None:
        """The job and the record that it waited for at the last run."""
        error = self.error
        if error is None or error.waiting_key is None:
            return None
        return f"{error.waiting_mapping} {error.waiting_key}"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON of `tieline explain`."""
        document: dict[str, Any] = {
            "job": self.mapping.name,
            "bc_id": self.bc_id,
            "dataverse_id": self.dataverse_id,
            "coupled": self.coupling is not None,
            "in_filter": dict(self.in_filter),
            "last_result": {way: self._last(way) for way in self._ways},
            "blocker": self.blocker,
            "next_try": None if self.error is None else self.error.next_try,
            "advice": advice(self),
        }
        if self.values:
            document["values"] = [one.as_dict() for one in self.values]
        return document

    @property
    def _ways(self) -> list[str]:
        """Both directions, the failing one first."""
        return sorted(WAYS, key=lambda way: self._last(way) != "failure")

    def _last(self, way: str) -> str | None:
        if self.coupling is None:
            return "failure" if way in self.errors else None
        to = way == Direction.TO_DATAVERSE
        return self.coupling.to_result if to else self.coupling.from_result


def advice(facts: Facts) -> str:
    """Return one sentence: what holds the record up, and what to do about it."""
    rules = (
        _deleted,
        _skipped,
        _waits,
        _failed,
        _outside,
        _left_out,
        _uncoupled,
        _in_conflict,
        _differs,
    )
    for rule in rules:
        if text := rule(facts):
            return text
    return "It is coupled and both sides agree: there is nothing to do."


def describe(condition: Condition) -> str:
    """Return a condition in words."""
    words = f"{condition.column} {_WORDS[condition.op]}"
    if condition.op not in ("blank", "not_blank"):
        words += f" {condition.value}"
    return f"{words} or blank" if condition.or_blank else words


def _deleted(facts: Facts) -> str:
    job, name = facts.mapping.name, facts.name
    if facts.coupling is None:
        return ""
    gone = [side for side, inside in facts.in_filter.items() if inside is None]
    if len(gone) > 1:
        return f"Both records were deleted: `tieline uncouple {job} --record {name}`."
    if not gone:
        return ""
    return (
        f"Its counterpart in {SYSTEM_TITLES[gone[0]]} was deleted: `tieline resolve "
        f"{job} restore --record {name}` creates it anew, `tieline uncouple {job} "
        f"--record {name}` lets go of it."
    )


def _skipped(facts: Facts) -> str:
    if facts.coupling is None or not facts.coupling.skipped:
        return ""
    whys = [f"{row.code} ({row.message.rstrip('.')})" for row in facts.failures]
    why = f" with {' and '.join(whys)}" if whys else ""
    text = (
        f"It is skipped because it failed{why}: put that right, then `tieline resolve "
        f"{facts.mapping.name} retry --record {facts.name}`."
    )
    return _with_decision(facts, text, facts.failures)


def _with_decision(facts: Facts, text: str, errors: Sequence[ErrorRow]) -> str:
    """Add to a conflict what is at stake, and the two commands that decide it."""
    if all(error.code != UpdateConflict.code for error in errors):
        return text
    return f"{text} {_decision(facts)}"


def _decision(facts: Facts) -> str:
    resolve, record = f"tieline resolve {facts.mapping.name}", f"--record {facts.name}"
    said = [one.sentence() for one in facts.values]
    said.append(
        f"`{resolve} send {record}` gives Dataverse the values of Business Central, "
        f"`{resolve} get {record}` the other way."
    )
    return " ".join(said)


def _waits(facts: Facts) -> str:
    if facts.waited_for is None:
        return ""
    return " ".join(filter(None, (_failed(facts), _waits_for(facts))))


def _waits_for(facts: Facts) -> str:
    if facts.is_released:
        return (
            f"It waited for {facts.waited_for}, which is coupled now: it is tried at "
            "the next run."
        )
    return (
        f"It waits for {facts.blocker} and goes through by itself when that is coupled."
    )


def _failed(facts: Facts) -> str:
    failures = facts.failures
    said = []
    for error in failures:
        when = "at the next run"
        if error.next_try is not None:
            when = f"after {error.next_try:%Y-%m-%d %H:%M} UTC"
        text = error.message.rstrip(".")
        way = f" {error.direction}" if len(failures) > 1 else ""
        said.append(
            f"It failed{way} with {error.code} ({text}) and is tried again {when}."
        )
    return _with_decision(facts, " ".join(said), failures)


def _outside(facts: Facts) -> str:
    for side, conditions in facts.outside.items():
        if conditions:
            unmet = " and ".join(describe(one) for one in conditions)
            return (
                f"In {SYSTEM_TITLES[side]} it lies outside the filter of "
                f"{facts.mapping.name}, which demands that {unmet}: only `tieline run "
                f"{facts.mapping.name} --record {facts.name}` synchronizes it."
            )
    return ""


def _left_out(facts: Facts) -> str:
    if not facts.left_out:
        return ""
    return f"A rule of {facts.mapping.name} leaves it out of every run."


def _uncoupled(facts: Facts) -> str:
    mapping, job, name = facts.mapping, facts.mapping.name, facts.name
    if facts.coupling is not None:
        return ""
    to = facts.bc_id is not None
    one_way = Direction.TO_DATAVERSE if to else Direction.FROM_DATAVERSE
    pair = f"{name}=DATAVERSE_ID" if to else f"BC_ID={name}"
    by_hand = f"`tieline couple {job} --pair {pair}`"
    if not mapping.direction.covers(one_way):
        return f"It is not coupled, and {job} does not run {one_way}: use {by_hand}."
    if mapping.only_coupled and not facts.adopts:
        return (
            f"It is not coupled, and {job} synchronizes only coupled records: use "
            f"{by_hand}, or `tieline run {job} --record {name} --create-new`."
        )
    if mapping.only_coupled:
        return (
            f"It is not coupled: a run couples it only with a counterpart that is "
            f"there; `tieline run {job} --record {name} --create-new` creates one."
        )
    if facts.is_new:
        return "It is not coupled yet: the next run creates its counterpart."
    return (
        "It is not coupled and was not changed since the last run: `tieline run "
        f"{job} --record {name}` creates its counterpart."
    )


def _in_conflict(facts: Facts) -> str:
    policy = facts.mapping.update_conflict
    if not facts.disputed or policy not in _UNDECIDED:
        return ""
    return (
        f"{', '.join(facts.disputed)} {_verb(facts.disputed)} and both sides changed: "
        f"the next run fails, unless a person decides. {_decision(facts)}"
    )


def _verb(fields: Sequence[str]) -> str:
    return "differs" if len(fields) == 1 else "differ"


def _differs(facts: Facts) -> str:
    if not facts.differing:
        return ""
    job, name = facts.mapping.name, facts.name
    fields = f"{', '.join(facts.differing)} {_verb(facts.differing)}"
    passes = facts.mapping.passes(facts.mapping.direction)
    sources = {"bc" if one is Direction.TO_DATAVERSE else "dataverse" for one in passes}
    changed = sorted(SYSTEM_TITLES[side] for side in facts.moved & sources)
    if changed:
        return (
            f"It was changed in {' and '.join(changed)} ({fields}) and will be "
            "transferred at the next run."
        )
    if facts.mapping.always_full:
        return f"{fields} and will be transferred at the next run."
    if not facts.remedies:
        return (
            f"{fields}, and no run brings it into line: couple what it refers to, or "
            "change it on one side."
        )
    action = facts.remedies[0]
    return (
        f"{fields}, though the side that {job} reads did not change: `tieline "
        f"resolve {job} {action} --record {name}` brings it into line."
    )
