"""Keeps the price list of the products' own prices, and its rows in line.

Every product needs a row in the default price list, in the local currency, before
it can be activated; the row follows the product's price and unit.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tieline.errors import ApiError
from tieline.mapping import Needs
from tieline.odata.frames import rows_of
from tieline.odata.model import Change, Condition, Ref
from tieline.session import Session

PRODUCT_NAME = "Business Central"
"""The short name that the default price list is called after."""

DEFAULT = "default price list"
"""Under which name the list is kept in the store."""

CURRENCY_AMOUNT = 1
NO_CONTROL = 1
MONEY_DIGITS = 4


@dataclass
class _DefaultList:
    """The default price list as the run knows it, "" before it was looked for."""

    id: str = ""


@dataclass(frozen=True)
class PriceRow:
    """What the default price list has to hold for one product."""

    product_id: str
    group_id: str
    unit_id: str
    amount: float


STEPS = (
    Needs("dataverse", "pricelevel", ("name", "transactioncurrencyid")),
    Needs(
        "dataverse",
        "productpricelevel",
        (
            "pricelevelid",
            "productid",
            "uomid",
            "uomscheduleid",
            "amount",
            "pricingmethodcode",
            "quantitysellingcode",
        ),
    ),
)
"""What the rows of price lists are read and written by."""


def list_names(currency: str) -> tuple[str, str]:
    """Return the default price list's name, and the one with the currency in it.

    The second is used when the first is taken by a list in another currency.
    """
    return (
        f"{PRODUCT_NAME} Default Price List",
        f"{PRODUCT_NAME} {currency} Default Price List",
    )


def list_name(currency: str) -> str:
    """Return the name of the price list that invoices in a currency get."""
    return f"Price List in {currency}"


def is_own_list(name: str) -> bool:
    """Whether a price list bears a name that products or invoices give theirs.

    No customer price group has a code of that length.
    """
    return re.fullmatch(_OWN_NAMES, name, re.IGNORECASE) is not None


_OWN_NAMES = "|".join(
    (
        f"{re.escape(PRODUCT_NAME)} (\\S+ )?Default Price List",
        list_name("\\S+"),
    )
)


async def lists_of_other_jobs(session: Session) -> list[str]:
    """Return the price lists that products and invoices made for themselves."""
    known = session.job(DEFAULT).cursor("id")
    ids = [] if known is None else [known]
    async for page in session.dataverse.changed("pricelevel", columns=("name",)):
        ids += [row["id"] for row in rows_of(page.frame) if is_own_list(row["name"])]
    return ids


async def default_price_list(session: Session) -> str:
    """Return the id of the default price list, creating it when it is missing.

    Later runs use the same list, whatever it is called by then.

    Raises:
        RecordError: the local currency cannot be created.
        ApiError: the service refuses the list.
    """
    await session.local_currency_id(create=True)
    kept = session.kept(_DefaultList)
    known = (
        kept.id
        or await _remembered(session)
        or (await _by_name(session))[0]
        or await _create(session)
    )
    if known != session.job(DEFAULT).cursor("id"):
        session.job(DEFAULT).set_cursor("id", known)
    kept.id = known
    return known


async def _remembered(session: Session) -> str | None:
    """Return the list that an earlier run used, if it is there and still fits."""
    id_ = session.job(DEFAULT).cursor("id")
    if id_ is None:
        return None
    frame = await session.dataverse.by_id(
        "pricelevel", [id_], columns=("transactioncurrencyid",)
    )
    currency_id = await session.local_currency_id(create=False)
    return id_ if currency_id in list(frame["transactioncurrencyid"]) else None


async def _by_name(session: Session) -> tuple[str | None, str]:
    """Return the list that bears the name; without one, the name to give it."""
    names = list_names((await session.setup()).local_currency)
    currency_id = await session.local_currency_id(create=False)
    frame = await session.dataverse.by_values(
        "pricelevel", "name", names, columns=("name", "transactioncurrencyid")
    )
    rows = sorted(rows_of(frame), key=lambda row: str(row["id"]))
    for name in names:
        same = [row for row in rows if row["name"].casefold() == name.casefold()]
        for row in same:
            if row["transactioncurrencyid"] == currency_id:
                return str(row["id"]), name
        if not same:
            return None, name
    return None, names[-1]


async def _create(session: Session) -> str:
    currency_id = str(await session.local_currency_id(create=False))
    name = (await _by_name(session))[1]
    values: dict[str, Any] = {
        "name": name,
        "transactioncurrencyid": Ref("transactioncurrency", currency_id),
    }
    values |= await own_company(session, "pricelevel")
    id_ = await session.new_id("pricelevel", name, currency_id)
    change = Change(id_, values)
    (written,) = await session.dataverse.insert("pricelevel", [change])
    if written.error is not None:
        raise written.error
    return written.id


async def own_company(session: Session, table: str) -> dict[str, Any]:
    """Return the company column of a new row, where the table has one."""
    company_row = await session.company_row_id()
    columns = (await session.dataverse.table(table)).columns
    if company_row is None or "bcbi_companyid" not in columns:
        return {}
    return {"bcbi_companyid": Ref("bcbi_company", company_row)}


def row_in_need(wanted: PriceRow, rows: Sequence[dict[str, Any]]) -> str | None:
    """Return the id of the row to bring in line; None when one has to be added.

    `rows` are the product's rows in the list. The row of the default unit is
    meant; a single row of another unit follows the product.
    """
    for row in rows:
        if row["uomid"] == wanted.unit_id:
            return str(row["id"])
    return str(rows[0]["id"]) if len(rows) == 1 else None


def changes_of(wanted: PriceRow, row: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of an existing row that are out of line."""
    changes: dict[str, Any] = {}
    if row["uomid"] != wanted.unit_id:
        changes["uomid"] = Ref("uom", wanted.unit_id)
        changes["uomscheduleid"] = Ref("uomschedule", wanted.group_id)
    amount = round(wanted.amount, MONEY_DIGITS)
    if round(float(row["amount"] or 0), MONEY_DIGITS) != amount:
        changes["amount"] = amount
    if row["pricingmethodcode"] != CURRENCY_AMOUNT:
        changes["pricingmethodcode"] = CURRENCY_AMOUNT
    return changes


