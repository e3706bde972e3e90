"""What invoice tests stand on: a customer, an item and a resource that are coupled."""

from __future__ import annotations

from typing import Any

from emulator.business_central.relations import POSTED
from emulator.business_central.schema import STANDARD
from tests.world import World

JOB = "POSTEDSALESINV-INV"
TO, FROM = "to-dataverse", "from-dataverse"
POSTED_LINES = "Sales Invoice Line"


class Shop:
    """A company that sells bicycles to one coupled customer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.company = world.company
        self.company.insert("unitsOfMeasure", {"code": "PCS"})
        world.run("UNITOFMEASURE", create_new=True)
        self.item = self.new_item("Bike")
        self.resource = dict(
            self.company.insert(
                "resources",
                {"displayName": "Labour", "baseUnitOfMeasureCode": "PCS"},
            )
        )
        world.run("ITEM-PRODUCT", create_new=True)
        world.run("RESOURCE-PRODUCT", create_new=True)
        self.customer = world.customer("Adatum", city="Ulm")
        world.run("CUSTOMER", create_new=True)
        self.account = world.coupled()[self.customer["id"]]
        self.product = world.coupled("ITEM-PRODUCT")[self.item["id"]]

    def new_item(self, name: str, **values: Any) -> dict[str, Any]:
        """Create an item that is not coupled."""
        body = {"displayName": name, "baseUnitOfMeasureCode": "PCS", **values}
        return dict(self.company.insert("items", body))

    def line(self, item: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
        """Return the body of a line that sells an item."""
        number = (item or self.item)["number"]
        return {
            "lineType": "Item",
            "lineObjectNumber": number,
            "quantity": 2,
            "unitPrice": 100,
            **values,
        }

    def post(self, *lines: dict[str, Any], **values: Any) -> dict[str, Any]:
        """Post an invoice in Business Central; returns the posted header."""
        header = values.pop("posted", {})
        number = values.pop("customerNumber", self.customer["number"])
        draft = self.company.insert(
            "salesInvoices", {"customerNumber": number, **values}, route=STANDARD
        )
        for line in lines or (self.line(),):
            self.company.insert(
                "salesInvoiceLines",
                {"documentId": draft["id"], **line},
                route=STANDARD,
            )
        posted = self.company.post_invoice(draft["id"])
        if header:
            self.company.alter(POSTED, posted["id"], header)
        return dict(self.company.row("postedSalesInvoices", posted["id"]))

    def alter_line(self, posted: dict[str, Any], **values: Any) -> None:
        """Change the first line of a posted invoice, which no page allows."""
        lines = self.company.tables[POSTED_LINES].where("documentId", posted["id"])
        self.company.alter(POSTED_LINES, lines[0]["id"], values)

    def run(self, **parameters: Any) -> Any:
        """Run the job and create what is new."""
        return self.world.run(JOB, **{"create_new": True, **parameters})

    def invoice(self, posted: dict[str, Any]) -> dict[str, Any]:
        """Return the invoice of Dataverse that belongs to a posted one."""
        id_ = self.world.coupled(JOB)[posted["id"]]
        return dict(self.world.dv.row("invoice", id_))

    def details(self, invoice_id: str) -> list[dict[str, Any]]:
        """Return the lines of an invoice of Dataverse, in their order."""
        rows = [
            row
            for row in self.world.dv.rows("invoicedetail")
            if row["_invoiceid_value"] == invoice_id
        ]
        return sorted(rows, key=lambda row: row["lineitemnumber"] or 0)

    def sell(self, number: str, *lines: dict[str, Any], **values: Any) -> str:
        """Write an active invoice as a person in Dataverse; returns its id."""
        level = next(
            row["_pricelevelid_value"]
            for row in self.world.dv.rows("productpricelevel")
            if row["_productid_value"] == self.product
        )
        body = {
            "name": number,
            "invoicenumber": number,
            "customerid_account@odata.bind": f"/accounts({self.account})",
            "pricelevelid@odata.bind": f"/pricelevels({level})",
            **values,
        }
        id_ = self.world.dv.insert("invoice", body, user=self.world.human)
        for line in lines or (self.detail(),):
            bind = {"invoiceid@odata.bind": f"/invoices({id_})"}
            self.world.dv.insert("invoicedetail", bind | line, user=self.world.human)
        return id_

    def detail(self, product: str | None = None, **values: Any) -> dict[str, Any]:
        """Return the body of a line of Dataverse."""
        id_ = product or self.product
        unit = self.world.dv.row("product", id_)["_defaultuomid_value"]
        return {
            "productid@odata.bind": f"/products({id_})",
            "uomid@odata.bind": f"/uoms({unit})",
            "quantity": 2,
            "priceperunit": 100,
            "ispriceoverridden": True,
            "lineitemnumber": 1,
            **values,
        }
