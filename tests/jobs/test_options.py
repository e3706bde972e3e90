"""Options per table: each choice column has couplings of its own."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from emulator.dataverse.refusals import invalid
from tests.jobs.invoices import Shop
from tests.scenarios.pairs import later, synced
from tests.world import World
from tieline.options import free_value, match_options
from tieline.store import OptionRow

TO = "to-dataverse"
ADDING = "[sync]\ncreate_options = true\n"
TERMS = "paymenttermscode"


def terms(world: World, code: str) -> str:
    """Create payment terms; returns their id."""
    return str(world.company.insert("paymentTerms", {"code": code})["id"])


def label(world: World, table: str, value: int, text: str) -> None:
    """Add a label to a table's payment terms, under a value of a person's choice."""
    world.dv.options.insert(table, TERMS, text, value)
    world.dv.options.publish()


def value_of(world: World, table: str, text: str) -> int | None:
    """Return the value of a label of a table's payment terms."""
    labels = world.dv.options.labels(table, TERMS)
    return next((value for value, one in labels.items() if one == text), None)


def test_every_table_has_numbers_of_its_own(world):
    """The same label is 900 on the account and 800 on the invoice."""
    shop = Shop(world)
    terms(world, "COD")
    label(world, "account", 900, "COD")
    label(world, "account", 800, "Bank")
    label(world, "invoice", 800, "COD")
    world.edit_customer(shop.customer["id"], paymentTermsCode="COD")
    later(world)
    assert [] == world.run("CUSTOMER").errors
    posted = shop.post(posted={"paymentTermsCode": "COD"})
    assert [] == shop.run().errors
    account = world.dv.row("account", shop.account)
    assert (900, 800) == (account[TERMS], shop.invoice(posted)[TERMS])


def test_a_label_of_the_account_alone_is_refused_on_the_invoice(world):
    """The account's number is not sent: it may stand for something else there."""
    shop = Shop(world)
    terms(world, "COD")
    label(world, "account", 900, "COD")
    shop.post(posted={"paymentTermsCode": "COD"})
    (error,) = shop.run().errors
    assert "TL-304" == error.code
    assert "invoice.paymenttermscode" in error.message


def test_new_options_reach_the_invoice(world):
    """One customer's new term becomes a label on accounts and on invoices."""
    shop = Shop(world)
    world.configure(ADDING)
    label(world, "invoice", 727_000_000, "Something else")
    terms(world, "14 DAYS")
    world.edit_customer(shop.customer["id"], paymentTermsCode="14 DAYS")
    later(world)
    assert [] == world.run("CUSTOMER").errors
    there = value_of(world, "invoice", "14 DAYS")
    assert there not in (None, 727_000_000)
    posted = shop.post(posted={"paymentTermsCode": "14 DAYS"})
    assert [] == shop.run().errors
    assert there == shop.invoice(posted)[TERMS]


def test_an_invoice_adds_labels_too(world):
    """A term that no customer has reaches both sets by the invoice."""
    shop = Shop(world)
    world.configure(ADDING)
    terms(world, "PREPAID")
    posted = shop.post(posted={"paymentTermsCode": "PREPAID"})
    assert [] == shop.run().errors
    assert value_of(world, "invoice", "PREPAID") == shop.invoice(posted)[TERMS]
    assert value_of(world, "account", "PREPAID") is not None


def test_a_renamed_code_keeps_its_label_on_the_invoice(world):
    """The invoice's option is found by the label that the account's code has."""
    shop = Shop(world)
    id_ = terms(world, "NET 60")
    world.edit_customer(shop.customer["id"], paymentTermsCode="NET 60")
    later(world)
    world.run("CUSTOMER")
    world.company.update("paymentTerms", id_, {"code": "N60"})
    posted = shop.post(posted={"paymentTermsCode": "N60"})
    assert [] == shop.run().errors
    assert value_of(world, "invoice", "Net 60") == shop.invoice(posted)[TERMS]


@pytest.mark.parametrize(("added", "failed"), [(ADDING, 0), ("", 1)])
def test_a_dry_run_foresees_new_options(world, added, failed):
    """It adds none, but fails no record that a run would carry."""
    world.configure(added)
    terms(world, "COD")
    world.customer("Adatum", paymentTermsCode="COD")
    report = world.run("CUSTOMER", create_new=True, dry_run=True)
    assert failed == len(report.errors)
    assert value_of(world, "account", "COD") is None
    assert failed == world.run("CUSTOMER", create_new=True).failed


