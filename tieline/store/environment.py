"""Whether this store belongs to the two services that it is used with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update

from tieline.errors import SafetyStop
from tieline.store.database import Database
from tieline.store.schema import cursor, environment, watermark

_ADVICE = (
    "Correct the settings; or give a copy a store of its own (TIELINE_STORE__URL); or, "
    "if this is the same data, moved, restored or copied to stay, run `tieline rebind`."
)


class Environment(Database):
    """Couplings mean nothing elsewhere: a sandbox's store must not meet live data."""

    def remember_environment(
        self,
        company: str,
        bc_root: str,
        dataverse_root: str,
        organization_id: str,
        *,
        company_name: str = "",
    ) -> None:
        """Bind the company to these services at first use, and check it later.

        Its name is kept, so that it can be told without asking the service.
        Raises SafetyStop when the company was coupled with another Dataverse
        organisation or is read from another Business Central. An organisation
        that moved to another address is still the same.
        """
        e = environment.c
        insert = self.upsert(environment).values(
            company=company,
            company_name=company_name,
            bc_root=bc_root,
            dataverse_root=dataverse_root,
            organization_id=organization_id,
        )
        query = select(environment).where(e.company == company)
        with self.writing() as connection:
            connection.execute(insert.on_conflict_do_nothing())
            known = connection.execute(query).one()
            if known.organization_id.lower() != organization_id.lower():
                msg = (
                    f"This store couples company {company} with the Dataverse "
                    f"organisation {known.organization_id} ({known.dataverse_root}), "
                    f"not with {organization_id} ({dataverse_root})."
                )
                raise SafetyStop(msg, advice=_ADVICE)
            if _same_address(known.bc_root) != _same_address(bc_root):
                msg = (
                    f"This store knows company {company} from {known.bc_root}, "
                    f"not from {bc_root}."
                )
                raise SafetyStop(msg, advice=_ADVICE)
            name = company_name or known.company_name
            if (known.dataverse_root, known.company_name) != (dataverse_root, name):
                connection.execute(
                    update(environment)
                    .where(e.company == company)
                    .values(dataverse_root=dataverse_root, company_name=name)
                )

    def rebind(
        self,
        company: str,
        bc_root: str,
        dataverse_root: str,
        organization_id: str,
        *,
        kept: Sequence[str] = (),
    ) -> None:
        """Bind the company to these services from now on, and read them anew.

        Couplings, errors and the journal stay. Watermarks and cursors, but for
        those whose names are `kept`, say how far the former services were read.
        """
        e, w = environment.c, watermark.c
        bound: dict[str, Any] = {
            "bc_root": bc_root,
            "dataverse_root": dataverse_root,
            "organization_id": organization_id,
        }
        with self.writing() as connection:
            connection.execute(
                update(environment).where(e.company == company).values(**bound)
            )
            # A run that goes on has read its revision before, and moves none.
            connection.execute(
                update(watermark)
                .where(w.company == company)
                .values(value=None, revision=w.revision + 1)
            )
            connection.execute(
                delete(cursor).where(
                    cursor.c.company == company, cursor.c.name.not_in(kept)
                )
            )

    def bound_to(self, company: str) -> tuple[str, str, str] | None:
        """Return both roots and the organisation that a company is bound to."""
        e = environment.c
        query = select(e.bc_root, e.dataverse_root, e.organization_id)
        with self.reading() as connection:
            row = connection.execute(query.where(e.company == company)).first()
        return None if row is None else (row[0], row[1], row[2])

    def companies_of(self, bc_root: str) -> dict[str, str]:
        """Return {company id: its name} of this Business Central, as runs knew it."""
        e = environment.c
        query = select(e.company, e.company_name, e.bc_root)
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return {
            row.company: row.company_name
            for row in rows
            if row.company_name and _same_address(row.bc_root) == _same_address(bc_root)
        }

    def known_companies(self, organization_id: str | None = None) -> dict[str, str]:
        """Return {company id: its name} of all companies that had a run, by name.

        With an organisation, only of those that share it.
        """
        e = environment.c
        query = select(e.company, e.company_name).order_by(e.company_name, e.company)
        if organization_id is not None:
            query = query.where(e.organization_id == organization_id)
        with self.reading() as connection:
            return {row.company: row.company_name for row in connection.execute(query)}


def _same_address(root: str) -> str:
    return root.rstrip("/").lower()
