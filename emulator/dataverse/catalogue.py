"""Table rules of currencies, units, products and price lists."""

from __future__ import annotations

from emulator.dataverse.refusals import in_use, invalid
from emulator.dataverse.rules import STATE, Removal, TableRules, Write

ACTIVE, RETIRED, DRAFT, REVISED = 0, 1, 2, 3
"""States of a product."""

_MOVES = {
    DRAFT: {ACTIVE},
    ACTIVE: {RETIRED, REVISED},
    RETIRED: {ACTIVE},
    REVISED: {ACTIVE, RETIRED},
}
_NAMES = {ACTIVE: "active", RETIRED: "retired", DRAFT: "draft", REVISED: "revised"}


def _full_name(write: Write) -> None:
    parts = (write.row.get("firstname"), write.row.get("lastname"))
    name = " ".join(part for part in parts if part)
    write.row["fullname"] = name[: write.table.columns["fullname"].length] or None


def _currency(write: Write) -> None:
    rate = write.row.get("exchangerate")
    if rate is not None and rate <= 0:
        raise invalid("The exchange rate of a currency must be greater than zero.")
    is_base = write.row["transactioncurrencyid"] == write.org.people.base_currency
    if is_base and "exchangerate" in write.given and rate != 1:
        raise invalid("The exchange rate of the base currency cannot be changed.")


def _base_currency_stays(removal: Removal) -> None:
    if removal.row["transactioncurrencyid"] == removal.org.people.base_currency:
        raise in_use()


def _create_base_unit(write: Write) -> None:
    if write.old is not None:
        return
    group_id = write.row["uomscheduleid"]
    body = {
        "name": write.row["baseuomname"],
        "quantity": 1,
        "uomscheduleid@odata.bind": f"/uomschedules({group_id})",
    }
    unit_id = write.store.create("uom", body)
    write.store.touch("uom", unit_id, {"isschedulebaseuom": True})


def _unit(write: Write) -> None:
    group_id = write.row.get("_uomscheduleid_value")
    siblings = write.org.data["uom"].referrers("_uomscheduleid_value", str(group_id))
    is_base = write.row.get("isschedulebaseuom") or not siblings
    base = write.lookup("_baseuom_value", "uom")
    quantity = write.row.get("quantity")
    if quantity is None or quantity <= 0:
        raise invalid("The quantity of a unit must be greater than zero.")
    if is_base:
        return
    if base is None:
        raise invalid(
            "A unit that is not the base unit of its group needs a base unit."
        )
    if base["_uomscheduleid_value"] != group_id:
        raise invalid("The base unit belongs to another unit group.")


def _base_unit_stays(removal: Removal) -> None:
    if removal.row.get("isschedulebaseuom") and not removal.along:
        raise in_use()


def _product_guard(write: Write) -> None:
    if write.old is None:
        return
    before, after = write.old["statecode"], write.row["statecode"]
    if after != before and after not in _MOVES[before]:
        raise invalid(
            f"A product that is {_NAMES[before]} cannot become {_NAMES[after]}."
        )
    if before in (DRAFT, REVISED):
        return
    accepts = write.org.products.active_accepts
    if before == ACTIVE and accepts is None:
        return
    allowed = (accepts or frozenset()) if before == ACTIVE else frozenset()
    columns = {
        write.table.by_wire[name].name for name in write.given if "." not in name
    }
    if refused := sorted(columns - allowed - STATE):
        raise invalid(
            f"You can't change {', '.join(refused)} of a product that is "
            f"{_NAMES[before]}: put it under revision first."
        )


def _product(write: Write) -> None:
    unit = write.lookup("_defaultuomid_value", "uom")
    group_id = write.row.get("_defaultuomscheduleid_value")
    if unit is not None and unit["_uomscheduleid_value"] != group_id:
        raise invalid("The default unit of a product must belong to its unit group.")
    starts_active = write.org.settings["createproductswithoutparentinactivestate"]
    if write.old is None and starts_active:
        write.row["statecode"], write.row["statuscode"] = ACTIVE, 1
    level = write.row.get("_pricelevelid_value")
    if "_pricelevelid_value" in write.given and level is not None:
        prices = write.org.data["productpricelevel"]
        rows = prices.referrers("_productid_value", write.row["productid"])
        if not any(prices.by_id[row]["_pricelevelid_value"] == level for row in rows):
            raise invalid("The product has no price list item in this price list.")


def _price_list(write: Write) -> None:
    """Give a price list without currency that of the organization."""
    if write.row.get("_transactioncurrencyid_value") is None:
        write.row["_transactioncurrencyid_value"] = write.org.people.base_currency


def _price(write: Write) -> None:
    product = write.lookup("_productid_value", "product")
    level = write.lookup("_pricelevelid_value", "pricelevel")
    unit = write.lookup("_uomid_value", "uom")
    if product is None or level is None or unit is None:
        return  # the required columns are refused next
    group = product["_defaultuomscheduleid_value"]
    if unit["_uomscheduleid_value"] != group:
        raise invalid("The unit of a price must belong to the product's unit group.")
    currency = level["_transactioncurrencyid_value"]
    sent = write.row.get("_transactioncurrencyid_value")
    if write.old is not None and sent != currency:
        raise invalid("The currency of a price is that of its price list.")
    write.row["_transactioncurrencyid_value"] = currency
    write.row["_uomscheduleid_value"] = group
    write.row["productnumber"] = product["productnumber"]
    if write.row["pricingmethodcode"] == 1 and write.row.get("amount") is None:
        raise invalid("A price with the method Currency Amount needs an amount.")


CATALOGUE_RULES = {
    "contact": TableRules(before=_full_name),
    "systemuser": TableRules(before=_full_name),
    "transactioncurrency": TableRules(before=_currency, removing=_base_currency_stays),
    "uomschedule": TableRules(after=_create_base_unit),
    "uom": TableRules(before=_unit, removing=_base_unit_stays),
    "product": TableRules(guard=_product_guard, before=_product),
    "pricelevel": TableRules(before=_price_list),
    "productpricelevel": TableRules(before=_price),
}
