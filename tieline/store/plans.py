"""What a dry run would change: plans, kept until applied or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, select, update

from tieline.store.database import Database
from tieline.store.rows import Plan, PlanRow
from tieline.store.schema import plan, plan_row

_CHUNK_ROWS = 5000
APPLIED_BY = "applied_by"
"""The parameter that names the run which carried the plan out."""
_ROW_COLUMNS = tuple(c for c in plan_row.columns if c.name not in ("id", "plan_id"))


class Plans(Database):
    """A plan counts once its head is stored, which comes after its rows."""

    def add_plan_rows(self, plan_id: str, rows: Iterable[PlanRow]) -> None:
        """Add rows to a plan that is being made; chunk by chunk, in order."""
        waiting = iter(rows)
        while chunk := [
            {"plan_id": plan_id, **vars(row)} for row in islice(waiting, _CHUNK_ROWS)
        ]:
            with self.writing() as connection:
                connection.execute(insert(plan_row), chunk)

    def save_plan(
        self,
        plan_id: str,
        company: str,
        mapping: str,
        parameters: dict[str, Any],
        rows: Iterable[PlanRow] = (),
        *,
        now: datetime,
    ) -> None:
        """Add the last rows and the head: from now on the plan can be loaded."""
        self.add_plan_rows(plan_id, rows)
        head = Plan(plan_id, company, mapping, parameters, now)
        with self.writing() as connection:
            connection.execute(insert(plan), vars(head))

    def load_plan(self, plan_id: str) -> Plan | None:
        """Return the head of a plan, None when there is none or it is unfinished."""
        query = select(plan).where(plan.c.plan_id == plan_id)
        with self.reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else Plan(**row)

    def plan_rows(
        self, plan_id: str, rows: int = _CHUNK_ROWS
    ) -> Iterator[list[PlanRow]]:
        """Yield the rows in their order, in lists of at most `rows`."""
        query = select(plan_row.c.id, *_ROW_COLUMNS)
        query = query.where(plan_row.c.plan_id == plan_id)
        query = query.order_by(plan_row.c.id).limit(rows)
        last = 0
        while True:
            with self.reading() as connection:
                page = connection.execute(query.where(plan_row.c.id > last)).all()
            if page:
                yield [PlanRow(*row[1:]) for row in page]
            if len(page) < rows:
                return
            last = page[-1].id

    def mark_applied(self, applied: Plan, run_id: str) -> None:
        """Note which run carried a plan out; its rows are forgotten."""
        id_, parameters = applied.plan_id, {**applied.parameters, APPLIED_BY: run_id}
        change = update(plan).where(plan.c.plan_id == id_)
        with self.writing() as connection:
            connection.execute(change.values(parameters=parameters))
            connection.execute(delete(plan_row).where(plan_row.c.plan_id == id_))

    def drop_plan(self, plan_id: str) -> None:
        """Forget a plan, finished or not."""
        with self.writing() as connection:
            connection.execute(delete(plan).where(plan.c.plan_id == plan_id))
            connection.execute(delete(plan_row).where(plan_row.c.plan_id == plan_id))
