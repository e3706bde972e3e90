"""Reads the exchange rates of a company: as factors, or as the rates themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tieline.business_central import BusinessCentral
from tieline.odata.frames import rows_of
from tieline.rates import Rate, factors

FACTOR = "currencyFactor"
"""The companion app's property of a currency: its units per LCY, today."""

_RATE_COLUMNS = (
    "currencyCode",
    "startingDate",
    "exchangeRateAmount",
    "relationalExchangeRateAmount",
    "relationalCurrencyCode",
)


@dataclass
class KnownRates:
    """The factors of a company's currencies, once a run has read its rates."""

    factors: dict[str, float] | None = None


async def read_factors(
    bc: BusinessCentral, local: str, known: KnownRates
) -> dict[str, float]:
    """Return units per LCY of every BC currency; `local` itself is 1.

    The companion app works them out; the standard API has the exchange rates, of
    which those count that are in force today. They are kept in `known`.
    """
    if FACTOR in (await bc.table("currencies")).columns:
        found: dict[str, float] = {}
        async for page in bc.changed("currencies", columns=("code", FACTOR)):
            found |= dict(zip(page.frame["code"], page.frame[FACTOR], strict=True))
        return {**found, local: 1.0}
    if known.factors is None:
        rates: list[Rate] = []
        async for page in bc.changed("currencyExchangeRates", columns=_RATE_COLUMNS):
            rates += [_rate(row) for row in rows_of(page.frame)]
        today = datetime.now(UTC).date().isoformat()
        known.factors = factors(rates, local=local, today=today)
    return known.factors


def _rate(row: dict[str, Any]) -> Rate:
    code, starting, amount, relational, through = (row[name] for name in _RATE_COLUMNS)
    return Rate(
        str(code),
        str(starting or ""),
        float(amount or 0),
        float(relational or 0),
        str(through or ""),
    )
