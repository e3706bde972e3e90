"""Finds whose code it is, where codes live: in Business Central, now.

Ids decide. A number or code may be given to another record at any time, so the one
that a coupling remembers is a hint: it is corrected wherever it is seen to be wrong.
Reads go in sets, and a code that was found is not asked for again in the same run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tieline.errors import DriftError

if TYPE_CHECKING:
    from tieline.facts import ConversionContext

MOST_REMEMBERED = 20_000
"""How many codes of a table a run keeps in mind at most."""


@dataclass(frozen=True)
class Home:
    """Where the codes of a job's records live: an entity set and its property."""

    job: str
    table: str
    column: str = "number"


class Coupled(NamedTuple):
    """A coupled record: its id here, its code as it is now, its id in Dataverse."""

    bc_id: str
    code: str
    dataverse_id: str


class _Codes:
    """What a run has seen of the codes of one table, both ways."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        self.codes: dict[str, str] = {}

    def learn(self, found: Mapping[str, str]) -> None:
        """Keep {id: code}; of very many, only the last ones."""
        if len(self.codes) + len(found) > MOST_REMEMBERED:
            self.ids.clear()
            self.codes.clear()
        self.codes |= found
        self.ids |= {code: id_ for id_, code in found.items()}


@dataclass
class _KnownCodes:
    """The codes that a run has seen, by entity set."""

    tables: dict[str, _Codes] = field(default_factory=dict)


async def coupled_by_code(
    session: ConversionContext, home: Home, codes: Iterable[str]
) -> dict[str, Coupled]:
    """Return {code: who has it} of the records that have these codes and are coupled.

    Where the service does not offer the table, what the couplings remember is used.
    """
    wanted = sorted({code for code in codes if code})
    store, company = session.store, session.company_id
    hints = store.hints(company, home.job, wanted)
    ids = await _ids_of(session, home, wanted)
    if ids is None:
        return {
            one.bc_key: Coupled(one.bc_id, one.bc_key, one.dataverse_id)
            for one in hints
        }
    known = store.coupling_rows(company, home.job, side="bc", ids=sorted(ids.values()))
    wrong: dict[str, str | None] = {
        id_: code
        for code, id_ in ids.items()
        if id_ in known and known[id_]["bc_key"] != code
    }
    stale = [one.bc_id for one in hints if ids.get(one.bc_key) != one.bc_id]
    if stale:
        others = await _codes_of(session, home, stale, anew=True) or {}
        wrong = {id_: others.get(id_) for id_ in stale} | wrong
    if wrong:
        store.correct_keys(company, home.job, wrong)
    return {
        code: Coupled(id_, code, known[id_]["dataverse_id"])
        for code, id_ in ids.items()
        if id_ in known
    }


async def coupled_by_dataverse_id(
    session: ConversionContext, home: Home, dataverse_ids: Iterable[str]
) -> dict[str, Coupled | None]:
    """Return {Dataverse id: whom it is coupled to} of those that are coupled.

    None stands for a record that Business Central no longer has.
    """
    wanted = sorted({id_ for id_ in dataverse_ids if id_})
    store, company = session.store, session.company_id
    pairs = store.by_dataverse_id(company, home.job, wanted)
    codes = await _codes_of(session, home, [bc_id for bc_id, _ in pairs.values()])
    if codes is None:
        return {
            id_: Coupled(bc_id, hint or "", id_) for id_, (bc_id, hint) in pairs.items()
        }
    wrong = {
        bc_id: codes[bc_id]
        for bc_id, hint in pairs.values()
        if bc_id in codes and codes[bc_id] != hint
    }
    if wrong:
        store.correct_keys(company, home.job, wrong)
    return {
        id_: Coupled(bc_id, codes[bc_id], id_) if bc_id in codes else None
        for id_, (bc_id, _) in pairs.items()
    }


async def coupled_ids(
    session: ConversionContext, home: Home, codes: Iterable[str]
) -> dict[str, str]:
    """Return {code: Dataverse id} of the coupled ones.

    In a dry run those that it would create count as coupled.
    """
    wanted = {code for code in codes if code}
    planned = session.planned.get(home.job, {})
    found = await coupled_by_code(session, home, wanted)
    return {
        **{code: one.dataverse_id for code, one in found.items()},
        **{code: planned[code] for code in wanted if code in planned},
    }


def _memory(session: ConversionContext, home: Home) -> _Codes:
    return session.kept(_KnownCodes).tables.setdefault(home.table, _Codes())


async def _ids_of(
    session: ConversionContext, home: Home, codes: list[str]
) -> dict[str, str] | None:
    """Return {code: id} of the records that have them now; None without the table."""
    known = _memory(session, home)
    found = {code: known.ids[code] for code in codes if code in known.ids}
    missing = [code for code in codes if code not in found]
    if missing:
        try:
            rows = await session.bc.by_values(
                home.table, home.column, missing, columns=(home.column,)
            )
        except DriftError:
            return None
        read = dict(zip(rows["id"], rows[home.column], strict=True))
        known.learn(read)
        found |= {code: id_ for id_, code in read.items()}
    return found


async def _codes_of(
    session: ConversionContext, home: Home, ids: list[str], *, anew: bool = False
) -> dict[str, str] | None:
    """Return {id: code} of the records that exist now; None without the table."""
    known = _memory(session, home)
    found = {} if anew else {id_: known.codes[id_] for id_ in ids if id_ in known.codes}
    missing = [id_ for id_ in ids if id_ not in found]
    if missing:
        try:
            rows = await session.bc.by_id(home.table, missing, columns=(home.column,))
        except DriftError:
            return None
        read = dict(zip(rows["id"], rows[home.column], strict=True))
        known.learn(read)
        found |= read
    return found
