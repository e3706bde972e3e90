"""Which records runs leave alone because they are not coupled."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, literal, select

from tieline.policies import Direction
from tieline.store.database import Database
from tieline.store.rows import Outcome
from tieline.store.schema import coupling, left_alone

_KEY = ("company", "mapping", "direction", "source_id")


class LeftAlone(Database):
    """Ids by job and direction; the cost is theirs, not the couplings'."""

    def left_alone(self, company: str, mapping: str, direction: Direction) -> list[str]:
        """Return the source ids that runs in this direction left alone, sorted."""
        c = left_alone.c
        query = select(c.source_id).where(
            c.company == company, c.mapping == mapping, c.direction == direction
        )
        with self.reading() as connection:
            return list(connection.execute(query.order_by(c.source_id)).scalars())

    def forget_left_alone(
        self,
        company: str,
        mapping: str,
        direction: Direction,
        ids: Sequence[str] | None = None,
    ) -> None:
        """Forget these ids, or all of the direction."""
        with self.writing() as connection:
            self._forget(connection, company, mapping, direction, ids)

    def note_uncoupled(self, connection: Connection, outcome: Outcome) -> None:
        """Keep the records of couplings that an outcome removes.

        Those of its source side, or of both where both sides live on.
        """
        sources = {
            Direction.TO_DATAVERSE: coupling.c.bc_id,
            Direction.FROM_DATAVERSE: coupling.c.dataverse_id,
        }
        for way, source in sources.items():
            if way != outcome.direction and not outcome.leaves_both:
                continue
            removed = select(
                coupling.c.company, coupling.c.mapping, literal(way), source
            ).where(
                coupling.c.company == outcome.company,
                coupling.c.mapping == outcome.mapping,
                self.one_of(coupling.c.bc_id, outcome.removed),
            )
            statement = self.upsert(left_alone).from_select(list(_KEY), removed)
            connection.execute(
                statement.on_conflict_do_nothing(index_elements=list(_KEY))
            )

    def note_left_alone(self, connection: Connection, outcome: Outcome) -> None:
        """Keep what an outcome says of records that are left alone, or no more."""
        job = (outcome.company, outcome.mapping)
        if outcome.couplings is not None and len(outcome.couplings):
            pairs = outcome.couplings.reset_index()
            self._forget(connection, *job, Direction.TO_DATAVERSE, list(pairs["bc_id"]))
            back = list(pairs["dataverse_id"])
            self._forget(connection, *job, Direction.FROM_DATAVERSE, back)
        failed = [row.source_id for row in outcome.errors]
        if failed:
            self._forget(connection, *job, outcome.direction, failed)
        if outcome.left_alone:
            statement = self.upsert(left_alone).on_conflict_do_nothing(
                index_elements=list(_KEY)
            )
            names = dict(zip(_KEY, (*job, outcome.direction), strict=False))
            rows = [{**names, "source_id": id_} for id_ in outcome.left_alone]
            connection.execute(statement, rows)

    def _forget(
        self,
        connection: Connection,
        company: str,
        mapping: str,
        direction: Direction,
        ids: Sequence[str] | None,
    ) -> None:
        c = left_alone.c
        statement = delete(left_alone).where(
            c.company == company, c.mapping == mapping, c.direction == direction
        )
        if ids is not None:
            statement = statement.where(self.one_of(c.source_id, ids))
        connection.execute(statement)
