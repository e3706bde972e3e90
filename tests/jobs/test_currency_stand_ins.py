"""A currency's name and symbol, which Dataverse demands of every new row."""

from __future__ import annotations

import pytest

from tests.world import set_rate

OFF = "[mappings.CURRENCY.fields]\nsymbol = false\ndisplayName = false\n"


@pytest.mark.parametrize(
    "toml", ["", OFF, "[mappings.CURRENCY.fields]\nsymbol = false\n"]
)
@pytest.mark.parametrize("values", [{}, {"displayName": "Krone", "symbol": "kr"}])
def test_the_code_stands_in_for_name_and_symbol(world, toml, values):
    """For a blank one, and for one whose field is switched off."""
    world.configure(toml)
    world.company.insert("currencies", {"code": "NOK", **values})
    set_rate(world, "NOK", 0.1)
    assert [] == world.run("CURRENCY", create_new=True).errors
    row = next(
        one
        for one in world.dv.rows("transactioncurrency")
        if one["isocurrencycode"] == "NOK"
    )
    name = values.get("displayName", "NOK") if "displayName" not in toml else "NOK"
    symbol = "NOK" if toml else values.get("symbol", "NOK")
    assert (name, symbol) == (row["currencyname"], row["currencysymbol"])
