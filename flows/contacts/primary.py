"""The primary contact of a customer and its account, completed by contacts.

A new contact becomes the primary contact of a parent that has none. That is no
change of a user: the parent's coupling takes the new version, if the parent was
in step before, and a counterpart that names nobody stays as it is: a blank there
takes nobody away here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tieline.agreed import decided, mark_of
from tieline.conversions import column_of
from tieline.engine.row import Row, Rows
from tieline.errors import SystemName, Throttled, Unavailable
from tieline.identity import Home, coupled_by_code, coupled_by_dataverse_id
from tieline.odata.frames import rows_of
from tieline.odata.model import Change, Ref, Written
from tieline.policies import Direction
from tieline.session import Session

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
class Beside:
    """A record that we wrote beside its job, for its coupling to know.

    `agreed` is (field key, value here, value in Dataverse) that both sides hold.
    """

    coupling: Mapping[str, Any]
    written: Written
    agreed: tuple[str, str, str | None] | None


def note_writes(
    rows: Rows, session: Session, job: str, side: SystemName, noted: Sequence[Beside]
) -> None:
    """Store new versions of coupled records with the batch: they are no changes."""
    if not noted:
        return
    couplings = []
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
        couplings.append(
            {
                "bc_id": one.coupling["bc_id"],
                "dataverse_id": one.coupling["dataverse_id"],
                f"{side}_version": one.written.version,
                f"{side}_modified": one.written.modified,
                "bc_common": here,
                "dataverse_common": there,
            }
        )
    frame = pd.DataFrame(couplings, dtype=object)
    frame[f"{side}_modified"] = pd.to_datetime(frame[f"{side}_modified"], utc=True)
    rows.beside.append(
        session.job(job).outcome(Direction.TO_DATAVERSE, couplings=frame)
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
    rows: Rows, session: Session, parents: Mapping[str, Sequence[NewContact]]
) -> set[str]:
    """Give parents without a primary contact (ids of the target) one of these.

    Returns the parents that could not be reached; a parent that somebody changes
    at the same moment is left as it is.
    """
    if not parents:
        return set()
    side = rows.leg.target
    table, column = _PLACES[side]
    service = session.side(side)
    found = rows_of(await service.by_id(table, list(parents), columns=(column,)))
    blank = [record for record in found if not record[column]]
    if not blank:
        return set()
    couplings = _couplings(session, "CUSTOMER", side, [row["id"] for row in blank])
    named = await _named_by_others(session, side, couplings)
    coupled = await _coupled_contacts(session, side, named.values())
    chosen: dict[str, NewContact] = {}
    for row in blank:
        name = named[row["id"]]
        person = choose(parents[row["id"]], name, coupled.get(name or ""))
        if person is not None:
            chosen[row["id"]] = person
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
    noted: list[Beside] = []
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
            noted.append(Beside(pair, written, agreed))
    note_writes(rows, session, "CUSTOMER", side, noted)
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
    return session.job(job).coupling_rows(side=side, ids=ids)


async def adopt_contacts(rows: Rows, session: Session) -> None:
    """Let the contacts of accounts that became customers follow them.

    Contacts that are coupled and have no company here get the new customer's;
    then the account's primary contact becomes the customer's.
    """
    if rows.leg.to_dataverse:
        return
    told = {
        row.id: row.written.row or {} for row in rows.new() if row.written is not None
    }
    companies = {
        id_: str(record["companyContactNumber"])
        for id_, record in told.items()
        if record.get("companyContactNumber")
    }
    if not companies:
        return
    frame = await session.dataverse.by_values(
        "contact", PARENT, list(companies), columns=(PARENT,)
    )
    parents = dict(zip(frame["id"], frame[PARENT], strict=True))
    couplings = _couplings(session, "CONTACT", "dataverse", list(parents))
    if not couplings:
        return
    ids = {row["bc_id"]: contact for contact, row in couplings.items()}
    read = await session.bc.by_id(
        "contacts", list(ids), columns=("number", "companyNumber")
    )
    belongs = {ids[record["id"]]: record for record in rows_of(read)}
    lost = [contact for contact, row in belongs.items() if not row["companyNumber"]]
    changes = [
        Change(
            belongs[contact]["id"],
            {"companyNumber": companies[parents[contact]]},
            belongs[contact]["version"],
        )
        for contact in lost
    ]
    noted: list[Beside] = []
    results = await session.bc.update("contacts", changes)
    for contact, change, written in zip(lost, changes, results, strict=True):
        if written.error is not None:
            continue
        belongs[contact] |= change.values
        if couplings[contact]["bc_version"] == change.version:
            account = parents[contact]
            agreed = (PARENT, str(told[account]["number"]), account)
            noted.append(Beside(couplings[contact], written, agreed))
    note_writes(rows, session, "CONTACT", "bc", noted)
    await _take_primary(rows, session, belongs, companies)


async def keep_primary(rows: Rows, session: Session) -> None:
    """Leave a primary contact that the other side has no word about, forced or not.

    One that is not coupled cannot be named there; and where one side was completed
    alone, the other's blank says nothing of it.
    """
    cleared = [
        row
        for row in rows
        if KEY in row.wanted
        and KEY in row.values
        and not row.values[KEY]
        and row.there[KEY]
    ]
    if not cleared:
        return
    coupled = await _coupled_contacts(
        session, rows.leg.source, [row.there[KEY] for row in cleared]
    )
    sides = rows.leg.pair(
        column_of([row.now[KEY] for row in cleared]),
        column_of([row.there[KEY] for row in cleared]),
    )
    is_completed = decided([row.common("bc") for row in cleared], KEY, *sides)
    for row, completed in zip(cleared, is_completed, strict=True):
        if row.there[KEY] not in coupled or completed:
            row.keep(KEY)


def postpone_primary(rows: Rows) -> None:
    """Leave the primary contact out of new customers: it is not theirs yet.

    Both sides are remembered as without one, so that a later run carries it.
    """
    if rows.leg.to_dataverse:
        return
    for row in rows.new():
        if KEY in row.wanted:
            row.values.pop(KEY, None)
            row.wanted[KEY], row.now[KEY] = "", None


async def _take_primary(
    rows: Rows,
    session: Session,
    belongs: Mapping[str, Mapping[str, Any]],
    companies: Mapping[str, str],
) -> None:
    due: list[tuple[Row, Change]] = []
    for row in rows.new():
        if KEY not in row.wanted:
            continue
        person, company = belongs.get(row.source[KEY]), companies.get(row.id)
        if person is None or row.written is None:
            continue
        if company and person["companyNumber"] == company:
            values = {NUMBER: person["number"]}
            due.append((row, Change(row.target_id, values, row.written.version)))
    changes = [change for _, change in due]
    results = await session.bc.update("customers", changes)
    for (row, change), written in zip(due, results, strict=True):
        if written.error is None:
            row.written = written
            row.wanted[KEY], row.now[KEY] = change.values[NUMBER], row.source[KEY]
