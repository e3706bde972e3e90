"""The ground that the field matrix stands on: one record of each job, on one side.

A scene makes what its record refers to, writes the source as a user would, and
reads the destination.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

from emulator.business_central.computed import related_customer
from emulator.business_central.ledger import ENTRIES, post_entry
from emulator.dataverse.organization import LENIENT
from tests.jobs import prices
from tests.jobs.invoices import POSTED, Shop
from tests.world import World, set_rate

TO = "to-dataverse"
BINDS = {
    "transactioncurrencyid": ("transactioncurrencyid", "transactioncurrencies"),
    "primarycontactid": ("primarycontactid", "contacts"),
    "parentcustomerid": ("parentcustomerid_account", "accounts"),
    "defaultuomscheduleid": ("defaultuomscheduleid", "uomschedules"),
}
Row = Mapping[str, Any]


class Scene:
    """One record of a job; `first` writes it, `change` changes it as a user would."""

    bc_set, table = "", ""

    def __init__(self, world: World, job: str, way: str) -> None:
        self.world, self.job, self.way = world, job, way
        self.company, self.dv = world.company, world.dv
        self.names: dict[str, tuple[Any, Any]] = {
            "<EUR>": ("", self.dv.people.base_currency)
        }
        self.source_id = ""
        self.prepare()

    def prepare(self) -> None:
        """Make what the record refers to."""

    def named(self, value: Any, side: str) -> Any:
        """Return what stands for a value on one side."""
        return self.names.get(value, (value, value))[side != "bc"]

    def first(self, values: Row) -> None:
        """Create the record on the source side."""
        self.source_id = (
            self.company.insert(self.bc_set, dict(values))["id"]
            if self.way == TO
            else self.dv.insert(self.table, self.body(values), user=self.world.human)
        )

    def change(self, values: Row) -> None:
        """Change the record on the source side."""
        if self.way == TO:
            self.company.update(self.bc_set, self.source_id, dict(values))
        else:
            user = self.world.human
            self.dv.edit_as(user, self.table, self.source_id, self.body(values))

    def body(self, values: Row) -> dict[str, Any]:
        """Return columns as a person's client sends them."""
        body = {name: v for name, v in values.items() if name not in BINDS}
        for name in set(values) & set(BINDS):
            navigation, path = BINDS[name]
            body[f"{navigation}@odata.bind"] = f"/{path}({values[name]})"
        return body

    def run(self) -> None:
        """Run the job for this record alone; nothing may fail."""
        report = self.world.run(
            self.job, direction=self.way, records=[self.source_id], create_new=True
        )
        assert ("", []) == (report.error_code, report.errors), report.message

    def seen(self) -> dict[str, Any]:
        """Return the destination's row by BC property or column."""
        pairs = self.world.coupled(self.job)
        if self.way == TO:
            row = self.dv.row(self.table, pairs[self.source_id])
            columns = self.dv.schema.tables[self.table].columns
            return {name: row.get(columns[name].wire) for name in columns}
        ids = {theirs: ours for ours, theirs in pairs.items()}
        return self.read_bc(ids[self.source_id])

    def read_bc(self, id_: str) -> dict[str, Any]:
        """Return a row of Business Central."""
        return dict(self.company.row(self.bc_set, id_))

    def add_currencies(self) -> None:
        """Make two currencies on both sides."""
        for code in ("USD", "GBP"):
            self.company.insert("currencies", {"code": code, "displayName": code})
            set_rate(self.world, code, 0.8)
        self.world.run("CURRENCY", create_new=True)
        for row in self.dv.rows("transactioncurrency"):
            if row["isocurrencycode"] in ("USD", "GBP"):
                code = row["isocurrencycode"]
                self.names[f"<{code}>"] = code, row["transactioncurrencyid"]

    def add_people(self) -> None:
        """Make two users who are salespeople, and our company row."""
        for name in ("Bea Busy", "Cy Calm"):
            self.dv.add_user(name, f"{name[:2]}@example.com", islicensed=True)
        self.world.run("SALESPEOPLE", create_new=True)
        for bc_id, user in self.world.coupled("SALESPEOPLE").items():
            code = self.company.row("salespeoplePurchasers", bc_id)["code"]
            self.names[f"<{code}>"] = code, user
        self.add_company()

    def add_company(self) -> None:
        """Make our company row."""
        values = {"bcbi_name": "CRONUS", "bcbi_externalid": self.company.id}
        self.names["<company>"] = None, self.dv.insert("bcbi_company", values)

    def add_codes(self) -> None:
        """Make the codes that options are called like."""
        for code in ("NET 30", "NET 45"):
            self.company.insert("paymentTerms", {"code": code})
        for code in ("FOB", "NO CHARGE"):
            self.company.insert("shipmentMethods", {"code": code})
        for code in ("DHL", "FEDEX"):
            self.company.insert("shippingAgents", {"code": code})

    def add_customer(self, name: str) -> Row:
        """Make a coupled customer; the token of its name stands for it."""
        id_ = self.world.customer(name)["id"]
        self.world.run("CUSTOMER", create_new=True)
        row = self.company.row("customers", id_)
        self.names[f"<{name}>"] = row["number"], self.world.coupled()[id_]
        return row

    def company_contact(self, number: str) -> str:
        """Return the number of a customer's company."""
        relations = self.company.tables["Contact Business Relation"]
        return str(relations.where("number", number)[0]["contactNumber"])


