"""The platform adds a rate and the base currency's amount to amounts."""

from __future__ import annotations

import pytest


@pytest.fixture
def dollar(state):
    return state.insert(
        "transactioncurrency",
        {
            "isocurrencycode": "USD",
            "currencyname": "Dollar",
            "currencysymbol": "$",
            "currencyprecision": 2,
            "exchangerate": 1.25,
        },
    )


def _bind(currency):
    return {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"}


async def test_amounts_are_repeated_in_the_base_currency(api, dollar):
    """Each amount has a read-only twin: the amount divided by the row's rate."""
    row_id = await api.create("accounts", {"creditlimit": 10, **_bind(dollar)})
    path = f"accounts({row_id})"
    row = await api.get(f"{path}?$select=creditlimit_base,exchangerate")
    assert (8, 1.25) == (row["creditlimit_base"], row["exchangerate"])
    assert dollar == row["_transactioncurrencyid_value"]
    for name in ("creditlimit_base", "exchangerate"):
        refusal = await api.refusal("PATCH", path, {name: 1})
        assert (400, "0x80040203") == refusal
    await api.send("PATCH", path, {"creditlimit": None})
    assert (await api.get(path))["creditlimit_base"] is None


async def test_the_rate_is_that_of_the_last_change_of_an_amount(api, state, dollar):
    """A later rate, or an edit of other columns, leaves a row's amounts alone."""
    row_id = await api.create("accounts", {"creditlimit": 10, **_bind(dollar)})
    path = f"accounts({row_id})"
    await api.send("PATCH", f"transactioncurrencies({dollar})", {"exchangerate": 2})
    await api.send("PATCH", path, {"name": "F"})
    assert 8 == state.row("account", row_id)["creditlimit_base"]
    await api.send("PATCH", path, {"creditlimit": 20})
    assert 10 == state.row("account", row_id)["creditlimit_base"]
    await api.send("PATCH", path, _bind(state.people.base_currency))
    row = state.row("account", row_id)
    assert (20, 1) == (row["creditlimit_base"], row["exchangerate"])


def test_computed_totals_have_a_base_amount_too(state, dollar):
    """What the pricing engine works out is converted as what a caller sends is."""
    account = state.insert("account", {"name": "F"})
    invoice = state.insert(
        "invoice",
        {"customerid_account@odata.bind": f"/accounts({account})", **_bind(dollar)},
    )
    line = state.insert(
        "invoicedetail",
        {
            "invoiceid@odata.bind": f"/invoices({invoice})",
            "isproductoverridden": True,
            "productdescription": "x",
            "quantity": 2,
            "priceperunit": 5,
        },
    )
    row = state.row("invoicedetail", line)
    assert (8, 1.25) == (row["extendedamount_base"], row["exchangerate"])
    assert 8 == state.row("invoice", invoice)["totalamount_base"]
