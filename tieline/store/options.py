"""Which option value stands for which Business Central code."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from tieline.errors import AlreadyCoupled
from tieline.store.database import Database
from tieline.store.rows import OptionRow
from tieline.store.schema import option_coupling


class Options(Database):
    """Option couplings: one code to one value per company and column."""

    def options(self, company: str, column: str) -> list[OptionRow]:
        """Return the couplings of a column such as account.paymenttermscode."""
        c = option_coupling.c
        query = select(c.bc_id, c.bc_code, c.value, c.label).where(
            c.company == company, c.dataverse_column == column
        )
        with self.reading() as connection:
            return [
                OptionRow(*row) for row in connection.execute(query.order_by(c.value))
            ]

    def save_options(
        self, company: str, column: str, rows: Sequence[OptionRow]
    ) -> None:
        """Make these the option couplings of a column: all of them, or no change.

        Raises AlreadyCoupled when a code or a value occurs twice.
        """
        names = {"company": company, "dataverse_column": column}
        c = option_coupling.c
        former = delete(option_coupling).where(
            c.company == company, c.dataverse_column == column
        )
        with self.writing() as connection:
            connection.execute(former)
            if not rows:
                return
            try:
                connection.execute(
                    insert(option_coupling), [{**names, **vars(row)} for row in rows]
                )
            except IntegrityError:
                msg = f"{column}: one code stands for one option, and no other."
                raise AlreadyCoupled(msg) from None

    def delete_options(self, company: str, column: str, bc_ids: Sequence[str]) -> None:
        """Remove the option couplings of these records."""
        c = option_coupling.c
        statement = delete(option_coupling).where(
            c.company == company,
            c.dataverse_column == column,
            self.one_of(c.bc_id, bc_ids),
        )
        with self.writing() as connection:
            connection.execute(statement)
