"""SALESPEOPLE: systemuser of Dataverse to Salesperson/Purchaser.

Only enabled, licensed people take part, not integration users. Where salespeople may
be created, the one with the user's e-mail is taken first; a new one gets the next
code of the series SP NO. 00001, SP NO. 00002, ... Where teams own the rows of
Dataverse, nobody is coupled by hand and a full synchronization creates nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from flows.job import job
from tieline.conversions import TEXT
from tieline.engine.drive import take_legs
from tieline.engine.first_load import FirstLoad
from tieline.engine.hooks import Hooks
from tieline.engine.row import Rows
from tieline.engine.run import JobRun
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.odata.model import Condition
from tieline.session import Session

FROM = Direction.FROM_DATAVERSE
BOTH = Direction.BIDIRECTIONAL

_SERIES = re.compile(r"SP NO\. (0\d*)")


def next_codes(existing: Iterable[str], count: int) -> list[str]:
    """Return the next `count` codes of the series, after the highest one in use."""
    used = [found.group(1) for code in existing if (found := _SERIES.fullmatch(code))]
    last = max(used, default="00000")
    start = int(last) + 1
    return [f"SP NO. {number:0{len(last)}d}" for number in range(start, start + count)]


@dataclass
class _Known:
    """The salespeople that there are, and the codes in use; read once a run."""

    people: pd.DataFrame | None = None
    codes: set[str] = field(default_factory=set)


async def adopt_by_email(rows: Rows, session: Session) -> None:
    """Take the salesperson who has the user's e-mail, before a second one is made.

    Only where the run may create, and only if exactly one salesperson has it.
    """
    if rows.options.only_coupled:
        return
    known = await _salespeople(session)
    owners: dict[str, list[str]] = {}
    for id_, email in zip(known["id"], known["email"], strict=True):
        owners.setdefault((email or "").strip().casefold(), []).append(id_)
    for row in rows:
        email = (row.source["internalemailaddress"] or "").strip().casefold()
        found = owners.get(email, []) if email else []
        if row.coupling is None and len(found) == 1:
            row.target_id, row.is_adopted = found[0], True


async def number_new_salespeople(rows: Rows, session: Session) -> None:
    """Give the rows to insert their codes, in the order they were read."""
    new = rows.new()
    if not new:
        return
    await _salespeople(session)
    used = session.kept(_Known).codes
    codes = next_codes(used, len(new))
    used.update(codes)
    for row, code in zip(new, codes, strict=True):
        row.values = {"code": code, **row.values}


async def _salespeople(session: Session) -> pd.DataFrame:
    """Read the salespeople that there are, once a run."""
    known = session.kept(_Known)
    if known.people is None:
        columns = ("code", "email")
        pages = session.bc.changed("salespeoplePurchasers", columns=columns)
        known.people = pd.concat([page.frame async for page in pages])
        known.codes = set(known.people["code"])
    return known.people


async def full_where_persons_own(session: Session) -> Literal["full", "nothing"]:
    """Users become salespeople whatever both sides hold, if they own anything."""
    return "full" if session.choices.ownership == "person" else "nothing"


SALESPEOPLE = TableMapping(
    name="SALESPEOPLE",
    description="Licensed users of Dataverse, as salespeople of Business Central.",
    bc="salespeoplePurchasers",
    dataverse="systemuser",
    nouns=("salespeople", "users"),
    direction=FROM,
    bc_key="code",
    dataverse_name="fullname",
    inactivity_minutes=1440,
    only_when="ownership_model=Person",
    dataverse_extra=("internalemailaddress",),
    dataverse_filter=(
        Condition("isdisabled", "eq", value=False),
        Condition("islicensed", "eq", value=True),
        Condition("isintegrationuser", "eq", value=False),
    ),
    fields=(
        FieldMapping("email", "internalemailaddress", FROM, TEXT),
        FieldMapping("displayName", "fullname", FROM, TEXT),
        FieldMapping("phoneNo", "mobilephone", FROM, TEXT),
        FieldMapping("jobTitle", "jobtitle", BOTH, TEXT, enabled=False),
        FieldMapping("email2", "personalemailaddress", BOTH, TEXT, enabled=False),
    ),
    hooks=Hooks(adopt=adopt_by_email, transformed=number_new_salespeople),
    first_load=FirstLoad(recommend=full_where_persons_own),
)


@job(SALESPEOPLE)
async def salespeople(run: JobRun) -> None:
    """Take the one leg, from Dataverse."""
    await take_legs(run)
