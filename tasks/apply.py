"""Does a planned change still fit its record? Reads, checks and refuses rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.job_run import JobRun, Pass
from tieline.batch import Action, Batch, RunOptions
from tieline.errors import MovedMeanwhile
from tieline.mapping import (
    DeletionConflictPolicy,
    Direction,
    UpdateConflictPolicy,
)
from tieline.report import RecordFailure
from tieline.store import PlanRow

INSERTS = ("insert", "restore")
BY_DELETION_POLICY = ("restore", "uncouple")
AFTERWARDS = "afterwards"
"""What the hook `finished` would do, and the hook `planned` carries out."""


def planned_options(parameters: Mapping[str, Any]) -> RunOptions:
    """Return what the plan's run was asked for, now in earnest."""
    return RunOptions(
        direction=Direction(parameters["direction"]),
        update_conflict=UpdateConflictPolicy(parameters["update_conflict"]),
        deletion_conflict=DeletionConflictPolicy(parameters["deletion_conflict"]),
        records=tuple(parameters["records"]),
        full=parameters["full"],
        only_coupled=parameters["only_coupled"],
        force=parameters["force"],
    )


class Planned:
    """Rows of a plan for one batch, and what is known of their couplings.

    A refused row counts as failed and is left as it is; neither its coupling nor
    its last error changes, for the next run looks at it anyway.
    """

    def __init__(self, one_pass: Pass, rows: Sequence[PlanRow]) -> None:
        """Take rows of one direction that are all, or all not, about deletions."""
        self._run: JobRun = one_pass.run
        self._way = one_pass.way
        self._pass = one_pass
        self._to = one_pass.direction is Direction.TO_DATAVERSE
        self.rows = {str(row.source_id): row for row in rows}
        self.is_about_deletions = rows[0].action in BY_DELETION_POLICY
        self._bc_ids: dict[str, str] = {}
        self._created: set[str] = set()

    def refuse(self, source_id: str, why: str) -> None:
        """Count a row as failed, and leave it as it is."""
        row = self.rows.pop(source_id)
        error = MovedMeanwhile(
            f"What is planned for it ({row.action}) no longer fits: {why}.",
            advice="Make a new plan.",
        )
        self._run.counters(self._way).failed += 1
        self._run.report.errors.append(
            RecordFailure(
                self._way, source_id, row.destination_id, error.code, str(error)
            )
        )

    async def read(self) -> Batch:
        """Read the source records as they are now, by id."""
        run, mapping = self._run, self._run.mapping
        self._know_couplings()
        side = "bc" if self._to else "dataverse"
        frame = await run.session.side(side).by_id(
            mapping.bc if self._to else mapping.dataverse,
            list(self.rows),
            columns=mapping.columns("bc" if self._to else "dataverse"),
        )
        for id_ in set(self.rows) - set(frame["id"]):
            self.refuse(id_, "the record no longer exists")
        # In the plan's order: codes of a series are given out in it.
        frame = frame.loc[list(self.rows)]
        batch = Batch(
            mapping,
            self._pass.direction,
            run.options,
            frame,
            run_id=run.run_id,
            insist=True,
        )
        batch.allow_deletions = self.is_about_deletions
        return batch

    def _know_couplings(self) -> None:
        """Note who is coupled; deletions must be about the coupled counterpart."""
        frame = self._run.session.store.couplings(
            self._run.session.company_id,
            self._run.mapping.name,
            side="bc" if self._to else "dataverse",
            ids=list(self.rows),
        )
        self._bc_ids = {str(id_): bc for id_, bc in frame["bc_id"].items()}
        if not self.is_about_deletions:
            return
        others = frame["dataverse_id" if self._to else "bc_id"]
        for id_, row in list(self.rows.items()):
            is_same = row.action == "restore" or others.get(id_) == row.destination_id
            if id_ not in others.index or not is_same:
                self.refuse(id_, "the record is coupled otherwise")

    def check_coupled(self, batch: Batch) -> None:
        """Refuse rows that moved, after the couple stage; keep planned new ids."""
        batch.parked.clear()
        batch.tally.clear()
        positions = {id_: position for position, id_ in enumerate(batch.source_ids)}
        for id_, row in list(self.rows.items()):
            bc_id = self._bc_ids.get(id_)
            if row.action == "uncouple":
                why = "" if bc_id in batch.removed else "the counterpart is back"
            elif id_ not in positions:
                why = "a run would leave the record alone now"
            else:
                why = self._moved(batch, positions[id_], row)
            if not why:
                continue
            self.refuse(id_, why)
            if bc_id in batch.removed:
                batch.removed.remove(bc_id)
        accepted = sum(row.action == "uncouple" for row in self.rows.values())
        batch.tally[Action.UNCOUPLE] = accepted
        self._leave_out_refused(batch)

    def _moved(self, batch: Batch, position: int, row: PlanRow) -> str:
        """Return how a record is no longer the one of the plan, "" if it is."""
        here, there = row.bc_version, row.dataverse_version
        if not self._to:
            here, there = there, here
        version = batch.column("version")[position]
        if version != here and not self._is_ours(batch, position, version):
            return "the record was changed"
        if row.action in INSERTS:
            id_ = str(row.source_id)
            if id_ not in self._bc_ids and batch.coupling[position] is not None:
                # The table's own rule created the row, under an id of its choice.
                self._created.add(id_)
                return ""
            if batch.action[position] is not Action.INSERT:
                return "the record has a counterpart now"
            batch.destination_id[position] = row.destination_id
            return ""
        if batch.destination_id[position] != row.destination_id:
            return "the record is coupled otherwise"
        version = batch.destination_column("version")[position]
        if version != there and not self._is_ours(batch, position, version, there=True):
            return "its counterpart was changed"
        return ""

    def _is_ours(
        self, batch: Batch, position: int, version: str, *, there: bool = False
    ) -> bool:
        """Whether the version comes from a write of this very run."""
        coupling = batch.coupling[position]
        side = batch.destination_side if there else batch.source_side
        return (
            coupling is not None
            and coupling[f"{side}_version"] == version
            and self._run.run_id in (coupling["to_run"], coupling["from_run"])
        )

    def check_values(self, batch: Batch) -> None:
        """Refuse rows for which other values came out, after the transform stage."""
        for position, id_ in enumerate(batch.source_ids):
            if not self._fits(batch, position, id_):
                self.refuse(id_, "other values would be written now")
                bc_id = self._bc_ids.get(id_)
                if bc_id in batch.removed:
                    batch.removed.remove(bc_id)
        self._leave_out_refused(batch)

    def _fits(self, batch: Batch, position: int, id_: str) -> bool:
        """Whether the values to write are the planned ones.

        A row that a rule created holds some of them already.
        """
        planned, values = self.rows[id_].values, batch.values[position]
        if id_ not in self._created:
            return bool(values == planned)
        wanted = {key: batch.wanted[key][position] for key in batch.wanted}
        return {**planned, **values} == planned and {**wanted, **planned} == wanted

    def _leave_out_refused(self, batch: Batch) -> None:
        for position, id_ in enumerate(batch.source_ids):
            if id_ not in self.rows:
                batch.problems.pop(position, None)
                batch.action[position] = Action.LEFT_OUT
        batch.drop_done(Action.LEFT_OUT)

    def refuse_overtaken(self) -> None:
        """Refuse rows that somebody changed between our read and our write."""
        queue, self._pass.queue = self._pass.queue, []
        for id_ in queue:
            self.refuse(id_, "its counterpart was changed")


@task(name="extract", cache_policy=NO_CACHE, persist_result=False)
async def read_planned(planned: Planned) -> Batch:
    """Read the records of some rows of a plan."""
    return await planned.read()
