"""The rules of one table, as the stages call them: six typed hook points.

What happens before, after or beside the stages stands in the job's flow instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tieline.engine.row import Row, Rows
from tieline.mapping import Rules, TableMapping
from tieline.odata.model import Change, Written
from tieline.session import Session

Hook = Callable[[Rows, Session], Awaitable[None]]
DependentsHook = Callable[[Mapping[str, str], Session], Awaitable[dict[str, list[str]]]]


class Writer:
    """Writes the records of one table, and what follows them.

    This one writes them as they are; a table that takes rows only in steps refines
    it.
    """

    async def insert(
        self,
        rows: Rows,
        some: Sequence[Row],
        changes: Sequence[Change],
        session: Session,
    ) -> list[Written]:
        """Create the counterparts of some of the rows."""
        leg = rows.leg
        return await session.side(leg.target).insert(leg.target_table, changes)

    async def update(
        self,
        rows: Rows,
        some: Sequence[Row],
        changes: Sequence[Change],
        session: Session,
    ) -> list[Written]:
        """Change the counterparts of some of the rows."""
        leg = rows.leg
        return await session.side(leg.target).update(leg.target_table, changes)

    async def rewrite(
        self, table: str, changes: Sequence[Change], session: Session
    ) -> list[Written]:
        """Change rows of Dataverse that no record of a batch is behind."""
        return await session.dataverse.update(table, changes)

    async def finish(self, rows: Rows, session: Session) -> None:
        """Take the steps that follow the records' own writes."""

    @property
    def has_steps(self) -> bool:
        """Whether steps follow the records' own writes."""
        return type(self).finish is not Writer.finish


@dataclass(frozen=True)
class Hooks(Rules):
    """The special rules of one table, called by the shared stages.

    `ignore` leaves out records that are none of the job's; `complete` fills in what
    the service does not tell of a record, and may name its counterpart; `adopt` names
    existing counterparts of uncoupled records; `transformed` may add values, steps or
    errors to rows that are about to be written; `writer` writes them; `dependents` is
    told which pairs (BC id to Dataverse id) were dissolved and returns the Dataverse
    ids, by job, whose couplings go with them.
    """

    ignore: Hook | None = None
    complete: Hook | None = None
    adopt: Hook | None = None
    transformed: Hook | None = None
    writer: Writer = field(default_factory=Writer)
    dependents: DependentsHook | None = None


PLAIN = Hooks()


def hooks_of(mapping: TableMapping) -> Hooks:
    """Return the rules of a mapping's table; plain ones where it has none."""
    return mapping.hooks if isinstance(mapping.hooks, Hooks) else PLAIN
