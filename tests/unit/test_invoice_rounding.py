"""Amounts of invoices: halves are rounded away from zero, as Business Central does."""

from __future__ import annotations

import pytest

from flows.invoices.lines import figures, rounded


@pytest.mark.parametrize(
    ("value", "precision", "expected"),
    [
        (0.125, 0.01, 0.13),
        (0.135, 0.01, 0.14),
        (0.145, 0.01, 0.15),
        (-0.125, 0.01, -0.13),
        (-0.145, 0.01, -0.15),
        (2.5, 1, 3.0),
        (-2.5, 1, -3.0),
        (1.005, 0.01, 1.01),
        (0.124, 0.01, 0.12),
        (0.000005, 0.00001, 0.00001),
        (0.075, 0.05, 0.1),
    ],
)
def test_halves_go_away_from_zero(value, precision, expected):
    """Neither to the even neighbour nor towards zero, whatever binary makes of it."""
    assert expected == rounded(value, precision)


@pytest.mark.parametrize(("sign", "price"), [(1, 9.87), (-1, -9.87)])
def test_the_tax_of_one_unit_is_rounded_so(sign, price):
    """A price with VAT of 10.00 and a tax of 0.125 for each unit is one of 9.87."""
    line = {
        "amountExcludingTax": sign * 19.75,
        "amountIncludingTax": sign * 20.0,
        "lineDiscountAmount": 0.0,
        "invoiceDiscountAmount": 0.0,
        "unitPrice": sign * 10.0,
        "quantity": 2.0,
    }
    assert price == figures(line, with_tax=True, precision=0.01).price