async def keep_prices(
    session: Session, list_id: str, wanted: Sequence[PriceRow]
) -> dict[str, ApiError | None]:
    """Bring the products' rows of the list in line, adding those that are missing.

    Returns the products whose rows were written, each with its error if any.
    """
    frame = await session.dataverse.by_values(
        "productpricelevel",
        "productid",
        [row.product_id for row in wanted],
        columns=("productid", "uomid", "amount", "pricingmethodcode"),
        where=(Condition("pricelevelid", "eq", list_id),),
    )
    existing: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of(frame):
        existing.setdefault(row["productid"], []).append(row)
    missing: list[tuple[str, PriceRow]] = []
    changes: list[tuple[str, Change]] = []
    for one in wanted:
        rows = existing.get(one.product_id, [])
        row_id = row_in_need(one, rows)
        if row_id is None:
            key = (list_id, one.product_id, one.unit_id)
            missing.append((price_row_id(key, [row["id"] for row in rows]), one))
            continue
        values = changes_of(one, next(row for row in rows if row["id"] == row_id))
        if values:
            change = Change(row_id, values, part_of=one.product_id)
            changes.append((one.product_id, change))
    dataverse = session.dataverse
    company = await own_company(session, "productpricelevel") if missing else {}
    added = await dataverse.insert(
        "productpricelevel",
        [Change(id_, {**_new(list_id, row), **company}) for id_, row in missing],
    )
    changed = await dataverse.update("productpricelevel", [c for _, c in changes])
    ids = [*(row.product_id for _, row in missing), *(id_ for id_, _ in changes)]
    results = [*added, *changed]
    return {id_: one.error for id_, one in zip(ids, results, strict=True)}


def price_row_id(key: tuple[str, str, str], taken: Collection[str]) -> str:
    """Return the id of a new row: of its list, product and unit, while it is free.

    So a plan names the row that is there once it was applied. `taken` are the ids
    of the rows that the list has for the product.
    """
    list_id, product_id, unit_id = key
    id_ = str(uuid.uuid5(uuid.UUID(list_id), f"{product_id}/{unit_id}"))
    return str(uuid.uuid4()) if id_ in taken else id_


def _new(list_id: str, row: PriceRow) -> dict[str, Any]:
    """Return a new row; its currency is the list's, its number the product's."""
    return {
        "pricelevelid": Ref("pricelevel", list_id),
        "productid": Ref("product", row.product_id),
        "uomid": Ref("uom", row.unit_id),
        "uomscheduleid": Ref("uomschedule", row.group_id),
        "amount": round(row.amount, MONEY_DIGITS),
        "pricingmethodcode": CURRENCY_AMOUNT,
        "quantitysellingcode": NO_CONTROL,
    }
