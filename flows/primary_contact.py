"""Who is the primary contact of a customer and its account? Completed by contacts.

A new contact becomes the primary contact of a parent that has none. That is no
change of a user: the parent's coupling takes the new version, if the parent was
in step before, and a counterpart that names nobody stays as it is: a blank there
takes nobody away here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from tieline.agreed import decided, mark_of
from tieline.batch import Action, Batch, rows_of
from tieline.errors import SystemName, Throttled, Unavailable
from tieline.identity import Home, coupled_by_code, coupled_by_dataverse_id
from tieline.odata.model import Change, Ref, Written
from tieline.session import Session
from tieline.store import Outcome

KEY = "primarycontactid"
NUMBER = "primaryContactNumber"
PERSONS = Home("CONTACT", "contacts")
PARENT = "parentcustomerid"

_PLACES: Mapping[SystemName, tuple[str, str]] = {
    "bc": ("customers", NUMBER),
    "dataverse": ("account", KEY),
}
_OTHER: Mapping[SystemName, SystemName] = {"bc": "dataverse", "dataverse": "bc"}


@dataclass(frozen=True)
class NewContact:
    """A contact that was just created: its number here, its id in Dataverse."""

    number: str
    dataverse_id: str


@dataclass(frozen=True)
class Noted:
    """A record that we wrote beside its job, for its coupling to know.

    `agreed` is (field key, value here, value in Dataverse) that both sides hold.
    """

    coupling: Mapping[str, Any]
    written: Written
    agreed: tuple[str, str, str | None] | None


def note_writes(
    session: Session, job: str, side: SystemName, noted: Sequence[Noted]
) -> None:
    """Store new versions of coupled records, so that they are no changes."""
    if not noted:
        return
    rows = []
    for one in noted:
        here, there = one.coupling["bc_common"], one.coupling["dataverse_common"]
        if one.agreed is not None:
            key, mine, theirs = one.agreed
            values: tuple[dict[str, Any], dict[str, Any]]
            values = {key: mine}, {key: theirs}
            if not (mine and theirs):
                # One side was completed, and the other one stays as it is.
                for common in values:
                    common[mark_of(key, by_rule=True)] = [mine, theirs]
            here, there = {**(here or {}), **values[0]}, {**(there or {}), **values[1]}
        row = {
            "bc_id": one.coupling["bc_id"],
            "dataverse_id": one.coupling["dataverse_id"],
            f"{side}_version": one.written.version,
            f"{side}_modified": one.written.modified,
            "bc_common": here,
            "dataverse_common": there,
        }
        rows.append(row)
    frame = pd.DataFrame(rows, dtype=object)
    frame[f"{side}_modified"] = pd.to_datetime(frame[f"{side}_modified"], utc=True)
    session.store.save(
        Outcome(
            session.company_id,
            job,
            "to-dataverse",
            at=datetime.now(UTC),
            couplings=frame,
        )
    )


def choose(
    contacts: Sequence[NewContact], named: str | None, coupled: NewContact | None
) -> NewContact | None:
    """Return the contact to make primary: whom the other side names, or the first.

    `coupled` is the one named, if it is no new one. None when the other side names
    somebody without a counterpart: both sides would name different people.
    """
    if not named:
        return contacts[0]
    for contact in contacts:
        if named in (contact.number, contact.dataverse_id):
            return contact
    return coupled


def agreed_values(
    contact: NewContact, side: SystemName, named: str | None, common: str | None
) -> tuple[str, str | None] | None:
    """Return what both sides have in common once `side` has its primary contact.

    `named` is whom the other side names now, `common` whom it named when both were
    in step. A blank that nobody touched stays: the completion is no change to carry
    there. None when the other side names somebody else, which is a change to carry.
    """
    if named in (contact.number, contact.dataverse_id):
        return contact.number, contact.dataverse_id
    if named or common:
        return None
    return ("", contact.dataverse_id) if side == "dataverse" else (contact.number, None)


async def fill_primary(
    session: Session, side: SystemName, parents: Mapping[str, Sequence[NewContact]]
) -> set[str]:
    """Give parents (ids of `side`) without a primary contact one of these.

    Returns the parents that could not be reached; a parent that somebody changes
    at the same moment is left as it is.
    """
    if not parents:
        return set()
    table, column = _PLACES[side]
    service = session.side(side)
    rows = rows_of(await service.by_id(table, list(parents), columns=(column,)))
    blank = [row for row in rows if not row[column]]
    if not blank:
        return set()
    couplings = _couplings(session, "CUSTOMER", side, [row["id"] for row in blank])
    named = await _named_by_others(session, side, couplings)
    coupled = await _coupled_contacts(session, side, named.values())
    chosen: dict[str, NewContact] = {}
    for row in blank:
        name = named[row["id"]]
        found = choose(parents[row["id"]], name, coupled.get(name or ""))
        if found is not None:
            chosen[row["id"]] = found
    changes: list[Change] = []
    for row in blank:
        contact = chosen.get(row["id"])
        if contact is None:
            continue
        value = (
            Ref("contact", contact.dataverse_id)
            if side == "dataverse"
            else contact.number
        )
        changes.append(Change(row["id"], {column: value}, row["version"]))
    results = await service.update(table, changes)
    noted: list[Noted] = []
    unreached: set[str] = set()
    for change, written in zip(changes, results, strict=True):
        if isinstance(written.error, Unavailable | Throttled):
            unreached.add(change.id)
        pair = couplings.get(change.id)
        if written.error is not None or pair is None:
            continue
        if pair[f"{side}_version"] == change.version:
            common = (pair[f"{_OTHER[side]}_common"] or {}).get(KEY)
            values = agreed_values(chosen[change.id], side, named[change.id], common)
            agreed = None if values is None else (KEY, *values)
            noted.append(Noted(pair, written, agreed))
    note_writes(session, "CUSTOMER", side, noted)
    return unreached


async def _coupled_contacts(
    session: Session, side: SystemName, named: Iterable[str | None]
) -> dict[str, NewContact]:
    """Return the coupled ones among the contacts named by the other side."""
    names = sorted({name for name in named if name})
    if side == "dataverse":
        by_code = await coupled_by_code(session, PERSONS, names)
        return {
            code: NewContact(code, one.dataverse_id) for code, one in by_code.items()
        }
    by_id = await coupled_by_dataverse_id(session, PERSONS, names)
    return {id_: NewContact(one.code, id_) for id_, one in by_id.items() if one}


async def _named_by_others(
    session: Session, side: SystemName, couplings: Mapping[str, Mapping[str, Any]]
) -> defaultdict[str, str | None]:
    """Return whom the counterparts of these parents name as primary contact now."""
    other = _OTHER[side]
    table, column = _PLACES[other]
    ids = {row[f"{other}_id"]: parent for parent, row in couplings.items()}
    rows = await session.side(other).by_id(table, list(ids), columns=(column,))
    named: defaultdict[str, str | None] = defaultdict(lambda: None)
    for id_, value in zip(rows["id"], rows[column], strict=True):
        named[ids[id_]] = value
    return named


def _couplings(
    session: Session, job: str, side: SystemName, ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    frame = session.store.couplings(session.company_id, job, side=side, ids=ids)
    return {row[f"{side}_id"]: row for row in rows_of(frame)}


async def adopt_contacts(batch: Batch, session: Session) -> None:
    """Let the contacts of accounts that became customers follow them.

    Contacts that are coupled and have no company here get the new customer's;
    then the account's primary contact becomes the customer's.
    """
    if batch.to_dataverse:
        return
    companies = {
        batch.source_ids[position]: str(row["companyContactNumber"])
        for position in batch.positions(Action.INSERT)
        if (row := (batch.results.get(position) or _NONE).row)
        and row.get("companyContactNumber")
    }
    if not companies:
        return
    numbers = {
        batch.source_ids[position]: str((batch.results[position].row or {})["number"])
        for position in batch.positions(Action.INSERT)
        if batch.source_ids[position] in companies
    }
    frame = await session.dataverse.by_values(
        "contact", PARENT, list(companies), columns=(PARENT,)
    )
    parents = dict(zip(frame["id"], frame[PARENT], strict=True))
    couplings = _couplings(session, "CONTACT", "dataverse", list(parents))
    if not couplings:
        return
    ids = {row["bc_id"]: contact for contact, row in couplings.items()}
    rows = rows_of(
        await session.bc.by_id(
            "contacts", list(ids), columns=("number", "companyNumber")
        )
    )
    belongs = {ids[row["id"]]: row for row in rows}
    lost = [contact for contact, row in belongs.items() if not row["companyNumber"]]
    changes = [
        Change(
            belongs[contact]["id"],
            {"companyNumber": companies[parents[contact]]},
            belongs[contact]["version"],
        )
        for contact in lost
    ]
    noted: list[Noted] = []
    results = await session.bc.update("contacts", changes)
    for contact, change, written in zip(lost, changes, results, strict=True):
        if written.error is not None:
            continue
        belongs[contact] |= change.values
        if couplings[contact]["bc_version"] == change.version:
            account = parents[contact]
            agreed = (PARENT, numbers[account], account)
            noted.append(Noted(couplings[contact], written, agreed))
    note_writes(session, "CONTACT", "bc", noted)
    await _take_primary(batch, session, belongs, companies)


_NONE = Written("")


async def keep_primary(batch: Batch, session: Session) -> None:
    """Leave a primary contact that the other side has no word about, forced or not.

    One that is not coupled cannot be named there; and where one side was completed
    alone, the other's blank says nothing of it.
    """
    if KEY not in batch.wanted:
        return
    there = batch.destination_now[KEY]
    cleared = [
        position
        for position, values in enumerate(batch.values)
        if KEY in values and not values[KEY] and there[position]
    ]
    if not cleared:
        return
    coupled = await _coupled_contacts(
        session, batch.source_side, [there[position] for position in cleared]
    )
    here = batch.source_now[KEY]
    stored = [(row and row["bc_common"]) or {} for row in batch.coupling]
    sides = (here, there) if batch.to_dataverse else (there, here)
    is_completed = decided(stored, KEY, *sides)
    wanted = batch.wanted[KEY] = batch.wanted[KEY].copy()
    for position in cleared:
        if there[position] not in coupled or is_completed[position]:
            del batch.values[position][KEY]
            wanted[position] = there[position]


def postpone_primary(batch: Batch) -> None:
    """Leave the primary contact out of new customers: it is not theirs yet.

    Both sides are remembered as without one, so that a later run carries it.
    """
    if batch.to_dataverse or KEY not in batch.wanted:
        return
    wanted, now = batch.wanted[KEY].copy(), batch.source_now[KEY].copy()
    for position in batch.positions(Action.INSERT):
        batch.values[position].pop(KEY, None)
        wanted[position], now[position] = "", None
    batch.wanted[KEY], batch.source_now[KEY] = wanted, now


async def _take_primary(
    batch: Batch,
    session: Session,
    belongs: Mapping[str, Mapping[str, Any]],
    companies: Mapping[str, str],
) -> None:
    if KEY not in batch.wanted:
        return
    contacts = batch.column(KEY)
    due: list[int] = []
    changes: list[Change] = []
    for position in batch.positions(Action.INSERT):
        found = belongs.get(contacts[position])
        company = companies.get(batch.source_ids[position])
        if found is not None and company and found["companyNumber"] == company:
            due.append(position)
            result = batch.results[position]
            changes.append(Change(result.id, {NUMBER: found["number"]}, result.version))
    results = await session.bc.update("customers", changes)
    for position, change, written in zip(due, changes, results, strict=True):
        if written.error is None:
            batch.results[position] = written
            batch.wanted[KEY][position] = change.values[NUMBER]
            batch.source_now[KEY][position] = contacts[position]
