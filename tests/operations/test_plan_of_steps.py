"""A plan lists every row that a run would write, whichever rule writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.dataverse import DataverseState, create_dataverse
from flows.apply import apply
from flows.undo import undo
from tests.jobs.invoices import Shop
from tests.world import World, set_rate

TO = "to-dataverse"
COMPUTED = {"modifiedon", "versionnumber", "_modifiedby_value", "createdon"}
TABLES = (
    "account",
    "contact",
    "invoice",
    "invoicedetail",
    "nav_accountstatistics",
    "pricelevel",
    "product",
    "productpricelevel",
    "transactioncurrency",
    "uom",
    "uomschedule",
)


@dataclass
class Scene:
    """What is about to happen: a job, and which tables it writes."""

    job: str
    tables: set[str]
    sources: set[str | None]
    create_new: bool = True


def unit(world: World) -> None:
    """Couple a unit of measure."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)


def item(world: World, **values: Any) -> dict[str, Any]:
    """Create an item that is not coupled."""
    body = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS", **values}
    return dict(world.company.insert("items", body))


def new_product(world: World) -> Scene:
    """The first product of all: its price list and its price row come along."""
    unit(world)
    row = item(world, unitPrice=5)
    tables = {"product", "pricelevel", "productpricelevel"}
    return Scene("ITEM-PRODUCT", tables, {row["id"], None})


def new_price(world: World) -> Scene:
    """A product whose price changed: its price row follows."""
    unit(world)
    row = item(world, unitPrice=5)
    world.run("ITEM-PRODUCT", create_new=True)
    world.company.update("items", row["id"], {"unitPrice": 6})
    return Scene("ITEM-PRODUCT", {"product", "productpricelevel"}, {row["id"]})


def price_row_alone(world: World) -> Scene:
    """A product in step whose price row somebody changed."""
    unit(world)
    row = item(world, unitPrice=5)
    world.run("ITEM-PRODUCT", create_new=True)
    (price,) = world.dv.rows("productpricelevel")
    key = price["productpricelevelid"]
    world.dv.edit_as(world.human, "productpricelevel", key, {"amount": 9})
    world.company.update("items", row["id"], {"vendorItemNumber": "A"})
    world.run("ITEM-PRODUCT", dry_run=True)
    world.company.update("items", row["id"], {"vendorItemNumber": ""})
    return Scene("ITEM-PRODUCT", {"productpricelevel"}, {row["id"]})


def renamed_unit(world: World) -> Scene:
    """A group whose only unit bears another name."""
    row = world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.dv.insert("uomschedule", {"name": "NAV PCS", "baseuomname": "Piece"})
    return Scene("UNITOFMEASURE", {"uom"}, {row["id"]})


def first_invoice(world: World) -> Scene:
    """An invoice in a foreign currency whose prices include VAT."""
    shop = Shop(world)
    world.company.insert("currencies", {"code": "USD", "displayName": "US dollar"})
    set_rate(world, "USD", 0.8)
    world.run("CURRENCY", create_new=True)
    posted = shop.post(
        shop.line(quantity=3, unitPrice=10),
        currencyCode="USD",
        posted={"pricesIncludeTax": True},
    )
    shop.alter_line(posted, amountExcludingTax=23.62, amountIncludingTax=30.01)
    tables = {"invoice", "invoicedetail", "pricelevel", "productpricelevel"}
    lines = world.company.tables["Sales Invoice Line"]
    (line,) = lines.where("documentId", posted["id"])
    sources = {posted["id"], line["id"], "Rounding", None}
    return Scene("POSTEDSALESINV-INV", tables, sources)


def first_statistics(world: World) -> Scene:
    """A customer whose statistics were never sent."""
    customer = world.customer("Adatum", creditLimit=500)
    world.run("CUSTOMER", create_new=True)
    tables = {"account", "nav_accountstatistics"}
    return Scene("CUSTOMER-STATISTICS", tables, {customer["id"]})


def paid_invoice(world: World) -> Scene:
    """An invoice that was paid."""
    shop = Shop(world)
    posted = shop.post()
    shop.run()
    world.run("CUSTOMER-STATISTICS")
    world.bc.clock.advance(5)
    world.company.pay_invoice(posted["number"])
    tables = {"invoice", "nav_accountstatistics"}
    return Scene("CUSTOMER-STATISTICS", tables, {posted["id"], shop.customer["id"]})


SCENES: list[Callable[[World], Scene]] = [
    new_product,
    new_price,
    price_row_alone,
    renamed_unit,
    first_invoice,
    first_statistics,
    paid_invoice,
]


