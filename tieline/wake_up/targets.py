"""Which tables are watched, and which jobs a notice of one wakes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tieline.errors import SystemName
from tieline.mapping import Direction, TableMapping
from tieline.wake_up.notices import Notice


@dataclass(frozen=True)
class Job:
    """What the receiver knows of a job: the tables that it reads, and its order.

    A table is None where the job does not read that side, or works out its rows
    from others: such a side is polled.
    """

    name: str
    bc: str | None
    dataverse: str | None
    lock: str = ""
    waits_for: tuple[str, ...] = ()

    def table(self, system: SystemName) -> str | None:
        """Return the table that is watched on a side."""
        return self.bc if system == "bc" else self.dataverse


@dataclass(frozen=True)
class Watched:
    """One table of one side, and the jobs that its changes wake."""

    system: SystemName
    table: str
    jobs: tuple[str, ...]


class Targets:
    """The jobs in dependency order, and what wakes them."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = tuple(jobs)
        self.by_name = {one.name: one for one in jobs}

    @cached_property
    def watched(self) -> tuple[Watched, ...]:
        """All tables to watch, those of Business Central first."""
        systems: tuple[SystemName, ...] = ("bc", "dataverse")
        found: dict[tuple[SystemName, str], list[str]] = {}
        for system in systems:
            for job in self.jobs:
                if table := job.table(system):
                    found.setdefault((system, table), []).append(job.name)
        return tuple(Watched(*key, tuple(names)) for key, names in found.items())

    def woken_by(self, notice: Notice) -> tuple[str, ...]:
        """Return the jobs that a notice wakes; none for a table nobody watches."""
        return next(
            (
                one.jobs
                for one in self.watched
                if one.system == notice.system
                and one.table.casefold() == notice.table.casefold()
            ),
            (),
        )


def targets_of(mappings: Iterable[TableMapping]) -> Targets:
    """Return what wakes the jobs of these mappings, as they are in force."""
    return Targets([_job(one) for one in mappings])


def _job(mapping: TableMapping) -> Job:
    passes = mapping.passes(mapping.direction)
    reads_bc = Direction.TO_DATAVERSE in passes and not mapping.only_candidates
    return Job(
        mapping.name,
        mapping.bc if reads_bc else None,
        mapping.dataverse if Direction.FROM_DATAVERSE in passes else None,
        mapping.lock,
        mapping.waits_for,
    )
