"""CURRENCY: Currency of Business Central to transactioncurrency of Dataverse.

All currencies are read at each run, because neither a new exchange rate nor one
that becomes valid today modifies the currency record: the computed rate is
compared with the one on the other side. The local currency has no record in
Business Central; its row is looked up by ISO code and created when missing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from flows.job import job_flow
from tieline.batch import Action, Batch, RunOptions
from tieline.conversions import (
    TEXT,
    Code,
    Conversion,
    Number,
    Transfer,
    Values,
    column_of,
)
from tieline.errors import RecordError, RuleViolated, SystemName
from tieline.exchange import FACTOR
from tieline.mapping import Direction, FieldMapping, Hooks, TableMapping
from tieline.rates import DIGITS, dataverse_rate, no_rate
from tieline.session import Session

TO = Direction.TO_DATAVERSE

ISO_LENGTH = 5
"""What Dataverse takes where its metadata does not say."""


class IsoCode(Code):
    """The code of a currency: one that Dataverse has no room for is refused."""

    title = "ISO code"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the codes; a longer one cut short would be another currency's."""
        length = (transfer.target and transfer.target.max_length) or ISO_LENGTH
        for position, code in enumerate(values):
            if code and len(code) > length:
                text = (
                    f"The code {code} of the currency has {len(code)} characters, and "
                    f"Dataverse takes an ISO code of at most {length}."
                )
                advice = "Rename the currency in Business Central to its ISO code."
                transfer.fail(position, RuleViolated(text, advice=advice))
        return super().convert(values, known, transfer)


@dataclass(frozen=True)
class ExchangeRate(Number):
    """Units of the currency per unit of Dataverse's base currency."""

    digits: int = DIGITS
    title = "exchange rate"

    async def prepare(self, values: Values, transfer: Transfer) -> tuple[str, float]:
        """Find the base currency and its rate to the local currency."""
        base = (await transfer.session.organization()).base_currency_code
        if not base or base == (await transfer.session.setup()).local_currency:
            return base, 1.0 if base else 0.0
        factors = await transfer.session.currency_factors()
        return base, float(factors.get(base) or 0)

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Compute the rate; a currency without one cannot be transferred."""
        base, base_factor = known
        rates = [dataverse_rate(float(v or 0), base_factor) for v in values]
        for position, rate in enumerate(rates):
            if rate is None and not base_factor:
                why = (
                    f"{base}, the base currency of Dataverse, has no exchange rate in "
                    "Business Central."
                )
                text = "The exchange rate cannot be worked out: "
                text += why if base else no_rate(base)
                transfer.fail(position, RuleViolated(text))
            elif rate is None:
                transfer.fail(
                    position, RuleViolated("The currency has no exchange rate.")
                )
        return column_of(rates)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Round rates only: of a factor all digits count, or the rate is off."""
        if side == "bc":
            return column_of(float(value or 0) for value in values)
        return super().normal(side, values)


class CurrencyPrecision(Conversion):
    """The organisation's currency decimal precision, for new rows."""

    title = "organisation's precision"
    reads_bc = False

    async def prepare(self, values: Values, transfer: Transfer) -> int:
        """Read the organisation."""
        return (await transfer.session.organization()).currency_precision

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the precision for every row."""
        return column_of([known] * len(values))


async def ensure_local_currency(
    session: Session, options: RunOptions, direction: Direction
) -> None:
    """Create the local currency's row; without a rate, other jobs say so."""
    with suppress(RecordError):
        await session.local_currency_id(create=True)


async def adopt_by_iso_code(batch: Batch, session: Session) -> None:
    """Couple an uncoupled currency with the row that has its ISO code."""
    open_rows = ~batch.is_coupled
    codes = batch.column("code")
    rows = await session.dataverse.by_values(
        "transactioncurrency",
        "isocurrencycode",
        list(codes[open_rows]),
        columns=("isocurrencycode",),
    )
    ids = dict(zip(rows["isocurrencycode"].str.upper(), rows["id"], strict=True))
    for position in np.flatnonzero(open_rows):
        found = ids.get(codes[position])
        if found is not None:
            batch.destination_id[position] = found
            batch.adopted[position] = True


async def work_out_factors(batch: Batch, session: Session) -> None:
    """Take the factors from the exchange rates where currencies do not show them."""
    if FACTOR in batch.source:
        return
    known = await session.currency_factors()
    factors = [known.get(code, 0.0) for code in batch.column("code")]
    batch.replace_column(FACTOR, factors)


async def stand_in_by_code(batch: Batch, session: Session) -> None:
    """Dataverse demands symbol and name: the ISO code stands in for an empty one.

    Where the field is switched off, new rows get the code all the same.
    """
    codes = batch.column("code")
    for key in ("currencysymbol", "currencyname"):
        if key not in batch.wanted:
            for position in batch.positions(Action.INSERT):
                batch.values[position].setdefault(key, codes[position])
            continue
        there = batch.destination_now[key]
        for position, text in enumerate(batch.wanted[key]):
            if text:
                continue
            values = batch.values[position]
            batch.wanted[key][position] = codes[position]
            batch.settled[key][position] = True
            values.pop(key, None)
            if there[position] != codes[position]:
                values[key] = codes[position]


async def full_when_untouched(session: Session) -> Literal["full", "couple first"]:
    """Dataverse with nothing but its base currency needs no coupling first."""
    rates: list[float] = []
    async for page in session.dataverse.changed(
        "transactioncurrency", columns=("exchangerate",)
    ):
        rates += list(page.frame["exchangerate"])
    return "full" if rates == [1] else "couple first"


CURRENCY = TableMapping(
    name="CURRENCY",
    description="Currencies and their exchange rates, to Dataverse.",
    bc="currencies",
    dataverse="transactioncurrency",
    nouns=("currencies", "currencies"),
    direction=TO,
    bc_key="code",
    dataverse_name="currencyname",
    always_full=True,
    create_unmatched=True,
    bc_derivable=(FACTOR,),
    needs_local_currency=True,
    synchronize_matched=True,
    fields=(
        FieldMapping(
            "code", "isocurrencycode", TO, IsoCode(), applies="insert", match_priority=0
        ),
        FieldMapping("symbol", "currencysymbol", TO, TEXT),
        FieldMapping("displayName", "currencyname", TO, TEXT),
        FieldMapping(FACTOR, "exchangerate", TO, ExchangeRate(), is_default=False),
        FieldMapping(
            None,
            "currencyprecision",
            TO,
            CurrencyPrecision(),
            applies="insert",
            is_default=False,
        ),
    ),
    hooks=Hooks(
        ready=ensure_local_currency,
        complete=work_out_factors,
        adopt=adopt_by_iso_code,
        transformed=stand_in_by_code,
        recommend=full_when_untouched,
    ),
)

currency = job_flow(CURRENCY)
