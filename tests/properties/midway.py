"""Events in the middle of a run: other users come in, or the process ends."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from emulator.faults import Fault
from tests.jobs.killing import Killed, killed_at
from tests.properties.ledger import Pair
from tests.properties.machine import MOST_DELETIONS, PICK, SIDES, Convergence
from tests.properties.stage import before_write
from tieline.store import Outcome, Store

OTHER = {"bc": "dataverse", "dataverse": "bc"}
MOMENTS = ("request", "answer", "save")


class Midway(Convergence):
    """Runs that are not left alone."""

    def interrupted(
        self,
        side: str,
        nth: int,
        at: str,
        which: int,
        values: dict[str, Any],
        *,
        is_deletion: bool,
    ) -> None:
        """Another user's edit comes right before the nth request of one service."""
        self.during = self.runs + 1

        def interfere() -> None:
            if is_deletion:
                if self.deletions < MOST_DELETIONS:
                    self.delete(self, which=which, side=at)
            else:
                self.edit(at, which, values)

        service = self.scene.world.bc if side == "bc" else self.scene.world.dv
        service.faults.add(Fault("edit", nth=nth, count=1, edit=interfere))
        try:
            report = self.run(create_new=True)
        finally:
            service.faults.clear()
            self.during = 0
        self.check(report, has_winner=False)

    def collide(
        self,
        met: Iterable[tuple[str, Pair]],
        mine: dict[str, Any],
        theirs: dict[str, Any],
    ) -> None:
        """Others type into the very records that the run is about to write.

        `met` are the sides where that happens, with the pairs; `mine` is what the
        run brings from the other side. The edit counts as one before the run, for
        no write of the run may have passed it by.
        """
        scene, is_whole = self.scene, True
        for at, pair in met:
            ids = dict(zip(("bc", "dataverse"), pair, strict=True))
            self.edit_one(OTHER[at], ids[OTHER[at]], mine)
            service = scene.world.bc if at == "bc" else scene.world.dv
            edit = partial(self.edit_one, at, ids[at], theirs)
            before_write(service.faults, ids[at], edit)
            # What the last pass finds changed in its destination waits for a run.
            is_whole &= at == "dataverse"
        try:
            report = self.run(create_new=True)
        finally:
            scene.world.bc.faults.clear()
            scene.world.dv.faults.clear()
        self.check(report, has_winner=False, is_whole=is_whole)

    def collide_once(
        self, at: str, which: int, mine: dict[str, Any], theirs: dict[str, Any]
    ) -> None:
        """The same for one of the pairs."""
        if pairs := sorted(self.ledger.pairs.items()):
            self.collide([(at, pairs[which % len(pairs)])], mine, theirs)

    @rule(
        moment=st.sampled_from(MOMENTS),
        nth=st.integers(1, 12),
        which=PICK,
        side=SIDES,
        city=st.sampled_from(("", "", "Typed after the crash")),
    )
    def crash_and_recover(
        self, moment: str, nth: int, which: int, side: str, city: str
    ) -> None:
        """Somebody may type before the next run finds what happened."""
        self.crash(moment, (nth + 3) // 4 if moment == "save" else nth)
        if city:
            self.edit(side, which, {"city": city})
        self.recover()

    def crash(self, moment: str, nth: int) -> None:
        """The process ends in the middle of a run."""
        with pytest.MonkeyPatch.context() as patch:
            if moment == "save":
                _kill_at_save(nth, patch)
                with suppress(Killed):
                    self.run(create_new=True)
            else:
                killed_at(
                    nth,
                    lambda: self.run(create_new=True),
                    patch,
                    after=moment == "answer",
                )

    def recover(self) -> None:
        """After a crash the next run finds what happened."""
        report = self.run(create_new=True)
        self.check(report, has_winner=False, is_whole=True)


def _kill_at_save(nth: int, patch: pytest.MonkeyPatch) -> None:
    """End the process when a batch is written and is about to be stored."""
    numbers = count(1)
    save = Store.save

    def saved(self: Store, *outcomes: Outcome) -> None:
        if next(numbers) >= nth:
            raise Killed
        save(self, *outcomes)

    patch.setattr(Store, "save", saved)
