"""How what a batch did is stored: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from tieline.errors import AlreadyCoupled, StoreError
from tieline.store.column_types import to_milliseconds
from tieline.store.frames import COLUMNS, to_raw
from tieline.store.left_alone import LeftAlone
from tieline.store.rows import Outcome
from tieline.store.schema import (
    RAW_COUPLING,
    coupling,
    intent,
    journal,
    record_error,
)
from tieline.store.watermarks import Watermarks

if TYPE_CHECKING:
    import pandas as pd

_PAIR = ("bc_id", "dataverse_id")
_JOB = ("company", "mapping")
_ERROR_KEY = (*_JOB, "direction", "source_id")


class _NotOneToOne(Exception):
    """Ends the transaction; `save` then finds out which pair it was."""

    def __init__(self, outcome: Outcome, pairs: pd.DataFrame) -> None:
        super().__init__()
        self.outcome = outcome
        self.pairs = pairs


class Saving(Watermarks, LeftAlone):
    """The one way in which couplings, errors and the journal are written."""

    def save(self, *outcomes: Outcome) -> None:
        """Store the outcomes of a batch (its nested mappings included) as a whole.

        Raises AlreadyCoupled, naming the ids, when a pair would break one to one;
        nothing is stored then.
        """
        outcomes = tuple(one for one in outcomes if not one.is_empty)
        if not outcomes:
            return
        try:
            with self.writing() as connection:
                for outcome in outcomes:
                    self._store(connection, outcome)
        except _NotOneToOne as clash:
            raise self._explained(clash.outcome, clash.pairs) from None

    def correct_keys(
        self, company: str, mapping: str, keys: Mapping[str, str | None]
    ) -> None:
        """Set the numbers or codes that couplings remember, by BC id.

        Nothing else changes, and no coupling comes into being.
        """
        c = coupling.c
        statement = (
            update(coupling)
            .where(
                c.company == company,
                c.mapping == mapping,
                c.bc_id == bindparam("id_"),
            )
            .values(bc_key=bindparam("key"))
        )
        with self.writing() as connection:
            connection.execute(
                statement, [{"id_": id_, "key": key} for id_, key in keys.items()]
            )

    def _store(self, connection: Connection, outcome: Outcome) -> None:
        job = (outcome.company, outcome.mapping)
        self._remove(connection, outcome)
        if outcome.couplings is not None and len(outcome.couplings):
            self._couple(connection, outcome, outcome.couplings)
        e = record_error.c
        if outcome.cleared:
            connection.execute(
                delete(record_error).where(
                    e.company == outcome.company,
                    e.mapping == outcome.mapping,
                    e.direction == outcome.direction,
                    self.one_of(e.source_id, outcome.cleared),
                )
            )
        if outcome.errors:
            connection.execute(
                self._replacing(record_error, _ERROR_KEY),
                [vars(row) for row in outcome.errors],
            )
        self.note_left_alone(connection, outcome)
        if outcome.journal:
            self.insert_rows(connection, journal, outcome.journal)
        if outcome.finished_intents:
            ids = self.one_of(intent.c.id, outcome.finished_intents)
            connection.execute(delete(intent).where(ids))
        self.set_cursors_within(connection, *job, outcome.cursors)
        for (mapping, direction), moment in outcome.lowered.items():
            self.lower_within(connection, outcome.company, mapping, direction, moment)

    def _remove(self, connection: Connection, outcome: Outcome) -> None:
        if outcome.removed:
            self.note_uncoupled(connection, outcome)
            self._forget_errors(connection, outcome)
            c = coupling.c
            connection.execute(
                delete(coupling).where(
                    c.company == outcome.company,
                    c.mapping == outcome.mapping,
                    self.one_of(c.bc_id, outcome.removed),
                )
            )

    def _forget_errors(self, connection: Connection, outcome: Outcome) -> None:
        """Forget what failed on the pairs that are removed, in both directions.

        Nothing of it stands when its records are no pair any more.
        """
        e, c = record_error.c, coupling.c
        is_removed = exists().where(
            c.company == outcome.company,
            c.mapping == outcome.mapping,
            self.one_of(c.bc_id, outcome.removed),
            or_(
                and_(e.direction == "to-dataverse", e.source_id == c.bc_id),
                and_(e.direction == "from-dataverse", e.source_id == c.dataverse_id),
            ),
        )
        connection.execute(
            delete(record_error).where(
                e.company == outcome.company,
                e.mapping == outcome.mapping,
                is_removed,
            )
        )

    def _couple(
        self, connection: Connection, outcome: Outcome, pairs: pd.DataFrame
    ) -> None:
        if pairs.index.name in _PAIR and pairs.index.name not in pairs.columns:
            pairs = pairs.reset_index()
        if unknown := set(pairs.columns).difference(COLUMNS):
            msg = f"a coupling has no column {', '.join(sorted(unknown))}"
            raise ValueError(msg)
        given = [n for n in COLUMNS if n in pairs.columns and n != "created_at"]
        count = len(pairs)
        values = {name: to_raw(pairs[name]) for name in given} | {
            "company": [outcome.company] * count,
            "mapping": [outcome.mapping] * count,
            "created_at": [to_milliseconds(outcome.at)] * count,
        }
        statement = self.upsert(RAW_COUPLING)
        # A pair that is stored with another partner is left alone, and the count
        # of rows tells. Repointing must be meant: it removes the old pair first.
        # The ids are not set: their indexes would be written anew for each row.
        statement = statement.on_conflict_do_update(
            index_elements=[*_JOB, "bc_id"],
            set_={name: statement.excluded[name] for name in given if name not in _PAIR}
            or {"bc_id": statement.excluded.bc_id},
            where=RAW_COUPLING.c.dataverse_id == statement.excluded.dataverse_id,
        )
        try:
            stored = self.execute_columns(connection, statement, values)
        except IntegrityError:
            raise _NotOneToOne(outcome, pairs) from None
        if stored != count:
            raise _NotOneToOne(outcome, pairs)

    def _explained(self, outcome: Outcome, pairs: pd.DataFrame) -> Exception:
        """Return the error that names the first pair that does not fit."""
        c = coupling.c
        bc_ids, dataverse_ids = (pairs[name].tolist() for name in _PAIR)
        query = select(c.bc_id, c.dataverse_id).where(
            c.company == outcome.company,
            c.mapping == outcome.mapping,
            or_(
                self.one_of(c.bc_id, bc_ids),
                self.one_of(c.dataverse_id, dataverse_ids),
            ),
        )
        with self.reading() as connection:
            stored = connection.execute(query).all()
        removed = set(outcome.removed)
        partner_of_bc: dict[str, str] = {}
        partner_of_dataverse: dict[str, str] = {}
        kept = [(b, d) for b, d in stored if b not in removed]
        for bc_id, dataverse_id in chain(kept, zip(bc_ids, dataverse_ids, strict=True)):
            other_dataverse = partner_of_bc.setdefault(bc_id, dataverse_id)
            other_bc = partner_of_dataverse.setdefault(dataverse_id, bc_id)
            if (other_dataverse, other_bc) != (dataverse_id, bc_id):
                taken = (
                    f"{bc_id} is coupled to {other_dataverse}"
                    if other_dataverse != dataverse_id
                    else f"{dataverse_id} is coupled to {other_bc}"
                )
                return AlreadyCoupled(
                    f"{outcome.mapping}: {bc_id} in Business Central cannot be "
                    f"coupled to {dataverse_id} in Dataverse, because {taken}."
                )
        return StoreError(f"The couplings of {outcome.mapping} cannot be stored.")

    def _replacing(self, table: Table, key: Sequence[str]) -> Any:
        statement = self.upsert(table)
        others = [c.name for c in table.columns if c.name not in key]
        return statement.on_conflict_do_update(
            index_elements=list(key),
            set_={name: statement.excluded[name] for name in others},
        )
