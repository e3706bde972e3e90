"""Both sides edited at random, synchronized at random: what must always hold?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from flows.couple import couple
from flows.resolve import resolve
from flows.uncouple import uncouple
from tests.properties.fields import BY_NAME, CURRENCY, FIELDS
from tests.properties.ledger import Ledger
from tests.properties.moves import PAUSES, SKEWS, texts
from tests.properties.stage import Scene, failures
from tests.world import Ground
from tieline.emulator.business_central import Refusal
from tieline.emulator.dataverse.refusals import Refusal as DataverseRefusal
from tieline.emulator.faults import Fault
from tieline.report import JobReport

PICK = st.integers(0, 1000)
MOST_RECORDS = 8
MOST_DELETIONS = 3


class Convergence(RuleBasedStateMachine):
    """People at work on both sides, the job between them, and the model beside."""

    ground: ClassVar[Ground]
    new_store: ClassVar[Callable[[ExitStack], str]]

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.ledger = Ledger()
        self.runs = 0
        self.during = 0
        self.deletions = 0
        self.made = {"bc": set(), "dataverse": set()}
        self.was_coupled: set[str] = set()

    # Scene and people

    @initialize(bc=SKEWS, dataverse=SKEWS)
    def begin(self, bc: int, dataverse: int) -> None:
        store_url = type(self).new_store(self.stack)
        self.scene = Scene(type(self).ground, store_url, (bc, dataverse), self.stack)

    def teardown(self) -> None:
        try:
            if hasattr(self, "scene"):
                self._end_in_agreement()
        finally:
            self.stack.close()

    @rule(name=texts(), more=texts(), seller=st.booleans())
    def new_customer(
        self, name: tuple[str, str], more: tuple[str, str], seller: bool
    ) -> None:
        values = dict([("displayName", "New"), name, more])
        extra = {"salespersonCode": "JO"} if seller else {}
        if len(self.scene.customers()) < MOST_RECORDS:
            with suppress(Refusal):
                row = self.scene.world.company.insert("customers", values | extra)
                self._noted("bc", row["id"])

    @rule(name=texts(), more=texts())
    def new_account(self, name: tuple[str, str], more: tuple[str, str]) -> None:
        values = dict([("displayName", "New"), name, more])
        if len(self.scene.accounts()) < MOST_RECORDS:
            body = {BY_NAME[key].dataverse: value for key, value in values.items()}
            with suppress(DataverseRefusal):
                id_ = self.scene.world.account(**body)
                self._noted("dataverse", id_)

    def _noted(self, side: str, id_: str) -> None:
        self.made[side].add(id_)
        for name, value in self.scene.values(side)[id_].items():
            self.ledger.wrote(side, id_, name, value, run=self.during)

    @rule(which=PICK, edit=texts(), pause=PAUSES)
    def edit_customer(self, which: int, edit: tuple[str, str], pause: float) -> None:
        self.scene.advance(pause)
        self._edit("bc", which, {edit[0]: edit[1]})

    @rule(which=PICK, edit=texts(), pause=PAUSES)
    def edit_account(self, which: int, edit: tuple[str, str], pause: float) -> None:
        self.scene.advance(pause)
        self._edit("dataverse", which, {edit[0]: edit[1]})

    @rule(which=PICK, left=texts(), right=texts())
    def edit_both(
        self, which: int, left: tuple[str, str], right: tuple[str, str]
    ) -> None:
        if pairs := sorted(self.ledger.pairs.items()):
            bc_id, dataverse_id = pairs[which % len(pairs)]
            self._edit_one("bc", bc_id, {left[0]: left[1]})
            self._edit_one("dataverse", dataverse_id, {right[0]: right[1]})

    @rule(which=PICK, code=st.sampled_from(("", "DKK", "SEK")))
    def other_currency(self, which: int, code: str) -> None:
        self._edit("bc", which, {"currencyCode": code})

    @rule(which=PICK)
    def other_currency_of_account(self, which: int) -> None:
        bind = {"transactioncurrencyid@odata.bind": self.scene.krona}
        bind = {k: f"/transactioncurrencies({v})" for k, v in bind.items()}
        self._edit("dataverse", which, bind)

    @rule(which=PICK, code=st.sampled_from(("", "JO")))
    def other_salesperson(self, which: int, code: str) -> None:
        self._edit("bc", which, {"salespersonCode": code})

    @rule(which=PICK, blocked=st.sampled_from(("Ship", "_x0020_")))
    def block(self, which: int, blocked: str) -> None:
        self._edit("bc", which, {"blocked": blocked})

    @rule(which=PICK, active=st.booleans())
    def deactivate(self, which: int, active: bool) -> None:
        state = {"statecode": 0, "statuscode": 1}
        self._edit(
            "dataverse", which, state if active else {"statecode": 1, "statuscode": 2}
        )

    def _edit(self, side: str, which: int, values: dict[str, Any]) -> None:
        ids = sorted(self._records(side))
        if ids:
            self._edit_one(side, ids[which % len(ids)], values)

    def _records(self, side: str) -> dict[str, Any]:
        scene = self.scene
        return scene.customers() if side == "bc" else scene.accounts()

    def _edit_one(self, side: str, id_: str, values: dict[str, Any]) -> None:
        world = self.scene.world
        if id_ not in self._records(side):
            return
        with suppress(Refusal, DataverseRefusal):
            if side == "bc":
                world.edit_customer(id_, **values)
            else:
                names = {f.bc: f.dataverse for f in FIELDS}
                world.edit_account(
                    id_, **{names.get(k, k): v for k, v in values.items()}
                )
            now = self.scene.values(side)[id_]
            for name in values:
                key = CURRENCY.bc if name.startswith("transactioncurrency") else name
                if key in now:
                    self.ledger.wrote(side, id_, key, now[key], run=self.during)

    @precondition(lambda self: self.deletions < MOST_DELETIONS)
    @rule(which=PICK, side=st.sampled_from(("bc", "dataverse")))
    def delete(self, which: int, side: str) -> None:
        world, ids = self.scene.world, sorted(self._records(side))
        if not ids:
            return
        self.deletions += 1
        with suppress(Refusal, DataverseRefusal):
            if side == "bc":
                world.company.delete("customers", ids[which % len(ids)])
            else:
                world.dv.delete_as(world.human, "account", ids[which % len(ids)])

    # Settings and operations

    @rule(seconds=st.sampled_from((0.3, 1.0, 61.0, 3600.0)))
    def wait(self, seconds: float) -> None:
        self.scene.advance(seconds)

    @rule()
    def rates_appear(self) -> None:
        self.scene.give_rates()

    @rule()
    def salesperson_appears(self) -> None:
        self.scene.couple_salesperson()

    @rule(
        left=PICK,
        right=PICK,
        sync=st.sampled_from(("none", "to-dataverse", "from-dataverse")),
    )
    def couple_by_hand(self, left: int, right: int, sync: str) -> None:
        customers, accounts = (
            sorted(self.scene.customers()),
            sorted(self.scene.accounts()),
        )
        if customers and accounts:
            pair = (customers[left % len(customers)], accounts[right % len(accounts)])
            before = dict(self.ledger.pairs)
            self.scene.world.run_flow(
                couple, job="CUSTOMER", pairs=[f"{pair[0]}={pair[1]}"]
            )
            self.ledger.couple(self.scene.world.coupled())
            if sync != "none" and before.get(pair[0]) == pair[1]:
                return
            if sync != "none" and self.ledger.pairs.get(pair[0]) == pair[1]:
                report = self._run(direction=sync, records=[pair[0]], force=True)
                self._check(report, has_winner=True)

    @rule(which=PICK)
    def uncouple(self, which: int) -> None:
        if pairs := sorted(self.ledger.pairs.items()):
            record = pairs[which % len(pairs)][0]
            self.scene.world.run_flow(uncouple, job="CUSTOMER", records=[record])
            self.ledger.couple(self.scene.world.coupled())

    # Synchronizing

    @rule(
        create_new=st.booleans(),
        direction=st.sampled_from((None, None, None, "to-dataverse", "from-dataverse")),
        policy=st.sampled_from((None, None, None, "none", "send", "get")),
        full=st.sampled_from((False, False, True)),
        dry_run=st.sampled_from((False,) * 7 + (True,)),
    )
    def synchronize(self, policy: str | None, **parameters: Any) -> None:
        report = self._run(update_conflict=policy, **parameters)
        is_whole = parameters["direction"] is None and not parameters["dry_run"]
        self._check(report, has_winner=policy in ("send", "get"), is_whole=is_whole)

    @rule(
        side=st.sampled_from(("bc", "dataverse")),
        nth=st.integers(1, 12),
        at=st.sampled_from(("bc", "dataverse")),
        which=PICK,
        edit=texts(),
        is_deletion=st.sampled_from((False,) * 5 + (True,)),
    )
    def synchronize_while_others_edit(
        self,
        side: str,
        nth: int,
        at: str,
        which: int,
        edit: tuple[str, str],
        is_deletion: bool,
    ) -> None:
        """Another user's edit comes right before the nth request of one service."""
        self.during = self.runs + 1

        def interfere() -> None:
            if is_deletion:
                if self.deletions < MOST_DELETIONS:
                    self.delete(self, which=which, side=at)
            else:
                self._edit(at, which, {edit[0]: edit[1]})

        service = self.scene.world.bc if side == "bc" else self.scene.world.dv
        service.faults.add(Fault("edit", nth=nth, count=1, edit=interfere))
        try:
            report = self._run(create_new=True)
        finally:
            service.faults.clear()
            self.during = 0
        self._check(report, has_winner=False)

    def _run(self, **parameters: Any) -> JobReport:
        self.runs += 1
        report = self.scene.world.run("CUSTOMER", **parameters)
        assert "" == report.error_code, report.message
        self.ledger.couple(self.scene.world.coupled())
        return report

    # What must hold

    def _check(
        self, report: JobReport, *, has_winner: bool, is_whole: bool = False
    ) -> None:
        """Nothing lost, nothing doubled; differences only where the report says so."""
        bc, dataverse = self.scene.values("bc"), self.scene.values("dataverse")
        excused = self.scene.in_trouble() | self.scene.outside()
        for pair in self.ledger.pairs.items():
            if pair[0] in bc and pair[1] in dataverse:
                for name, left in bc[pair[0]].items():
                    right = dataverse[pair[1]][name]
                    self._check_field(pair, name, left, right, has_winner=has_winner)
                    if is_whole and excused.isdisjoint(pair):
                        assert left == right, (pair, name, failures(report))
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

    def _check_duplicates(self) -> None:
        """What the job created is coupled, or was: no second one for a record."""
        pairs = self.ledger.pairs
        assert len(pairs) == len(set(pairs.values()))
        self.was_coupled |= {*pairs, *pairs.values()}
        for side in ("bc", "dataverse"):
            ours = set(self._records(side)) - self.made[side]
            assert set() == ours - self.was_coupled

    def _end_in_agreement(self) -> None:
        """Conflicts and deletions get their policy: then both sides are equal."""
        scene = self.scene
        scene.advance(1.0)
        for id_ in scene.customers():
            self._edit_one("bc", id_, {"blocked": "_x0020_"})
        for id_ in scene.accounts():
            self._edit_one("dataverse", id_, {"statecode": 0, "statuscode": 1})
        scene.give_rates()
        scene.couple_salesperson()
        scene.advance(3 * 24 * 3600.0)
        is_even = self.runs % 2 == 0
        policies = {
            "update_conflict": "send" if is_even else "get",
            "deletion_conflict": "restore" if is_even else "remove-coupling",
        }
        world = scene.world
        world.run_flow(resolve, job="CUSTOMER", action="retry", all_records=True)
        world.run_flow(resolve, job="CUSTOMER", action="restore", all_records=True)
        self.ledger.couple(world.coupled())
        for full in (False, False, True, True):
            report = self._run(create_new=True, full=full, **policies)
            self._check(report, has_winner=True)
        assert [] == failures(report)
        self._check_equal()
        before, written = scene.versions(), scene.writes()
        report = self._run(create_new=True)
        assert [] == failures(report)
        assert (before, written) == (scene.versions(), scene.writes())

    def _check_equal(self) -> None:
        scene = self.scene
        bc, dataverse = scene.values("bc"), scene.values("dataverse")
        both = {
            b: d for b, d in self.ledger.pairs.items() if b in bc and d in dataverse
        }
        assert {b: bc[b] for b in both} == {b: dataverse[d] for b, d in both.items()}
        customers, accounts = scene.customers(), scene.accounts()
        for bc_id, dataverse_id in both.items():
            if customers[bc_id]["salespersonCode"]:
                assert scene.seller == accounts[dataverse_id]["_ownerid_value"]
        assert set(bc) == set(both)
        assert set(dataverse) == set(both.values())