class Currencies(Scene):
    bc_set, table = "currencies", "transactioncurrency"

    def first(self, values: Row) -> None:
        self._rate(values)
        super().first({k: v for k, v in values.items() if k != "currencyFactor"})

    def change(self, values: Row) -> None:
        self._rate(values)
        super().change({k: v for k, v in values.items() if k != "currencyFactor"})

    def _rate(self, values: Row) -> None:
        if "currencyFactor" in values:
            set_rate(self.world, "USD", values["currencyFactor"])


class Salespeople(Scene):
    bc_set, table = "salespeoplePurchasers", "systemuser"

    def body(self, values: Row) -> dict[str, Any]:
        body = dict(values)
        body["firstname"], body["lastname"] = body.pop("fullname").split()
        unit = self.dv.people.business_unit
        bind = {"businessunitid@odata.bind": f"/businessunits({unit})"}
        return {**body, **({} if self.source_id else bind), "islicensed": True}


class Units(Scene):
    bc_set, table = "unitsOfMeasure", "uomschedule"


class Customers(Scene):
    bc_set, table = "customers", "account"

    def prepare(self) -> None:
        self.add_currencies()
        self.add_people()
        self.add_codes()

    def body(self, values: Row) -> dict[str, Any]:
        return {"customertypecode": 3, **super().body(values)}

    def late(self) -> None:
        """Make two persons of the customer, on both sides."""
        pairs = self.world.coupled()
        customer = next(iter(pairs))
        number = self.company.row("customers", customer)["number"]
        for name in ("first", "second"):
            values = {"surname": name, "companyNumber": self.company_contact(number)}
            row = self.company.insert("contacts", {"type": "Person", **values})
            self.world.run("CONTACT", direction=TO, create_new=True)
            there = self.world.coupled("CONTACT")[row["id"]]
            self.names[f"<{name}>"] = row["number"], there


class Contacts(Scene):
    bc_set, table = "contacts", "contact"

    def prepare(self) -> None:
        self.add_currencies()
        self.add_people()
        for name in ("A", "B"):
            self.add_customer(name)

    def first(self, values: Row) -> None:
        super().first(self._related({"type": "Person", **values}))

    def change(self, values: Row) -> None:
        super().change(self._related(values))

    def _related(self, values: Row) -> dict[str, Any]:
        if self.way != TO:
            return {name: v for name, v in values.items() if name != "type"}
        number = values["companyCustomerNumber"]
        rest = {k: v for k, v in values.items() if k != "companyCustomerNumber"}
        return {**rest, "companyNumber": self.company_contact(number)}

    def read_bc(self, id_: str) -> dict[str, Any]:
        row = super().read_bc(id_)
        return row | {"companyCustomerNumber": related_customer(self.company, row)}


