"""Works out what the lines of a posted invoice come to in Dataverse: pure figures.

Prices of Dataverse are without VAT and its amounts follow from price, quantity,
discount and tax; what then differs from the posted amounts by rounding becomes a
line of its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tieline.conversions import cut
from tieline.odata.model import Ref

DIGITS = 4
"""Decimals that Dataverse keeps of money."""
DESCRIPTION_LENGTH = 250
ROUNDING = "Rounding"

LINE_COLUMNS = (
    "sequence",
    "lineType",
    "lineObjectNumber",
    "description",
    "quantity",
    "unitPrice",
    "lineDiscountAmount",
    "invoiceDiscountAmount",
    "amountExcludingTax",
    "amountIncludingTax",
)
"""What is read of a posted line."""

NEW_LINE = (
    "quantity",
    "priceperunit",
    "ispriceoverridden",
    "lineitemnumber",
    "isproductoverridden",
    "productdescription",
    "productid",
    "uomid",
)
"""What a line cannot be created without."""

_SHIP_TO = {
    "shipToName": "shipto_name",
    "shipToAddressLine1": "shipto_line1",
    "shipToAddressLine2": "shipto_line2",
    "shipToCity": "shipto_city",
    "shipToCountry": "shipto_country",
    "shipToPostCode": "shipto_postalcode",
    "shipToState": "shipto_stateorprovince",
}


@dataclass(frozen=True)
class LineProduct:
    """The product of Dataverse that a line sells, with its default unit."""

    product_id: str
    unit_id: str
    group_id: str


@dataclass(frozen=True)
class Figures:
    """The amounts of one line as Dataverse has them."""

    quantity: float
    price: float
    discount: float
    tax: float
    base: float
    extended: float

    @property
    def rounding(self) -> float:
        """What the posted amount differs by from Dataverse's arithmetic."""
        computed = self.quantity * self.price - self.discount + self.tax
        return self.extended - computed

    def created(self) -> dict[str, Any]:
        """Return the columns of a new line."""
        return {
            "quantity": self.quantity,
            "priceperunit": self.price,
            "ispriceoverridden": True,
            "manualdiscountamount": self.discount,
            "tax": self.tax,
        }

    def amounts(self) -> dict[str, Any]:
        """Return the columns that Dataverse takes only of an existing line."""
        return {
            "baseamount": self.base,
            "extendedamount": self.extended,
            "tax": self.tax,
            "manualdiscountamount": self.discount,
        }


def figures(line: Mapping[str, Any], *, with_tax: bool, precision: float) -> Figures:
    """Return the amounts of a posted line.

    `with_tax` says that its prices include VAT; the VAT of one unit is rounded to
    the `precision` of unit amounts.
    """
    net, gross = line["amountExcludingTax"], line["amountIncludingTax"]
    line_discount, share = line["lineDiscountAmount"], line["invoiceDiscountAmount"]
    tax = _money(gross - net)
    price = line["unitPrice"]
    if with_tax and line["quantity"]:
        price -= rounded(tax / line["quantity"], precision)
    return Figures(
        quantity=line["quantity"],
        price=_money(price),
        discount=_money(line_discount),
        tax=tax,
        base=_money(net + share + line_discount),
        extended=_money(gross + share),
    )


def rounded(value: float, precision: float) -> float:
    """Round to a multiple of `precision`, halves away from zero."""
    step = Decimal(str(precision or 10**-DIGITS))
    times = (Decimal(str(value)) / step).quantize(Decimal(1), ROUND_HALF_UP)
    return float(times * step)


def rounding_of(lines: Iterable[Figures], *, digits: int) -> Figures | None:
    """Return the line that makes up for roundings; None when nothing is left."""
    amount = round(sum(line.rounding for line in lines), digits)
    if not amount:
        return None
    return Figures(1, amount, 0, 0, amount, amount)


def line_id(invoice_id: str, line: str) -> str:
    """Return the id of an invoice's line: always the same, so it is made once."""
    return str(uuid.uuid5(uuid.UUID(invoice_id), line))


def write_in(description: str) -> dict[str, Any]:
    """Return the columns of a line without a product."""
    return {
        "isproductoverridden": True,
        "productdescription": cut(description or " ", DESCRIPTION_LENGTH),
    }


def line_values(
    header: Mapping[str, Any],
    line: Mapping[str, Any],
    amounts: Figures,
    product: LineProduct | None,
) -> dict[str, Any]:
    """Return the columns of a new line, but for the invoice it belongs to."""
    values = amounts.created() | {"lineitemnumber": line["sequence"]}
    if header["shipmentDate"]:
        values["actualdeliveryon"] = header["shipmentDate"][:10]
    values |= {
        theirs: header[ours] for ours, theirs in _SHIP_TO.items() if header[ours]
    }
    if product is None:
        number, text = line["lineObjectNumber"], line["description"]
        return values | write_in(f"{number} {text}.".strip())
    return values | {
        "isproductoverridden": False,
        "productid": Ref("product", product.product_id),
        "uomid": Ref("uom", product.unit_id),
    }


def totals(
    header: Mapping[str, Any], lines: Sequence[Figures], *, order_integration: bool
) -> dict[str, Any]:
    """Return the totals of an invoice whose lines are written.

    With `order_integration` amounts come from the ERP and are taken as posted;
    else Dataverse's discounts are shown as one total, without freight.
    """
    gross, net = header["totalAmountIncludingTax"], header["totalAmountExcludingTax"]
    line_discount = _money(sum(line.discount for line in lines))
    tax = _money(gross - net)
    amounts = {
        "totallineitemdiscountamount": line_discount,
        "totalamount": gross,
        "totaltax": tax,
        "totalamountlessfreight": _money(gross - tax),
    }
    if order_integration:
        return amounts | {"totaldiscountamount": header["discountAmount"]}
    return amounts | {
        "totaldiscountamount": _money(header["discountAmount"] + line_discount),
        "freightamount": 0,
        "discountpercentage": 0,
    }


def differs(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> bool:
    """Whether amounts of Dataverse are not the wanted ones."""
    return any(
        _money(present.get(name) or 0) != _money(value)
        for name, value in wanted.items()
    )


def _money(value: float) -> float:
    return round(value, DIGITS)