def test_many_batches_add_each_option_once(world):
    """What one batch added, the next one finds."""
    world.configure(f"batch_rows = 1\n{ADDING}")
    for number, code in enumerate(("COD", "PREPAID", "COD", "PREPAID")):
        if number < 2:
            terms(world, code)
        world.customer(f"Customer {number}", paymentTermsCode=code)
    assert [] == world.run("CUSTOMER", create_new=True).errors
    labels = list(world.dv.options.labels("account", TERMS).values())
    assert [1, 1] == [labels.count(code) for code in ("COD", "PREPAID")]
    values = {row["name"]: row[TERMS] for row in world.dv.rows("account")}
    assert values["Customer 0"] == values["Customer 2"] != values["Customer 1"]


def test_a_refused_option_fails_its_records_alone(world, monkeypatch):
    """Without the customizer's rights the record says what the service said."""
    world.configure(ADDING)
    terms(world, "COD")
    world.customer("Adatum", paymentTermsCode="COD")
    world.customer("Litware")
    refusal = invalid("The caller may not customize the system.")
    monkeypatch.setattr(world.dv.options, "insert", Mock(side_effect=refusal))
    report = world.run("CUSTOMER", create_new=True)
    (error,) = report.errors
    assert ("TL-304", 1) == (error.code, report.counters(TO).inserted)
    assert "none could be added: The caller may not customize" in error.message


def test_a_code_without_a_label_is_cleared_where_that_is_set(world):
    """The record goes through, with the column blank on the other side."""
    world.configure(
        "[mappings.CUSTOMER.fields]\nshipmentMethodCode = { clear_on_failure = true }\n"
    )
    world.company.insert("shipmentMethods", {"code": "FOB"})
    world.company.insert("shipmentMethods", {"code": "EXW"})
    ((customer, account),) = synced(world, "Adatum", shipmentMethodCode="FOB")
    column = "address1_freighttermscode"
    assert 1 == world.dv.row("account", account)[column]
    world.edit_customer(customer, shipmentMethodCode="EXW", city="Ulm")
    later(world)
    assert [] == world.run("CUSTOMER").errors
    row = world.dv.row("account", account)
    assert (None, "Ulm") == (row[column], row["address1_city"])
    later(world)
    report = world.run("CUSTOMER")
    assert [] == report.errors
    assert 0 == sum(one.modified for one in report.directions.values())
    assert "EXW" == world.company.row("customers", customer)["shipmentMethodCode"]


def test_an_option_without_a_code_is_cleared_where_that_is_set(world):
    """The other way, too."""
    world.configure(
        "[mappings.CUSTOMER.fields]\npaymentTermsCode = { clear_on_failure = true }\n"
    )
    terms(world, "NET 30")
    ((customer, account),) = synced(world, "Adatum", paymentTermsCode="NET 30")
    world.edit_account(account, **{TERMS: 4, "address1_city": "Ulm"})
    later(world)
    assert [] == world.run("CUSTOMER").errors
    row = world.company.row("customers", customer)
    assert ("", "Ulm") == (row["paymentTermsCode"], row["city"])


@pytest.mark.parametrize(
    ("labels", "wished", "expected"),
    [
        ({1: "a"}, None, 727_000_000),
        ({1: "a", 727_000_004: "b"}, None, 727_000_005),
        ({1: "a"}, 5, 5),
        ({1: "a", 5: "b"}, 5, 727_000_000),
        ({}, None, 727_000_000),
    ],
)
def test_which_value_a_new_option_gets(labels, wished, expected):
    """The namesake's where it is free, else the next beyond the platform's own."""
    assert expected == free_value(labels, wished)


@pytest.mark.parametrize(
    ("codes", "labels", "stored", "elsewhere", "expected"),
    [
        ({"i": "COD"}, {1: "cod "}, [], {}, {"i": 1}),
        ({"i": "COD"}, {1: "Cash"}, [], {}, {}),
        ({"i": "COD"}, {1: "Cash"}, [], {"i": "cash"}, {"i": 1}),
        ({"i": "COD"}, {1: "Cash", 2: "COD"}, [], {"i": "Cash"}, {"i": 2}),
        ({"i": "COD"}, {1: "Cash"}, [("i", 1)], {}, {"i": 1}),
        ({"i": "COD"}, {2: "COD"}, [("i", 1)], {}, {"i": 2}),
        ({"i": "COD", "j": "cod"}, {1: "COD"}, [], {}, {"i": 1}),
    ],
)
def test_which_option_a_code_is_coupled_to(codes, labels, stored, elsewhere, expected):
    """What holds, then the label of the code, then the label it has elsewhere."""
    rows = [OptionRow(id_, "OLD", value, "Old") for id_, value in stored]
    found = match_options(codes, labels, rows, elsewhere)
    assert expected == {row.bc_id: row.value for row in found}
