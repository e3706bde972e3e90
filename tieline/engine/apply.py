"""Checks whether planned changes still fit their records, and refuses others."""

from __future__ import annotations

from collections.abc import Sequence

from tieline.engine.fate import Fate
from tieline.engine.leg import Leg
from tieline.engine.row import Row, Rows, by_id
from tieline.engine.run import JobRun, LegRun
from tieline.errors import MovedMeanwhile
from tieline.report import RecordFailure
from tieline.store import PlanRow

INSERTS = ("insert", "restore")
BY_DELETION_POLICY = ("restore", "uncouple")
AFTERWARDS = "afterwards"
"""What a job's own steps after its legs would do; the job carries it out."""


class Planned:
    """Rows of a plan for one batch, and what is known of their couplings.

    A refused row counts as failed and is left as it is; neither its coupling nor
    its last error changes, for the next run looks at it anyway.
    """

    def __init__(self, leg_run: LegRun, rows: Sequence[PlanRow]) -> None:
        """Take rows of one direction that are all, or all not, about deletions."""
        self._run: JobRun = leg_run.run
        self._leg_run = leg_run
        self._leg: Leg = leg_run.leg
        self.rows = {str(row.source_id): row for row in rows}
        self.is_about_deletions = rows[0].action in BY_DELETION_POLICY
        self._bc_ids: dict[str, str] = {}
        self._created: set[str] = set()

    @property
    def title(self) -> str:
        """What the task run that reads the records is called by."""
        return f"{self._leg.direction} {len(self.rows)} planned"

    def refuse(self, source_id: str, why: str) -> None:
        """Count a row as failed, and leave it as it is."""
        row = self.rows.pop(source_id)
        error = MovedMeanwhile(
            f"What is planned for it ({row.action}) no longer fits: {why}.",
            advice="Make a new plan.",
        )
        direction = self._leg.direction
        self._run.counters(direction).failed += 1
        self._run.report.errors.append(
            RecordFailure(
                direction, source_id, row.destination_id, error.code, str(error)
            )
        )

    async def read(self) -> Rows:
        """Read the source records as they are now, by id."""
        leg = self._leg
        self._know_couplings()
        frame = await self._run.session.side(leg.source).by_id(
            leg.source_table, list(self.rows), columns=leg.source_columns
        )
        for id_ in set(self.rows) - set(frame["id"]):
            self.refuse(id_, "the record no longer exists")
        # In the plan's order: codes of a series are given out in it.
        return Rows(
            leg,
            self._run.options,
            frame.loc[list(self.rows)],
            ignores_versions=True,
            is_counted=self.is_about_deletions,
        )

    def _know_couplings(self) -> None:
        """Note who is coupled; deletions must be about the coupled counterpart."""
        leg = self._leg
        known = self._run.store.coupling_rows(side=leg.source, ids=list(self.rows))
        self._bc_ids = {id_: row["bc_id"] for id_, row in known.items()}
        if not self.is_about_deletions:
            return
        for id_, row in list(self.rows.items()):
            coupling = known.get(id_)
            is_same = row.action == "restore" or (
                coupling is not None and coupling[leg.target_id] == row.destination_id
            )
            if coupling is None or not is_same:
                self.refuse(id_, "the record is coupled otherwise")

    def check_matched(self, rows: Rows) -> None:
        """Refuse rows that moved, once they are matched; keep planned new ids."""
        rows.set_aside.clear()
        rows.tally.clear()
        known = by_id(rows)
        for id_, planned in list(self.rows.items()):
            bc_id = self._bc_ids.get(id_)
            if planned.action == "uncouple":
                why = "" if bc_id in rows.removed else "the counterpart is back"
            elif id_ not in known:
                why = "a run would leave the record alone now"
            else:
                why = self._moved(known[id_], planned)
            if why:
                self._refuse_and_keep(rows, id_, why)
        accepted = sum(row.action == "uncouple" for row in self.rows.values())
        rows.tally[Fate.UNCOUPLE] = accepted
        self._leave_out_refused(rows)

    def _refuse_and_keep(self, rows: Rows, id_: str, why: str) -> None:
        """Refuse a row, and let it keep the coupling that was to go."""
        self.refuse(id_, why)
        bc_id = self._bc_ids.get(id_)
        if bc_id in rows.removed:
            rows.removed.remove(bc_id)

    def _moved(self, row: Row, planned: PlanRow) -> str:
        """Return how a record is no longer the one of the plan, "" if it is."""
        here, there = self._leg.pair(planned.bc_version, planned.dataverse_version)
        version = row.source["version"]
        if version != here and not self._is_ours(row, self._leg.source, version):
            return "the record was changed"
        if planned.action in INSERTS:
            if row.id not in self._bc_ids and row.coupling is not None:
                # The table's own rule created the row, under an id of its choice.
                self._created.add(row.id)
                return ""
            if not row.is_new:
                return "the record has a counterpart now"
            row.target_id = str(planned.destination_id)
            return ""
        if row.target_id != planned.destination_id:
            return "the record is coupled otherwise"
        version = row.target_version
        if version != there and not self._is_ours(row, self._leg.target, version):
            return "its counterpart was changed"
        return ""

    def _is_ours(self, row: Row, side: str, version: str | None) -> bool:
        """Whether the version comes from a write of this very run."""
        coupling = row.coupling
        return (
            coupling is not None
            and coupling[f"{side}_version"] == version
            and self._run.run_id in (coupling["to_run"], coupling["from_run"])
        )

    def check_values(self, rows: Rows) -> None:
        """Refuse rows for which other values came out of the comparison."""
        for row in rows:
            if not self._fits(row):
                self._refuse_and_keep(rows, row.id, "other values would be written now")
        self._leave_out_refused(rows)

    def _fits(self, row: Row) -> bool:
        """Whether the values to write are the planned ones.

        A row that a rule created holds some of them already.
        """
        planned = self.rows[row.id].values
        if row.id not in self._created:
            return bool(row.values == planned)
        is_whole = {**planned, **row.values} == planned
        return is_whole and {**row.wanted, **planned} == row.wanted

    def _leave_out_refused(self, rows: Rows) -> None:
        for row in rows:
            if row.id not in self.rows:
                row.leave_out()
        rows.take_out(Fate.LEFT_OUT)

    def refuse_overtaken(self) -> None:
        """Refuse rows that somebody changed between our read and our write."""
        queue, self._leg_run.queue = self._leg_run.queue, []
        for id_ in queue:
            self.refuse(id_, "its counterpart was changed")
