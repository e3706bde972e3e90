"""SALESPEOPLE: systemuser of Dataverse to Salesperson/Purchaser.

Only enabled, licensed people take part, not integration users. A new salesperson
gets the next code of the series SP NO. 00001, SP NO. 00002, ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from flows.job import job_flow
from tieline.batch import Action, Batch
from tieline.conversions import TEXT
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
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


async def number_new_salespeople(batch: Batch, session: Session) -> None:
    """Give the rows to insert their codes, in the order they were read."""
    positions = batch.positions(Action.INSERT)
    if not positions:
        return
    known: set[str] | None = session.memory.get("salesperson codes")
    if known is None:
        known = set()
        async for page in session.bc.changed(batch.mapping.bc, columns=("code",)):
            known.update(page.frame["code"])
        session.memory["salesperson codes"] = known
    codes = next_codes(known, len(positions))
    known.update(codes)
    for position, code in zip(positions, codes, strict=True):
        batch.values[position] = {"code": code, **batch.values[position]}


async def always_full(session: Session) -> Literal["full"]:
    """Users become salespeople whatever both sides hold."""
    return "full"


SALESPEOPLE = TableMapping(
    name="SALESPEOPLE",
    description="Licensed users of Dataverse, as salespeople of Business Central.",
    bc="salespeoplePurchasers",
    dataverse="systemuser",
    direction=FROM,
    bc_key="code",
    dataverse_name="fullname",
    inactivity_minutes=1440,
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
    hooks=Hooks(transformed=number_new_salespeople, recommend=always_full),
)

salespeople = job_flow(SALESPEOPLE)
