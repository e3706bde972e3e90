"""Templates for new records: the mapping's own, else Business Central's default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.jobs.products import ITEM, coupled, product, product_like
from tests.world import World

FROM = "from-dataverse"
NAMED = """
[[mappings.CUSTOMER.templates]]
side = "{side}"
values = {{ {name} = "{value}" }}
"""
CONFIGURE = Path(__file__).parents[2] / "docs" / "configure.md"


def new_customer(world: World, **values: object) -> dict[str, object]:
    """Let an account become a customer; returns the customer."""
    world.account("Litware", **values)
    assert [] == world.run("CUSTOMER", direction=FROM, create_new=True).errors
    return dict(world.company.rows("customers")[-1])


def test_the_default_template_completes_a_new_customer(world):
    """The first one without a currency: in code order, not in that of creation."""
    for code, values in (
        ("LATER", {"locationCode": "L3"}),
        ("ABROAD", {"locationCode": "L1", "currencyCode": "USD"}),
        ("HOME", {"locationCode": "L2"}),
    ):
        world.company.add_template("Customer", code, values)
    world.company.add_template("Item", "AAA", {"locationCode": "NO"})
    assert "L2" == new_customer(world)["locationCode"]


def test_the_default_template_numbers_a_new_customer(world):
    """Its number series counts, and what the account has wins over its values."""
    world.company.series["special"] = "SP001"
    world.company.add_template("Customer", "HOME", {"city": "Ulm"}, series="special")
    row = new_customer(world, address1_city="Bonn")
    assert ("SP001", "Bonn") == (row["number"], row["city"])


def test_the_template_of_the_mapping_wins_over_the_default(world):
    """Where the mapping's own does not fit a record, the default applies."""
    world.company.add_template("Customer", "AAA", {"locationCode": "DEFAULT"})
    world.company.add_template("Customer", "EU", {"locationCode": "EU"})
    world.configure(
        NAMED.format(side="bc", name="templateCode", value="EU")
        + 'where = [{ field = "address1_country", op = "eq", value = "DE" }]\n'
    )
    world.company.insert("countriesRegions", {"code": "DE", "displayName": "Germany"})
    first = new_customer(world, address1_country="DE")
    second = new_customer(world)
    assert ("EU", "DEFAULT") == (first["locationCode"], second["locationCode"])


def test_the_default_template_completes_a_new_item(world):
    """Items have templates of their own."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    _, id_ = coupled(world, ITEM)
    world.company.add_template("Item", "GOODS", {"unitCost": 4})
    twin = product(world, id_)
    new = product_like(world, twin, name="Trailer", productnumber="P-9")
    report = world.run(ITEM, direction=FROM, create_new=True, records=[new])
    assert [] == report.errors
    ids = {v: k for k, v in world.coupled(ITEM).items()}
    assert 4 == world.company.row("items", ids[new])["unitCost"]


def test_the_standard_api_takes_no_template(world):
    """The code is off with a warning; the customer is created all the same."""
    world.bc.companion = False
    world.configure(NAMED.format(side="bc", name="templateCode", value="EU"))
    assert "Litware" == new_customer(world)["displayName"]
    assert "templateCode of a template" in world.reports[-1].warning


@pytest.mark.parametrize(
    ("side", "name", "service"),
    [
        ("bc", "customerPostingGroup", "Business Central"),
        ("dataverse", "kountry", "Dataverse"),
    ],
)
def test_a_value_that_no_service_takes_stops_the_job(world, side, name, service):
    """It is refused before anything is read, by name."""
    world.configure(NAMED.format(side=side, name=name, value="EU"))
    world.account("Litware")
    report = world.run("CUSTOMER", create_new=True)
    assert ("TL-402", []) == (report.error_code, world.company.rows("customers"))
    assert f"{name} of " in report.message
    assert f"{service} lacks. Correct the values" in report.message


def test_the_example_of_the_docs_works(world):
    """What configure.md shows can be put in force as it stands."""
    (example,) = re.findall(
        r"```toml\n(\[mappings\.CUSTOMER\]\n.*?)```", CONFIGURE.read_text("utf-8"), re.S
    )
    world.configure(example)
    world.company.add_template("Customer", "EU", {"locationCode": "EU"})
    world.company.insert("countriesRegions", {"code": "DE", "displayName": "Germany"})
    world.customer("Adatum")
    assert [] == world.run("CUSTOMER").errors
    assert "EU" == new_customer(world, address1_country="DE")["locationCode"]
