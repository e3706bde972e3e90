"""The exchange rate as Dataverse wants it. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

DIGITS = 10


def dataverse_rate(factor: float, base_factor: float) -> float | None:
    """Return how many units of a currency one unit of the base currency buys.

    Both factors are units per one unit of the local currency (LCY), as
    `currencyFactor` gives them; the local currency's own factor is 1. None when
    a rate is missing. Rounded to ten decimals, as the product does.
    """
    if not factor or not base_factor:
        return None
    return round(factor / base_factor, DIGITS)


def no_rate(base: str) -> str:
    """Say why there is no rate to the base currency of this code, "" for none."""
    if not base:
        return "the organisation of Dataverse names no base currency."
    return (
        f"Business Central has no exchange rate for {base}, the base currency of "
        "Dataverse."
    )


@dataclass(frozen=True)
class Rate:
    """An exchange rate: `amount` units are worth `relational` of another currency.

    `through` is that currency's code, blank for the local currency; `starting` is the
    first day of the rate, as ISO text.
    """

    code: str
    starting: str
    amount: float
    relational: float
    through: str = ""


def factors(rates: Iterable[Rate], *, local: str, today: str) -> dict[str, float]:
    """Return units per LCY by currency, by the rates in force on a day (ISO text).

    The latest rate that has begun counts; one that relates to another currency goes
    on through that one's. What has no rate has 0, the local currency 1.
    """
    newest: dict[str, Rate] = {}
    for rate in sorted(rates, key=lambda one: one.starting):
        if rate.starting <= today:
            newest[rate.code] = rate
    found = {code: _factor(code, newest, local, frozenset()) for code in newest}
    return {**found, local: 1.0}


def _factor(
    code: str, newest: Mapping[str, Rate], local: str, passed: frozenset[str]
) -> float:
    if code in ("", local):
        return 1.0
    rate = newest.get(code)
    if rate is None or not rate.relational or code in passed:
        return 0.0
    own = rate.amount / rate.relational
    return own * _factor(rate.through, newest, local, passed | {code})
