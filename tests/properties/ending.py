"""Invariants that hold when all has come to rest, and then at the worst moments."""

from __future__ import annotations

from typing import Any

from flows.resolve import resolve
from tests.properties.midway import Midway
from tests.properties.stage import failures


class Ending(Midway):
    """How every series of moves ends."""

    def end(self) -> None:
        self._end_in_agreement()
        self._take_nothing_of_ours_for_news()
        self._crash_between_write_and_save()
        self._collide_everywhere()

    def _end_in_agreement(self) -> None:
        """Conflicts and deletions get their policy: then both sides are equal."""
        scene = self.scene
        scene.advance(1.0)
        self._merge_once_more()
        self.remove_obstacles()
        scene.advance(3 * 24 * 3600.0)
        is_even = self.runs % 2 == 0
        policies = {
            "update_conflict": "send" if is_even else "get",
            "deletion_conflict": "restore" if is_even else "remove-coupling",
        }
        for action in ("retry", "restore"):
            scene.world.run_flow(resolve, job=self.job, action=action, all_records=True)
        self.ledger.couple(self.coupled())
        for full in (False, False, True, True):
            report = self.run(create_new=True, full=full, **policies)
            self.check(report, has_winner=True)
        assert [] == failures(report)
        self._check_equal()
        self._run_idle()

    def _run_idle(self) -> None:
        """A run without changes writes nothing, whatever it looks at."""
        before, written = self._versions(), self.scene.writes()
        report = self.run(create_new=True)
        assert [] == failures(report)
        assert (before, written) == (self._versions(), self.scene.writes())

    def _take_nothing_of_ours_for_news(self) -> None:
        """What a pass wrote is no change for the opposite pass, now or later."""
        scene = self.scene
        for side, field in (("bc", "city"), ("dataverse", "phoneNumber")):
            for pair in self.ledger.pairs.items():
                id_ = pair[0 if side == "bc" else 1]
                self.edit_one(side, id_, {field: "3"})
            scene.advance(1.0)
            report = self.run(create_new=True)
            self.check(report, has_winner=False, is_whole=True)
            now, known = self._versions(), scene.stored_versions(self.job)
            # Of couplings whose records are both gone nothing is asked.
            assert now == {id_: known.get(id_) for id_ in now}, side
        self._run_idle()

    def _crash_between_write_and_save(self) -> None:
        """New and changed records, written and not stored; then typed into again."""
        for side in ("bc", "dataverse"):
            self.insert(side, self.first(side))
        pairs = sorted(self.ledger.pairs)
        for city in ("Written", "Typed after the crash"):
            for bc_id in pairs:
                self.edit_one("bc", bc_id, {"city": city})
            self.scene.advance(1.0)
            if city == "Written":
                self.crash("save", 1)
        self.recover()
        self._run_idle()

    def _collide_everywhere(self) -> None:
        """Under `merge` both values stay, and runs say so as long as they do."""
        met = [
            (("bc", "dataverse")[(self.runs + index) % 2], pair)
            for index, pair in enumerate(sorted(self.ledger.pairs.items()))
        ]
        mine = {"city": "Mine", "phoneNumber": "4"}
        self.collide(met, mine, {"city": "Theirs"})
        report = self.run(create_new=True)
        self.check(report, has_winner=False, is_whole=True)

    def _merge_once_more(self) -> None:
        """Whatever came before: different fields of every pair, then a plain run."""
        for bc_id, dataverse_id in sorted(self.ledger.pairs.items()):
            self.edit_one("bc", bc_id, {"city": "Left"})
            self.edit_one("dataverse", dataverse_id, {"phoneNumber": "2"})
        self.scene.advance(1.0)
        report = self.run(create_new=True)
        self.check(report, has_winner=False, is_whole=True)

    def _check_equal(self) -> None:
        bc, dataverse = self.values("bc"), self.values("dataverse")
        both = {
            b: d for b, d in self.ledger.pairs.items() if b in bc and d in dataverse
        }
        assert {b: bc[b] for b in both} == {b: dataverse[d] for b, d in both.items()}
        for pair in both.items():
            self.check_end(pair)
        assert set(bc) == set(both)
        assert set(dataverse) == set(both.values())

    def _versions(self) -> dict[str, Any]:
        """Return the version of every record."""
        bc, dataverse = self.records("bc"), self.records("dataverse")
        return {id_: row["@odata.etag"] for id_, row in bc.items()} | {
            id_: f'W/"{row["versionnumber"]}"' for id_, row in dataverse.items()
        }
