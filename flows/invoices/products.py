"""Finds the product of Dataverse that each line of a posted invoice sells.

An item or resource is the product it is coupled to. An item that the filter of
ITEM-PRODUCT leaves out, the company's write-in product and every other kind of line
have none: they are written in. All others have to be coupled first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.invoices.lines import LineProduct
from flows.item_product import ITEM_PRODUCT
from flows.resource_product import RESOURCE_PRODUCT
from tieline.errors import Blocked, CoupledToDeleted, RecordError, RuleViolated
from tieline.facts import Setup
from tieline.mapping import TableMapping
from tieline.odata.frames import rows_of
from tieline.overrides import with_overrides
from tieline.session import Session

JOBS: dict[str, TableMapping] = {"Item": ITEM_PRODUCT, "Resource": RESOURCE_PRODUCT}
"""The jobs of what has products, by type of line."""

_NOUNS = {"Item": "item", "Resource": "resource"}


@dataclass(frozen=True)
class Sold:
    """What is known of the items and resources on the lines of a batch.

    The keys are type and number. `products` holds what is coupled, `outside` what
    no product is wanted for, `blocked` what is blocked in Business Central.
    """

    products: Mapping[tuple[str, str], LineProduct | RecordError]
    outside: frozenset[tuple[str, str]]
    blocked: frozenset[tuple[str, str]]

    def product(self, line: Mapping[str, Any]) -> LineProduct | RecordError | None:
        """Return the product of a line, why there is none yet, or None."""
        key = (line["lineType"], line["lineObjectNumber"])
        if key[0] not in JOBS or not key[1] or key in self.outside:
            return None
        known = self.products.get(key)
        if known is not None:
            return known
        job, noun = JOBS[key[0]].name, _NOUNS[key[0]]
        return Blocked(
            f"The {noun} {key[1]} must be coupled to a Dataverse product before the "
            "invoice can be transferred.",
            mapping=job,
            key=key[1],
        )

    def obstacle(self, lines: Sequence[Mapping[str, Any]]) -> RecordError | None:
        """Return why an invoice with these lines cannot be created, if so."""
        for line in lines:
            key = (line["lineType"], line["lineObjectNumber"])
            if key in self.blocked:
                return RuleViolated(
                    f"The invoice cannot be transferred: the {_NOUNS[key[0]]} "
                    f"{key[1]} on its lines is blocked.",
                    advice="Unblock it until the invoice is in Dataverse.",
                )
        for line in lines:
            product = self.product(line)
            if isinstance(product, RecordError):
                return product
        return None


async def what_is_sold(session: Session, lines: Sequence[Mapping[str, Any]]) -> Sold:
    """Look up all items and resources of these lines, in a few reads."""
    setup = await session.setup()
    products: dict[tuple[str, str], str] = {}
    outside: set[tuple[str, str]] = set()
    blocked: set[tuple[str, str]] = set()
    for kind, declared in JOBS.items():
        numbers = sorted(
            {
                line["lineObjectNumber"]
                for line in lines
                if line["lineType"] == kind and line["lineObjectNumber"]
            }
        )
        if not numbers:
            continue
        mapping = with_overrides(declared, session.settings)
        rows = await _read(session, mapping, numbers)
        coupled = session.job(mapping.name).coupling_rows(
            side="bc", ids=[row["id"] for row in rows.values()]
        )
        for number in numbers:
            row = rows.get(number)
            if row is not None and row["blocked"]:
                blocked.add((kind, number))
            if is_write_in(setup, kind, number):
                outside.add((kind, number))
            elif row is not None and row["id"] in coupled:
                products[kind, number] = coupled[row["id"]]["dataverse_id"]
            elif kind == "Item" and (
                row is None or not all(c.holds(row) for c in mapping.bc_filter)
            ):
                outside.add((kind, number))
    return Sold(
        await _with_units(session, products), frozenset(outside), frozenset(blocked)
    )


def is_write_in(setup: Setup, kind: str, number: str) -> bool:
    """Whether this is what the company sells as a write-in product."""
    return bool(number) and (kind, number) == (
        setup.write_in_type,
        setup.write_in_number,
    )


async def _read(
    session: Session, mapping: TableMapping, numbers: Sequence[str]
) -> dict[str, dict[str, Any]]:
    columns = ["number", "blocked", *(c.column for c in mapping.bc_filter)]
    frame = await session.bc.by_values(
        mapping.bc, "number", numbers, columns=list(dict.fromkeys(columns))
    )
    return {row["number"]: row for row in rows_of(frame)}


async def _with_units(
    session: Session, products: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], LineProduct | RecordError]:
    """Add the products' default units, which the lines are sold in."""
    if not products:
        return {}
    frame = await session.dataverse.by_id(
        "product",
        sorted(set(products.values())),
        columns=("defaultuomid", "defaultuomscheduleid"),
    )
    rows = {row["id"]: row for row in rows_of(frame)}
    found: dict[tuple[str, str], LineProduct | RecordError] = {}
    for (kind, number), id_ in products.items():
        row = rows.get(id_)
        found[kind, number] = (
            CoupledToDeleted(
                f"The {_NOUNS[kind]} {number} is coupled to a deleted record: the "
                f"product {id_} no longer exists."
            )
            if row is None
            else LineProduct(id_, row["defaultuomid"], row["defaultuomscheduleid"])
        )
    return found
