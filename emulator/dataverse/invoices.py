"""Table rules of invoices and their lines, and the calculation of totals."""

from __future__ import annotations

from emulator.dataverse.catalogue import ACTIVE, REVISED
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import invalid
from emulator.dataverse.rules import STATE, Removal, Store, TableRules, Write
from emulator.dataverse.storage import Row

_OPEN = 0
_INVOICE = "_invoiceid_value"
_CURRENCY = "_transactioncurrencyid_value"
_PRICED = frozenset({"discountamount", "discountpercentage", "freightamount"})
_TOTALS = (
    "totallineitemamount",
    "totallineitemdiscountamount",
    "totaldiscountamount",
    "totalamountlessfreight",
    "totaltax",
    "totalamount",
)


def _invoice_guard(write: Write) -> None:
    if write.old is None or write.old["statecode"] == _OPEN:
        return
    number = write.old.get("invoicenumber")
    if write.given - STATE:
        raise invalid(f"Invoice {number} is not active and therefore read-only.")
    if write.given and write.row["statecode"] != _OPEN:
        raise invalid(f"Invoice {number} must be active before its state changes.")


def _invoice(write: Write) -> None:
    level = write.lookup("_pricelevelid_value", "pricelevel")
    if level is not None:
        if write.old is None and _CURRENCY not in write.given:
            write.row[_CURRENCY] = level[_CURRENCY]
        if write.row[_CURRENCY] != level[_CURRENCY]:
            raise invalid("The currency of the invoice is not that of its price list.")
    if write.row.get(_CURRENCY) is None:
        write.row[_CURRENCY] = write.org.people.base_currency
    if write.row.get("invoicenumber") is None:
        count = len(write.org.data["invoice"].by_id) + 1
        write.row["invoicenumber"] = f"INV-{count:05d}-{write.row['invoiceid'][:6]}"


def _invoice_totals(write: Write) -> None:
    if write.old is None or write.given & _PRICED:
        kept = frozenset(write.given & set(_TOTALS))
        _recalculate(write.org, write.store, write.row["invoiceid"], kept)


def _line_guard(write: Write) -> None:
    for row in (write.old, write.row):
        if row is not None:
            _check_open(write.org, row)


def _check_open(org: Organization, line: Row) -> None:
    invoice = org.data["invoice"].by_id.get(line.get(_INVOICE) or "")
    if invoice is not None and invoice["statecode"] != _OPEN:
        raise invalid(
            f"Invoice {invoice['invoicenumber']} is not active: "
            "its lines are read-only."
        )


def _line(write: Write) -> None:
    invoice = write.lookup(_INVOICE, "invoice")
    if invoice is None:
        return  # the required column is refused next
    row = write.row
    row[_CURRENCY] = invoice[_CURRENCY]
    if row["isproductoverridden"]:
        _check_write_in(row)
    else:
        _price_product(write, invoice)
    for name in ("quantity", "priceperunit"):
        if row.get(name) is None:
            row[name] = 0
    row["volumediscountamount"] = row.get("volumediscountamount") or 0
    if not _is_priced_outside(write.org, invoice):
        _compute_line(row, write.given)


def _check_write_in(row: Row) -> None:
    if row.get("_productid_value") is not None:
        raise invalid("A write-in line cannot refer to a product.")
    if row.get("productdescription") is None:
        raise invalid("A write-in line needs a product description.")


def _price_product(write: Write, invoice: Row) -> None:
    row = write.row
    product = write.lookup("_productid_value", "product")
    unit = write.lookup("_uomid_value", "uom")
    if product is None:
        raise invalid("A line that is not a write-in needs a product.")
    if unit is None:
        raise invalid("A line with a product needs a unit.")
    if unit["_uomscheduleid_value"] != product["_defaultuomscheduleid_value"]:
        raise invalid("The unit of the line must belong to the product's unit group.")
    if write.old is None and product["statecode"] not in (ACTIVE, REVISED):
        raise invalid("Only active products can be added to an invoice.")
    if row["ispriceoverridden"]:
        return
    level = invoice.get("_pricelevelid_value")
    if level is None:
        raise invalid("The invoice has no price list.")
    key = {
        "_pricelevelid_value": level,
        "_productid_value": product["productid"],
        "_uomid_value": unit["uomid"],
    }
    prices = write.org.data["productpricelevel"]
    price_id = next(
        (
            found
            for name, columns in prices.keys.items()
            if set(columns) == set(key) and (found := prices.find(name, key))
        ),
        None,
    )
    if price_id is None:
        raise invalid("The product is not in the price list of the invoice.")
    if not _is_priced_outside(write.org, invoice):
        row["priceperunit"] = prices.by_id[price_id]["amount"]


def _is_priced_outside(org: Organization, invoice: Row) -> bool:
    """Whether amounts come from an ERP or are locked: nothing is computed then."""
    return bool(org.settings["issopintegrationenabled"] or invoice["ispricelocked"])


def _compute_line(row: Row, given: frozenset[str]) -> None:
    base = row["quantity"] * row["priceperunit"]
    if "baseamount" not in given:
        row["baseamount"] = round(base, 4)
    if "extendedamount" not in given:
        discount = (row.get("manualdiscountamount") or 0) + row["volumediscountamount"]
        net = row["baseamount"] - discount
        row["extendedamount"] = round(net + (row.get("tax") or 0), 4)


def _line_totals(write: Write) -> None:
    _recalculate(write.org, write.store, write.row[_INVOICE], frozenset())


def _line_may_go(removal: Removal) -> None:
    if not removal.along:
        _check_open(removal.org, removal.row)


def _totals_after_line(removal: Removal) -> None:
    invoice = removal.row[_INVOICE]
    if not removal.along:
        _recalculate(removal.org, removal.store, invoice, frozenset())


def _recalculate(
    org: Organization, store: Store, invoice_id: str, kept: frozenset[str]
) -> None:
    """Work the totals out from the lines, except those of `kept`."""
    invoice = org.data["invoice"].by_id[invoice_id]
    if _is_priced_outside(org, invoice):
        return
    rows = org.data["invoicedetail"]
    lines = [rows.by_id[one] for one in rows.referrers(_INVOICE, invoice_id)]

    def total(column: str) -> float:
        return sum(line.get(column) or 0 for line in lines)

    tax = total("tax")
    items = total("extendedamount") - tax
    percentage = (invoice.get("discountpercentage") or 0) / 100
    discount = (invoice.get("discountamount") or 0) + items * percentage
    line_discount = total("manualdiscountamount") + total("volumediscountamount")
    less_freight = items - discount
    freight = invoice.get("freightamount") or 0
    amounts = (
        items,
        line_discount,
        discount + line_discount,
        less_freight,
        tax,
        less_freight + tax + freight,
    )
    computed = {
        name: round(amount, 4)
        for name, amount in zip(_TOTALS, amounts, strict=True)
        if name not in kept
    }
    if any(invoice.get(name) != amount for name, amount in computed.items()):
        store.touch("invoice", invoice_id, computed)


INVOICE_RULES = {
    "invoice": TableRules(guard=_invoice_guard, before=_invoice, after=_invoice_totals),
    "invoicedetail": TableRules(
        guard=_line_guard,
        before=_line,
        after=_line_totals,
        removing=_line_may_go,
        removed=_totals_after_line,
    ),
}
