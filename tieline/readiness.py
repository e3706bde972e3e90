"""Looks ahead of a run: what would stop it, and what a person should know before."""

from __future__ import annotations

from tieline.conversions import Currency, Option
from tieline.errors import DriftError
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.model import Condition
from tieline.session import Session

NO_TEAM = (
    "Ownership is team, but the company row of Dataverse names no default owning team: "
    "new rows stay with the user that Tieline signs in as."
)


async def require_local_currency(mapping: TableMapping, session: Session) -> None:
    """Refuse a job that needs the local currency where it cannot be had.

    `mapping` is fitted to the services. Nothing is written.

    Raises:
        RuleViolated: LCY Code is blank, or Dataverse lacks the currency's row and
            its exchange rate cannot be worked out.
    """
    has_currency = any(
        isinstance(row.conversion, Currency)
        for row in mapping.active(Direction.TO_DATAVERSE)
    )
    if not (has_currency or mapping.needs_local_currency):
        return
    if await session.local_currency_id(create=False) is None:
        await session.local_currency_rate()


async def notes(mapping: TableMapping, session: Session) -> list[str]:
    """Return what stops no run, but fails records or surprises people, a sentence each.

    `mapping` is fitted to the services.
    """
    told: list[str] = []
    if await lacks_team(mapping, session):
        told.append(NO_TEAM)
    if not session.choices.create_options:
        for row in mapping.active(Direction.TO_DATAVERSE):
            if isinstance(row.conversion, Option):
                told += await _unlabelled(mapping, row, row.conversion, session)
    return told


async def lacks_team(mapping: TableMapping, session: Session) -> bool:
    """Whether teams own new rows of this job, but there is no team to own them."""
    if session.choices.ownership != "team":
        return False
    owned = any(
        row.dataverse == "ownerid" for row in mapping.active(Direction.TO_DATAVERSE)
    )
    return owned and await session.owning_team_id() is None


async def _unlabelled(
    mapping: TableMapping, row: FieldMapping, option: Option, session: Session
) -> list[str]:
    """Name the codes that records of the job have, and no option is called like."""
    couplings = session.option_couplings()
    try:
        codes = await couplings.unlabelled(option.bc_set, option.column, option.also)
    except DriftError:
        return []
    used = [
        code for code in sorted(codes) if await _is_used(mapping, row, code, session)
    ]
    if not used:
        return []
    what = "code is" if len(used) == 1 else "codes are"
    return [
        f"The {option.noun} {what} in use without an option in {option.column}: "
        f"{', '.join(used)}. Add the labels, or set create_options."
    ]


async def _is_used(
    mapping: TableMapping, row: FieldMapping, code: str, session: Session
) -> bool:
    """Whether a record inside the job's filter has the code; reads one row."""
    where = (*mapping.bc_filter, Condition(row.bc or "", "eq", code))
    pages = session.bc.changed(mapping.bc, columns=(), where=where, page_rows=1)
    async for page in pages:
        return len(page.frame) > 0
    return False
