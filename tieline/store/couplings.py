"""Who is coupled to whom, read in sets; writing is in saving.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select, text

from tieline.store.database import Database
from tieline.store.frames import COLUMNS, to_frame, to_rows
from tieline.store.rows import Coupling
from tieline.store.schema import COUPLING_STATES, RAW_COUPLING, coupling

if TYPE_CHECKING:
    import pandas as pd

_RAW_COLUMNS = tuple(RAW_COUPLING.c[name] for name in COLUMNS)


class Couplings(Database):
    """Lookups of couplings, by set, by key, one by one and all of them."""

    def couplings(
        self,
        company: str,
        mapping: str,
        *,
        side: Literal["bc", "dataverse"],
        ids: Sequence[str],
    ) -> pd.DataFrame:
        """Return the couplings of these ids, labelled by that side's id.

        Ids without a coupling have no row. The order is not defined.
        """
        return to_frame(self._of_ids(company, mapping, side, ids), f"{side}_id")

    def coupling_rows(
        self,
        company: str,
        mapping: str,
        *,
        side: Literal["bc", "dataverse"],
        ids: Sequence[str],
    ) -> dict[str, dict[str, Any]]:
        """Return the same couplings as plain rows, by that side's id."""
        rows = to_rows(self._of_ids(company, mapping, side, ids))
        return {row[f"{side}_id"]: row for row in rows}

    def _of_ids(
        self, company: str, mapping: str, side: str, ids: Sequence[str]
    ) -> Sequence[Any]:
        if len(ids) == 0:
            return []
        query = _of_job(RAW_COUPLING, select(*_RAW_COLUMNS), company, mapping)
        query = query.where(self.one_of(RAW_COUPLING.c[f"{side}_id"], ids))
        with self.reading() as connection:
            return _plain_rows(connection, query)

    def each_coupling(
        self,
        company: str,
        mapping: str,
        *,
        skipped: bool | None = None,
        rows: int = 10_000,
    ) -> Iterator[pd.DataFrame]:
        """Yield all couplings in frames of at most `rows`, in order of bc_id.

        `skipped` keeps only those that are, or are not. No transaction is open
        between two frames.
        """
        for page in self._pages(company, mapping, skipped=skipped, rows=rows):
            yield to_frame(page, None)

    def each_coupling_page(
        self,
        company: str,
        mapping: str,
        *,
        skipped: bool | None = None,
        rows: int = 10_000,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the same couplings as lists of plain rows; loads no pandas."""
        for page in self._pages(company, mapping, skipped=skipped, rows=rows):
            yield to_rows(page)

    def _pages(
        self, company: str, mapping: str, *, skipped: bool | None, rows: int
    ) -> Iterator[Sequence[Any]]:
        query = _of_job(RAW_COUPLING, select(*_RAW_COLUMNS), company, mapping)
        if skipped is not None:
            condition = COUPLING_STATES["skipped"]
            query = query.where(text(condition if skipped else f"NOT {condition}"))
        query = query.order_by(RAW_COUPLING.c.bc_id).limit(rows)
        last = ""
        while True:
            with self.reading() as connection:
                page = connection.execute(
                    query.where(RAW_COUPLING.c.bc_id > last)
                ).all()
            if page:
                yield page
            if len(page) < rows:
                return
            last = page[-1][COLUMNS.index("bc_id")]

    def count_couplings(self, company: str, mapping: str) -> int:
        """Return how many couplings there are; takes time in proportion."""
        query = _of_job(
            coupling, select(func.count()).select_from(coupling), company, mapping
        )
        with self.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def marks(
        self,
        company: str,
        mapping: str,
        *,
        side: Literal["bc", "dataverse"],
        ids: Sequence[str],
    ) -> dict[str, tuple[str | None, datetime | None, bool]]:
        """Return {id: (version, modified time, whether skipped)} of those coupled."""
        c = coupling.c
        id_, version, modified = (
            c[f"{side}_id"],
            c[f"{side}_version"],
            c[f"{side}_modified"],
        )
        query = _of_job(
            coupling, select(id_, version, modified, c.skipped), company, mapping
        )
        query = query.where(self.one_of(id_, ids))
        with self.reading() as connection:
            return {
                row[0]: (row[1], row[2], row[3]) for row in connection.execute(query)
            }

    def modified_after(
        self, company: str, mapping: str, moment: datetime
    ) -> dict[str, str | None]:
        """Return {bc_id: BC version} of the rows that bear a later BC time.

        Those that are skipped are left out.
        """
        c = coupling.c
        # Few rows are that new. Behind an expression, the job's names cannot tempt
        # SQLite to search by them, which would be every coupling of the job.
        query = select(c.bc_id, c.bc_version).where(
            c.bc_modified > moment,
            func.coalesce(c.company, "") == company,
            func.coalesce(c.mapping, "") == mapping,
            ~c.skipped,
        )
        with self.reading() as connection:
            return {row.bc_id: row.bc_version for row in connection.execute(query)}

    def never_sent(self, company: str, mapping: str) -> list[str]:
        """Return the BC ids, not skipped, whose statistics were never sent."""
        query = _of_job(coupling, select(coupling.c.bc_id), company, mapping)
        query = query.where(text(COUPLING_STATES["never_sent"]))
        with self.reading() as connection:
            return list(connection.execute(query).scalars())

    def by_key(
        self, company: str, mapping: str, keys: Sequence[str]
    ) -> dict[str, tuple[str, str]]:
        """Return {number or code: (bc_id, dataverse_id)} as couplings remember it."""
        found = self.hints(company, mapping, keys)
        return {row.bc_key: (row.bc_id, row.dataverse_id) for row in found}

    def hints(
        self, company: str, mapping: str, keys: Sequence[str]
    ) -> Sequence[Row[Any]]:
        """Return bc_id, dataverse_id, bc_key of couplings that remember these keys.

        A number or code may have gone to another record since; several couplings may
        remember it.
        """
        return self._looked_up(company, mapping, "bc_key", keys)

    def by_dataverse_id(
        self, company: str, mapping: str, ids: Sequence[str]
    ) -> dict[str, tuple[str, str | None]]:
        """Return {dataverse_id: (bc_id, number or code)} of those coupled."""
        found = self._looked_up(company, mapping, "dataverse_id", ids)
        return {row.dataverse_id: (row.bc_id, row.bc_key) for row in found}

    def _looked_up(
        self, company: str, mapping: str, column: str, values: Sequence[str]
    ) -> Sequence[Row[Any]]:
        pair = (coupling.c.bc_id, coupling.c.dataverse_id, coupling.c.bc_key)
        query = _of_job(coupling, select(*pair), company, mapping)
        query = query.where(self.one_of(coupling.c[column], values))
        with self.reading() as connection:
            return connection.execute(query).all()

    def names(
        self, company: str, mappings: Sequence[str], ids: Sequence[str]
    ) -> dict[str, str]:
        """Return {id: number or code} of records coupled in these jobs, of both sides.

        The numbers are those that the couplings remember, fit to be shown.
        """
        c = coupling.c
        found: dict[str, str] = {}
        for id_ in (c.dataverse_id, c.bc_id):
            query = select(id_, c.bc_key).where(
                c.company == company, c.mapping.in_(mappings), self.one_of(id_, ids)
            )
            with self.reading() as connection:
                found |= {
                    row[0]: row.bc_key for row in connection.execute(query) if row[1]
                }
        return found

    def find(self, company: str, mapping: str, name: str) -> Coupling | None:
        """Return the coupling of a bc id, a Dataverse id or a BC number, in turn.

        Ids and numbers may be given in any case.
        """
        c, lower = coupling.c, name.lower()
        rank = case((c.bc_id == lower, 0), (c.dataverse_id == lower, 1), else_=2)
        names = (
            c.bc_id == lower,
            c.dataverse_id == lower,
            c.bc_key.in_([name, name.upper()]),
        )
        # Each branch names the whole index: with the job outside of them, SQLite
        # reads all couplings of the job.
        of_job = and_(c.company == company, c.mapping == mapping)
        query = select(coupling).where(or_(*(and_(of_job, named) for named in names)))
        query = query.order_by(rank, c.bc_id)
        with self.reading() as connection:
            row = connection.execute(query.limit(1)).mappings().first()
        return None if row is None else Coupling(**row)


def _plain_rows(connection: Connection, query: Select[Any]) -> Sequence[Any]:
    # The driver's tuples: frames need no row objects, which cost half as much again.
    cursor = connection.execute(query).cursor
    return [] if cursor is None else cursor.fetchall()


def _of_job(table: Any, query: Select[Any], company: str, mapping: str) -> Select[Any]:
    return query.where(table.c.company == company, table.c.mapping == mapping)
