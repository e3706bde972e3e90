"""One plain record of any job on either side, coupled by nothing but the test."""

from __future__ import annotations

from tests.scenarios.pairs import join
from tests.world import World

KEYED = {
    "SALESPEOPLE": "salespeoplePurchasers",
    "CURRENCY": "currencies",
    "UNITOFMEASURE": "unitsOfMeasure",
    "CUSTPRCGRP-PRICE": "customerPriceGroups",
}
NAMED = {
    "CUSTOMER": "customers",
    "ITEM-PRODUCT": "items",
    "RESOURCE-PRODUCT": "resources",
}
TABLES = {
    "CUSTOMER": "account",
    "CONTACT": "contact",
    "SALESPEOPLE": "systemuser",
    "CURRENCY": "transactioncurrency",
    "UNITOFMEASURE": "uomschedule",
    "CUSTPRCGRP-PRICE": "pricelevel",
    "ITEM-PRODUCT": "product",
    "RESOURCE-PRODUCT": "product",
}


def record(world: World, job: str, name: str) -> str:
    """Create a record in Business Central; returns its id."""
    if job == "CONTACT":
        customer = world.company.insert("customers", {"displayName": f"{name} Ltd"})
        (relation,) = world.company.tables["Contact Business Relation"].where(
            "number", customer["number"]
        )
        values = {"surname": name, "companyNumber": relation["contactNumber"]}
        values["type"] = "Person"
        row = world.company.insert("contacts", values)
    elif job in KEYED:
        row = world.company.insert(
            KEYED[job], {"code": name.upper(), "displayName": name}
        )
    else:
        row = world.company.insert(NAMED[job], {"displayName": name})
    return str(row["id"])


def counterpart(world: World, job: str, name: str, company: str = "") -> str:
    """Create a row in Dataverse, marked with a company if given; returns its id."""
    if job == "SALESPEOPLE":
        return world.dv.add_user(f"Jo {name}", f"{name}@example.com".lower())
    values = _values(job, name)
    if job in ("ITEM-PRODUCT", "RESOURCE-PRODUCT"):
        values |= _unit(world, name)
    if company:
        values["bcbi_CompanyId@odata.bind"] = f"/bcbi_companies({company})"
    id_ = world.dv.insert(TABLES[job], values, user=world.human)
    if TABLES[job] == "product":
        world.dv.edit_as(world.human, "product", id_, {"statecode": 0, "statuscode": 1})
    return id_


def _values(job: str, name: str) -> dict[str, object]:
    return {
        "CUSTOMER": {"name": name, "customertypecode": 3},
        "CONTACT": {"lastname": name},
        "CURRENCY": {
            "isocurrencycode": name.upper(),
            "currencyname": name,
            "currencysymbol": name,
            "currencyprecision": 2,
            "exchangerate": 2,
        },
        "UNITOFMEASURE": {"name": f"NAV {name.upper()}", "baseuomname": name.upper()},
        "CUSTPRCGRP-PRICE": {"name": name},
        "ITEM-PRODUCT": {"name": name, "productnumber": name, "producttypecode": 1},
        "RESOURCE-PRODUCT": {"name": name, "productnumber": name, "producttypecode": 3},
    }[job]


def _unit(world: World, name: str) -> dict[str, object]:
    group = world.dv.insert(
        "uomschedule", {"name": f"Units of {name}", "baseuomname": "PCS"}
    )
    (unit,) = (
        row["uomid"]
        for row in world.dv.rows("uom")
        if row["_uomscheduleid_value"] == group
    )
    return {
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({unit})",
        "defaultuomscheduleid@odata.bind": f"/uomschedules({group})",
    }


def coupled(
    world: World, job: str, count: int, company: str = ""
) -> list[tuple[str, str]]:
    """Create that many coupled pairs of a job; returns their ids in order."""
    names = [f"{letter}{letter}{letter}" for letter in "ABCDEFGH"[:count]]
    pairs = [
        (record(world, job, name), counterpart(world, job, name, company))
        for name in names
    ]
    join(world, job, *pairs)
    return pairs