def rows(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    """Return all rows of Dataverse without what the platform stamps on them."""
    return {
        (table, row[world.dv.schema.tables[table].key]): {
            name: value for name, value in row.items() if name not in COMPUTED
        }
        for table in TABLES
        for row in world.dv.rows(table)
    }


@pytest.mark.parametrize("scene", SCENES)
def test_a_plan_lists_and_does_every_write(world, scene):
    """What differs once a plan was applied is just what it listed, id by id."""
    given = scene(world)
    before = rows(world)
    plan = world.run(given.job, create_new=given.create_new, dry_run=True)
    assert ([], before) == (plan.errors, rows(world))
    (report,) = world.run_flow(apply, plan_id=plan.plan_id)
    assert [] == report.errors
    after = rows(world)
    moved = {key for key in after if after[key] != before.get(key)}
    assert given.tables == {table for table, _ in moved}
    listed = [change for change in plan.changes if change.fields]
    assert {id_ for _, id_ in moved} == {one.destination_id for one in listed}
    assert len(moved) == len(listed)
    assert given.sources == {one.source_id for one in listed}
    for change in listed:
        (key,) = [key for key in moved if key[1] == change.destination_id]
        is_new = key not in before
        assert ("insert" if is_new else "modify") == change.action
    again = world.run(given.job, create_new=given.create_new)
    assert ([], after) == (again.errors, rows(world))


def test_the_row_of_the_local_currency_is_listed(world, base):
    """A currency that Dataverse lacks is created under the id that a dry run names.

    Also when no record of the job itself is read.
    """
    world.dv = DataverseState(base_currency="USD")
    base.dataverse.app = create_dataverse(world.dv)
    world.company.insert("currencies", {"code": "USD", "displayName": "US dollar"})
    set_rate(world, "USD", 0.8)
    before = rows(world)
    plan = world.run("CURRENCY", dry_run=True)
    assert ([], before) == (plan.errors, rows(world))
    (listed,) = [change for change in plan.changes if change.source_id is None]
    assert "insert" == listed.action
    world.run("CURRENCY")
    new = set(rows(world)) - set(before)
    assert {("transactioncurrency", listed.destination_id)} == new


def test_what_a_plan_says_of_a_price_row(world):
    """Its columns, with the values of now and then."""
    new_price(world)
    plan = world.run("ITEM-PRODUCT", dry_run=True)
    (price,) = world.dv.rows("productpricelevel")
    (listed,) = [
        change
        for change in plan.changes
        if change.destination_id == price["productpricelevelid"]
    ]
    assert ({"field": "amount", "from": 5, "to": 6},) == listed.fields


def test_a_plan_of_an_invoice_shows_its_last_values(world):
    """The state and totals that the steps end with are the invoice's own fields."""
    first_invoice(world)
    plan = world.run("POSTEDSALESINV-INV", create_new=True, dry_run=True)
    (fields,) = [
        fields
        for one in plan.changes
        if "totaltax"
        in (fields := {field["field"]: field["to"] for field in one.fields})
    ]
    assert (0, 4) == (fields["statecode"], fields["statuscode"])
    assert {"totaltax", "pricelevelid"} < set(fields)


def test_statistics_that_a_run_created_are_deleted_by_its_undo(world):
    """The account's link goes with them; undoing that brings both back."""
    first_statistics(world)
    before = rows(world)
    run = world.run("CUSTOMER-STATISTICS")
    after = rows(world)
    (report,) = world.run_flow(undo, run_id=run.flow_run_id)
    assert ({"deleted": 1}, []) == (world.counts(report, TO), report.errors)
    assert before == rows(world)
    (again,) = world.run_flow(undo, run_id=report.flow_run_id)
    assert ({"inserted": 1}, []) == (world.counts(again, TO), again.errors)
    (account,) = world.dv.rows("account")
    (row,) = world.dv.rows("nav_accountstatistics")
    assert row["nav_accountstatisticsid"] == account["_nav_accountstatisticsid_value"]
    assert ("Adatum", 500) == (row["nav_name"], row["nav_creditlimitlcy"])
    assert set(after) == set(rows(world))


def test_statistics_that_a_run_changed_get_their_values_back(world):
    """A row that was there before stays, with its former figures."""
    first_statistics(world)
    world.run("CUSTOMER-STATISTICS")
    before = rows(world)
    world.bc.clock.advance(5)
    (customer,) = world.company.tables["Customer"].rows.values()
    world.company.add_ledger_entry(customer["number"], 100)
    run = world.run("CUSTOMER-STATISTICS")
    assert before != rows(world)
    (report,) = world.run_flow(undo, run_id=run.flow_run_id)
    assert ({"modified": 1}, []) == (world.counts(report, TO), report.errors)
    assert before == rows(world)
