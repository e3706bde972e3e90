"""State machine that edits and synchronizes both sides at random, with invariants.

What the machines of all jobs share; each job's own moves stand in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from emulator.business_central import Refusal
from emulator.dataverse.refusals import Refusal as DataverseRefusal
from flows.couple import couple
from flows.uncouple import uncouple
from tests.properties.ledger import Ledger
from tests.properties.moves import SKEWS
from tests.properties.stage import Scene, failures
from tests.world import Ground
from tieline.report import JobReport

PICK = st.integers(0, 1000)
SIDES = st.sampled_from(("bc", "dataverse"))
MOST_RECORDS = 8
MOST_DELETIONS = 3


class Convergence(RuleBasedStateMachine):
    """People at work on both sides, the job between them, and the model beside.

    A machine of one job names it, its tables and its fields, and says how its
    records are read and what else people do to them.
    """

    ground: ClassVar[Ground]
    new_store: ClassVar[Callable[[ExitStack], str]]
    job: ClassVar[str]
    tables: ClassVar[dict[str, str]]
    names: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.ledger = Ledger(self.names)
        self.runs = 0
        self.during = 0
        self.deletions = 0
        self.made: dict[str, set[str]] = {"bc": set(), "dataverse": set()}
        self.was_coupled: set[str] = set()

    # What a job's machine says

    def prepare(self) -> None:
        """Set up what the records need beside the common scene."""

    def first(self, side: str) -> dict[str, Any]:
        """Return the values of a record that is there from the beginning."""
        raise NotImplementedError

    def records(self, side: str) -> dict[str, dict[str, Any]]:
        """Return the job's records of a side by id."""
        raise NotImplementedError

    def values(self, side: str) -> dict[str, dict[str, str]]:
        """Return the comparable values of a side's records by id."""
        raise NotImplementedError

    def body(self, side: str, values: dict[str, Any]) -> dict[str, Any]:
        """Return what a person sends to write values that have BC's names."""
        raise NotImplementedError

    def outside(self) -> set[str]:
        """Return the ids of records that lie outside the job's filters."""
        return set()

    def remove_obstacles(self) -> None:
        """Let every record come through from now on."""

    def check_whole(self, pair: tuple[str, str]) -> None:
        """Check what else must be equal in a pair after a run of both passes."""

    def check_end(self, pair: tuple[str, str]) -> None:
        """Check what else must hold of a pair at the end."""

    # Scene and people

    @initialize(bc=SKEWS, dataverse=SKEWS)
    def begin(self, bc: int, dataverse: int) -> None:
        store_url = type(self).new_store(self.stack)
        self.scene = Scene(type(self).ground, store_url, (bc, dataverse), self.stack)
        self.prepare()
        # Pairs from the beginning, or most moves of a short form find none.
        for side in ("bc", "dataverse"):
            self.insert(side, self.first(side))
        self.scene.advance(5.0)
        report = self.run(create_new=True)
        self.check(report, has_winner=False, is_whole=True)
        self.scene.advance(5.0)

    def end(self) -> None:
        """Bring everything to rest and check what must hold then."""

    def teardown(self) -> None:
        try:
            if hasattr(self, "scene"):
                self.end()
        finally:
            self.stack.close()

    def coupled(self) -> dict[str, str]:
        """Return the job's couplings."""
        return self.scene.world.coupled(self.job)

    def insert(self, side: str, values: dict[str, Any]) -> None:
        """A person creates a record, unless there are enough or it is refused."""
        if len(self.records(side)) >= MOST_RECORDS:
            return
        world, table = self.scene.world, self.tables[side]
        with suppress(Refusal, DataverseRefusal):
            body = self.body(side, values)
            if side == "bc":
                id_ = world.company.insert(table, body)["id"]
            else:
                id_ = world.dv.insert(table, body, user=world.human)
            self.made[side].add(id_)
            for name, value in self.values(side)[id_].items():
                self.ledger.wrote(side, id_, name, value, run=self.during)

    def edit(self, side: str, which: int, values: dict[str, Any]) -> None:
        """A person changes one of a side's records."""
        ids = sorted(self.records(side))
        if ids:
            self.edit_one(side, ids[which % len(ids)], values)

    def edit_one(self, side: str, id_: str, values: dict[str, Any]) -> None:
        """A person changes a record, if it exists; the service may refuse."""
        world, table = self.scene.world, self.tables[side]
        before = self.values(side).get(id_)
        if before is None:
            return
        with suppress(Refusal, DataverseRefusal):
            body = self.body(side, values)
            if side == "bc":
                world.company.update(table, id_, body)
            else:
                world.dv.edit_as(world.human, table, id_, body)
            for name, value in self.values(side)[id_].items():
                if name in values or value != before[name]:
                    self.ledger.wrote(side, id_, name, value, run=self.during)

    @precondition(lambda self: self.deletions < MOST_DELETIONS)
    @rule(which=PICK, side=SIDES)
    def delete(self, which: int, side: str) -> None:
        world, ids = self.scene.world, sorted(self.records(side))
        if not ids:
            return
        self.deletions += 1
        id_, table = ids[which % len(ids)], self.tables[side]
        with suppress(Refusal, DataverseRefusal):
            if side == "bc":
                world.company.delete(table, id_)
            else:
                world.dv.delete_as(world.human, table, id_)

    # Settings and operations

    @rule(seconds=st.sampled_from((0.3, 1.0, 61.0, 3600.0)))
    def wait(self, seconds: float) -> None:
        self.scene.advance(seconds)

    @rule(
        left=PICK,
        right=PICK,
        sync=st.sampled_from(("none", "to-dataverse", "from-dataverse")),
    )
    def couple_by_hand(self, left: int, right: int, sync: str) -> None:
        here, there = sorted(self.records("bc")), sorted(self.records("dataverse"))
        if not here or not there:
            return
        pair = (here[left % len(here)], there[right % len(there)])
        before = dict(self.ledger.pairs)
        pairs = [f"{pair[0]}={pair[1]}"]
        self.scene.world.run_flow(couple, job=self.job, pairs=pairs)
        self.ledger.couple(self.coupled())
        if sync == "none" or before.get(pair[0]) == pair[1]:
            return
        if self.ledger.pairs.get(pair[0]) == pair[1]:
            report = self.run(direction=sync, records=[pair[0]], force=True)
            self.check(report, has_winner=True)

    @rule(which=PICK)
    def uncouple(self, which: int) -> None:
        if pairs := sorted(self.ledger.pairs.items()):
            record = pairs[which % len(pairs)][0]
            self.scene.world.run_flow(uncouple, job=self.job, records=[record])
            self.ledger.couple(self.coupled())

    # Synchronizing

    @rule(
        create_new=st.booleans(),
        direction=st.sampled_from((None, None, None, "to-dataverse", "from-dataverse")),
        policy=st.sampled_from((None, None, None, "none", "send", "get")),
        full=st.sampled_from((False, False, True)),
        dry_run=st.sampled_from((False,) * 7 + (True,)),
    )
    def synchronize(self, policy: str | None, **parameters: Any) -> None:
        report = self.run(update_conflict=policy, **parameters)
        is_whole = parameters["direction"] is None and not parameters["dry_run"]
        self.check(
            report,
            has_winner=policy in ("send", "get"),
            is_whole=is_whole,
            all_sent=policy != "get",
        )

    def run(self, **parameters: Any) -> JobReport:
        """Run the job, which must not break, and see who is coupled now."""
        self.runs += 1
        report = self.scene.world.run(self.job, **parameters)
        assert "" == report.error_code, report.message
        self.ledger.couple(self.coupled())
        return report

    # What must hold

    def check(
        self,
        report: JobReport,
        *,
        has_winner: bool,
        is_whole: bool = False,
        all_sent: bool = True,
    ) -> None:
        """Nothing lost, nothing doubled; differences only where the report says so."""
        bc, dataverse = self.values("bc"), self.values("dataverse")
        excused = self.scene.in_trouble(self.job, [*bc, *dataverse]) | self.outside()
        for pair in self.ledger.pairs.items():
            if pair[0] not in bc or pair[1] not in dataverse:
                continue
            must_agree = is_whole and excused.isdisjoint(pair)
            for name, left in bc[pair[0]].items():
                right = dataverse[pair[1]][name]
                self._check_field(pair, name, left, right, has_winner=has_winner)
                if must_agree:
                    assert left == right, (pair, name, failures(report))
            if must_agree and all_sent:
                self.check_whole(pair)
        self._check_duplicates()

    def _check_field(
        self,
        pair: tuple[str, str],
        name: str,
        left: str,
        right: str,
        *,
        has_winner: bool,
    ) -> None:
        ledger, run = self.ledger, self.runs
        where = (pair, name, ledger.edits.get((pair, name)), left, right)
        if left == right:
            allowed = ledger.may_agree_on(pair, name, run=run, has_winner=has_winner)
            assert left in allowed, (where, allowed)
            ledger.agree(pair, name, left)
            return
        for side, value in (("bc", left), ("dataverse", right)):
            allowed = ledger.may_hold(pair, name, side, run=run)
            assert has_winner or value in allowed, (where, side, allowed)
        ledger.passed_on(pair, name, {"bc": left, "dataverse": right})

    def _check_duplicates(self) -> None:
        """What the job created is coupled, or was: no second one for a record."""
        pairs = self.ledger.pairs
        assert len(pairs) == len(set(pairs.values()))
        self.was_coupled |= {*pairs, *pairs.values()}
        for side in ("bc", "dataverse"):
            ours = set(self.records(side)) - self.made[side]
            assert set() == ours - self.was_coupled
