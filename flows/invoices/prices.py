"""Gives an invoice its price list, and the list the prices of what was sold.

An invoice in the local currency has the default price list, one in another
currency the list called after that currency. A product that was sold gets a row in
the list of its invoice when it has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.invoices.lines import LineProduct
from flows.products.price_list import (
    CURRENCY_AMOUNT,
    NO_CONTROL,
    default_price_list,
    list_name,
    own_company,
    price_row_id,
)
from tieline.errors import ApiError
from tieline.odata.frames import rows_of
from tieline.odata.model import Change, Condition, Ref
from tieline.session import Session


@dataclass
class KnownLists:
    """The price lists of a run's invoices by currency, or why there is none."""

    by_currency: dict[str, str | ApiError] = field(default_factory=dict)


async def price_lists(
    session: Session, currencies: Mapping[str, str]
) -> dict[str, str | ApiError]:
    """Return the price list of each currency, or why it cannot be created.

    `currencies` are codes and ids, blank for the local one.
    """
    known = session.kept(KnownLists).by_currency
    missing = {code: id_ for code, id_ in currencies.items() if code not in known}
    if not missing:
        return known
    if missing.pop("", None) is not None:
        known[""] = await _local_list(session)
    if not missing:
        return known
    frame = await session.dataverse.by_values(
        "pricelevel",
        "name",
        [list_name(code) for code in missing],
        columns=("name", "transactioncurrencyid"),
    )
    rows = sorted(rows_of(frame), key=lambda row: str(row["id"]))
    for code, currency_id in missing.items():
        wanted = list_name(code).casefold()
        for row in rows:
            named = str(row["name"]).casefold() == wanted
            if named and row["transactioncurrencyid"] == currency_id:
                known.setdefault(code, row["id"])
    await _create_lists(session, known, missing)
    return known


async def _local_list(session: Session) -> str | ApiError:
    try:
        return await default_price_list(session)
    except ApiError as error:
        return error


async def _create_lists(
    session: Session, known: dict[str, str | ApiError], missing: Mapping[str, str]
) -> None:
    codes = [code for code in missing if code not in known]
    if not codes:
        return
    company = await own_company(session, "pricelevel")
    changes = [
        Change(
            await session.new_id("pricelevel", list_name(code), missing[code]),
            {
                "name": list_name(code),
                "transactioncurrencyid": Ref("transactioncurrency", missing[code]),
                **company,
            },
        )
        for code in codes
    ]
    written = await session.dataverse.insert("pricelevel", changes)
    for code, one in zip(codes, written, strict=True):
        known[code] = one.error or one.id


@dataclass(frozen=True)
class Sale:
    """A product that was sold from a price list at a price."""

    list_id: str
    product: LineProduct
    price: float

    @property
    def key(self) -> tuple[str, str, str]:
        """What is unique among price rows: list, product and unit."""
        return self.list_id, self.product.product_id, self.product.unit_id


async def add_missing_prices(
    session: Session, sales: Iterable[Sale]
) -> dict[tuple[str, str, str], ApiError]:
    """Add the price rows that are missing, each with the first price of its sales.

    Returns the rows that were refused.
    """
    wanted: dict[tuple[str, str, str], Sale] = {}
    for sale in sales:
        if sale.price > 0:
            wanted.setdefault(sale.key, sale)
    present = await _present(session, list(wanted))
    for key in present:
        wanted.pop(key, None)
    if not wanted:
        return {}
    company = await own_company(session, "productpricelevel")
    written = await session.dataverse.insert(
        "productpricelevel",
        [
            Change(price_row_id(key, present.values()), {**_row(sale), **company})
            for key, sale in wanted.items()
        ],
    )
    return {
        key: one.error
        for key, one in zip(wanted, written, strict=True)
        if one.error is not None
    }


async def _present(
    session: Session, keys: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], str]:
    """Return the rows that the lists have for the products, each with its id."""
    if not keys:
        return {}
    lists = sorted({key[0] for key in keys})
    frame = await session.dataverse.by_values(
        "productpricelevel",
        "productid",
        sorted({key[1] for key in keys}),
        columns=("pricelevelid", "productid", "uomid"),
        where=(Condition("pricelevelid", "in", lists),),
    )
    return {
        (row["pricelevelid"], row["productid"], row["uomid"]): row["id"]
        for row in rows_of(frame)
    }


def _row(sale: Sale) -> dict[str, Any]:
    return {
        "pricelevelid": Ref("pricelevel", sale.list_id),
        "productid": Ref("product", sale.product.product_id),
        "uomid": Ref("uom", sale.product.unit_id),
        "uomscheduleid": Ref("uomschedule", sale.product.group_id),
        "amount": sale.price,
        "pricingmethodcode": CURRENCY_AMOUNT,
        "quantitysellingcode": NO_CONTROL,
    }