class Products(Scene):
    table = "product"

    def prepare(self) -> None:
        self.bc_set = "items" if self.job == "ITEM-PRODUCT" else "resources"
        self.dv.products.active_accepts = LENIENT
        self.add_company()
        self.company.add_vendor("V1", "Wheels Ltd")
        self.company.add_vendor("V2", "Frames Ltd")
        for code in ("PCS", "BOX"):
            self.company.insert("unitsOfMeasure", {"code": code})
        self.world.run("UNITOFMEASURE", create_new=True)
        for unit in self.dv.rows("uom"):
            code = unit["name"]
            self.names[f"<{code} unit>"] = code, unit["uomid"]
            self.names[f"<{code}>"] = code, unit["_uomscheduleid_value"]

    def first(self, values: Row) -> None:
        if self.way == TO:
            super().first(self._stocked(values))
            self._move(values)
            return
        # A person renames and moves a product that an item or resource became.
        body = {"displayName": "X", "baseUnitOfMeasureCode": "BOX"}
        ours = self.company.insert(self.bc_set, body)["id"]
        self.world.run(self.job, direction=TO, create_new=True)
        self.source_id = self.world.coupled(self.job)[ours]
        self.change(values)

    def change(self, values: Row) -> None:
        if self.way == TO:
            super().change(self._stocked(values))
            self._move(values)
            return
        states = {name: v for name, v in values.items() if name == "statecode"}
        super().change({k: v for k, v in values.items() if k not in states})
        if self.dv.row("product", self.source_id)["statecode"] != states["statecode"]:
            super().change(states)

    def body(self, values: Row) -> dict[str, Any]:
        body = super().body(values)
        if "defaultuomscheduleid" in values:
            group = values["defaultuomscheduleid"]
            (unit,) = (
                row["uomid"]
                for row in self.dv.rows("uom")
                if row["_uomscheduleid_value"] == group
            )
            body["defaultuomid@odata.bind"] = f"/uoms({unit})"
        return body

    def _stocked(self, values: Row) -> dict[str, Any]:
        computed = ("inventory", "capacity", "vendorName")
        return {name: v for name, v in values.items() if name not in computed}

    def _move(self, values: Row) -> None:
        row = self.company.row(self.bc_set, self.source_id)
        if "inventory" in values:
            there = sum(
                entry["quantity"]
                for entry in self.company.tables["Item Ledger Entry"].ordered()
            )
            self.company.move_item(row["number"], values["inventory"] - there)
        else:
            self.company.alter("Resource", row["id"], {"capacity": values["capacity"]})


class PriceGroups(Scene):
    bc_set, table = "customerPriceGroups", "pricelevel"

    def prepare(self) -> None:
        self.add_company()


class SalesPrices(Scene):
    bc_set, table = "salesPrices", "productpricelevel"

    def prepare(self) -> None:
        unit = prices.unit(self.world)
        group = prices.group_of(self.world, unit)
        self.names |= {"<PCS unit>": ("PCS", unit), "<PCS>": ("PCS", group)}
        self.names["<I1>"] = "I1", prices.item(self.world, "I1", unit)
        prices.group(self.world)
        base = self.dv.people.base_currency
        bind = f"/transactioncurrencies({base})"
        level = prices.price_list(
            self.world, **{"transactioncurrencyid@odata.bind": bind}
        )
        self.names["<RETAIL>"] = "RETAIL", level

    def first(self, values: Row) -> None:
        kind = "Customer_x0020_Price_x0020_Group"
        super().first({"salesType": kind, **values})


class Invoices(Scene):
    bc_set, table = "postedSalesInvoices", "invoice"

    def prepare(self) -> None:
        self.shop = Shop(self.world)
        self.names["<A>"] = self.shop.customer["number"], self.shop.account
        self.add_people()
        self.add_codes()
        product = self.dv.row("product", self.shop.product)
        self.names["<default list>"] = None, product["_pricelevelid_value"]

    def first(self, values: Row) -> None:
        self.source_id = self.shop.post()["id"]
        self.change(values)

    def change(self, values: Row) -> None:
        self.company.alter(POSTED, self.source_id, dict(values))


class Statistics(Scene):
    bc_set, table = "customerStatistics", "nav_accountstatistics"

    def prepare(self) -> None:
        self.number = self.add_customer("A")["number"]
        self.names["<number>"] = self.number, self.number

    def first(self, values: Row) -> None:
        (self.source_id,) = self.world.coupled()
        self.change(values)

    def change(self, values: Row) -> None:
        kept = {name: values[name] for name in ("displayName", "creditLimit")}
        self.company.update("customers", self.source_id, kept)
        self.world.bc.work_date = date.fromisoformat(values["overdueAsOf"])
        post_entry(
            self.company,
            {
                "customerNumber": self.number,
                "documentType": " ",
                "documentNumber": f"G{len(self.company.tables[ENTRIES].rows)}",
                "postingDate": "2026-03-01",
                "dueDate": "2026-03-02",
                "amount": 80,
                "salesLocal": 70,
                "open": True,
            },
        )
        self.company.add_order_line(self.number, outstanding=20, shipped=5, prepaid=3)
        draft = {"documentId": str(uuid.uuid4()), "amountIncludingTaxLocal": 11}
        line = {"customerNumber": self.number, "sequence": 1, **draft}
        self.company.put("Sales Line", line)


SCENES: dict[str, type[Scene]] = {
    "CURRENCY": Currencies,
    "SALESPEOPLE": Salespeople,
    "UNITOFMEASURE": Units,
    "CUSTOMER": Customers,
    "CONTACT": Contacts,
    "ITEM-PRODUCT": Products,
    "RESOURCE-PRODUCT": Products,
    "CUSTPRCGRP-PRICE": PriceGroups,
    "SALESPRC-PRODUCTPRICE": SalesPrices,
    "POSTEDSALESINV-INV": Invoices,
    "CUSTOMER-STATISTICS": Statistics,
}
