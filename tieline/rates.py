"""Which exchange rate does Dataverse want? Pure arithmetic."""

from __future__ import annotations

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
