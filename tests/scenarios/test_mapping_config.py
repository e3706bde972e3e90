"""Mappings: what tieline.toml changes, and what it may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flows.couple import couple
from flows.jobs import MAPPINGS
from tieline.availability import condition_holds
from tieline.conversions import TEXT
from tieline.mapping import Direction, FieldMapping
from tieline.odata.query import or_chains

TO, FROM = "to-dataverse", "from-dataverse"


def off(job: str) -> str:
    """Return a tieline.toml that switches off every field of a job."""
    rows = [
        row for row in MAPPINGS[job].fields if condition_holds(row.only_when, "person")
    ]
    return "\n".join(
        [f"[mappings.{job}.fields]", *(f"{row.name} = false" for row in rows)]
    )


@pytest.mark.scenario(
    "IntegrationTableSynch/MissingFieldMappingFailsHard",
    "CRMIntegrationMapping/SyncTableWithAllDisabledFields",
)
@pytest.mark.parametrize("job", ["CURRENCY", "CUSTOMER"])
def test_without_field_mappings_a_job_breaks(world, job):
    """It is no failure of single records: the job stops before the first."""
    world.configure(off(job))
    world.customer("Adatum")
    world.company.insert("currencies", {"code": "NOK"})
    before = len(world.dv.rows("transactioncurrency"))
    report = world.run(job, create_new=True)
    assert ("Failed", "TL-406", 1, 0) == (
        report.state,
        report.error_code,
        report.exit_code,
        report.failed,
    )
    assert ([], before) == (
        world.dv.rows("account"),
        len(world.dv.rows("transactioncurrency")),
    )


TEMPLATE = """
[[mappings.CUSTOMER.templates]]
side = "bc"
values = {{ templateCode = "{code}" }}
priority = {priority}
"""
WHERE_FAX = 'where = [{{ field = "fax", op = "eq", value = "{fax}" }}]\n'


def located(world, *, code, location):
    """Let Business Central have a customer template that sets a location."""
    world.company.add_template("Customer", code, {"locationCode": location})


@pytest.mark.scenario("IntegrationTableSynch/ConfigTemplateIsAppliedIfPresent")
def test_a_template_completes_a_new_customer(world):
    """What no field mapping brings, the template does."""
    located(world, code="T1", location="SOMELOCATION")
    world.configure(TEMPLATE.format(code="T1", priority=0))
    account = world.account("Litware")
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert {"inserted": 1} == world.counts(report, FROM)
    (row,) = world.company.rows("customers")
    assert ("SOMELOCATION", {row["id"]: account}) == (
        row["locationCode"],
        world.coupled(),
    )


@pytest.mark.scenario("IntegrationTableSynch/MissingConfigTemplateThrowsError")
def test_a_template_that_is_missing_fails_the_record(world):
    """The error names it; nothing is created, nothing coupled."""
    world.configure(TEMPLATE.format(code="NOPE", priority=0))
    world.account("Litware")
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert {"failed": 1} == world.counts(report, FROM)
    assert "NOPE" in report.errors[0].message
    assert ([], {}) == (world.company.rows("customers"), world.coupled())


@pytest.mark.scenario("IntegrationTableSynch/MultiTableConfigTemplate")
def test_the_template_whose_filter_fits_applies(world):
    """Filters are checked against the record that the new one comes from."""
    located(world, code="T1", location="L1")
    located(world, code="T2", location="L2")
    first = TEMPLATE.format(code="T1", priority=0) + WHERE_FAX.format(fax="123")
    second = TEMPLATE.format(code="T2", priority=0) + WHERE_FAX.format(fax="456")
    world.configure(first + second)
    for fax in ("123", "456"):
        world.account(f"Fax {fax}", fax=fax)
    report = world.run("CUSTOMER", direction=FROM, create_new=True)
    assert {"inserted": 2} == world.counts(report, FROM)
    told = {row["displayName"]: row["locationCode"] for row in customers(world)}
    assert {"Fax 123": "L1", "Fax 456": "L2"} == told


def customers(world):
    """Return the customers of the company."""
    return world.company.rows("customers")


@pytest.mark.scenario("IntegrationTableSynch/MultiTableConfigTemplateWithPriority")
def test_the_lowest_priority_number_wins(world):
    """Exactly one template applies, wherever it stands in the file."""
    located(world, code="T1", location="L1")
    located(world, code="T2", location="L2")
    world.configure(
        TEMPLATE.format(code="T2", priority=2) + TEMPLATE.format(code="T1", priority=1)
    )
    world.account("Litware")
    world.run("CUSTOMER", direction=FROM, create_new=True)
    assert ["L1"] == [row["locationCode"] for row in customers(world)]


@pytest.mark.scenario("CRMSynchJobScenarios/SynchInvalidViewCausesError")
@pytest.mark.parametrize("direction", [TO, FROM])
@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ('"BADDATA"', "TL-102"),
        ('{ field = "baddata", op = "eq", value = 1 }', "TL-402"),
    ],
)
def test_a_filter_that_cannot_be_read_breaks_the_run(world, direction, condition, code):
    """No condition at all, or one on a column that is not there."""
    side = "bc" if direction == TO else "dataverse"
    world.configure(f"[mappings.CUSTOMER]\n{side}_filter = [{condition}]\n")
    world.customer("Adatum")
    world.account("Litware")
    report = world.run("CUSTOMER", direction=direction, create_new=True)
    assert ("Failed", code) == (report.state, report.error_code)
    assert "in tieline.toml" in report.message
    assert {} == world.coupled()


@pytest.mark.scenario("CRMEntitySynch/SplitTableFilterIntoChunks")
def test_long_filters_are_split():
    """Three times as many ids as one filter holds make three filters."""
    size = 5
    ids = [f"id{number:02}" for number in range(3 * size)]
    pieces = list(or_chains("id", ids, characters=10_000, most=size))
    assert 3 == len(pieces)
    assert ids == [
        part.removeprefix("id eq ") for piece in pieces for part in piece.split(" or ")
    ]
    short = len("id eq id00 or id eq id01") + 20
    assert all(len(one) <= short for one in or_chains("id", ids, characters=60, most=9))


ONLY_A = """
[mappings.{job}]
dataverse_filter = [{{ field = "{column}", op = "eq", value = "{name}" }}]
"""


def contacts(world, name):
    """Create a person and a contact of one customer; returns the contact's id."""
    customer, account = world.customer(f"Of {name}"), world.account(f"Of {name}")
    world.run_flow(couple, job="CUSTOMER", pairs=[f"{customer['id']}={account}"])
    company = world.company.row("customers", customer["id"])["number"]
    (relation,) = world.company.tables["Contact Business Relation"].where(
        "number", company
    )
    person = {"type": "Person", "surname": name}
    world.company.insert(
        "contacts", {**person, "companyNumber": relation["contactNumber"]}
    )
    parent = {"parentcustomerid_account@odata.bind": f"/accounts({account})"}
    return world.dv.insert("contact", {"lastname": name, **parent}, user=world.human)


def currencies(world, name):
    """Create a currency on both sides; returns the row's id."""
    world.company.insert("currencies", {"code": name})
    body = {
        "isocurrencycode": name,
        "currencyname": name,
        "currencysymbol": name,
        "exchangerate": 2,
        "currencyprecision": 2,
    }
    return world.dv.insert("transactioncurrency", body)


def products(world, name, *, job="ITEM-PRODUCT"):
    """Create an item or a resource, and a product; returns the product's id."""
    if not world.company.rows("unitsOfMeasure"):
        world.company.insert("unitsOfMeasure", {"code": "PCS"})
        world.run("UNITOFMEASURE", create_new=True)
    values = {"displayName": name, "baseUnitOfMeasureCode": "PCS"}
    is_item = job == "ITEM-PRODUCT"
    world.company.insert("items" if is_item else "resources", values)
    (unit,) = [row for row in world.dv.rows("uom") if row["name"] == "PCS"]
    body = {
        "name": name,
        "productnumber": f"{job} {name}",
        "producttypecode": 1 if is_item else 3,
        "quantitydecimal": 2,
        "defaultuomid@odata.bind": f"/uoms({unit['uomid']})",
        "defaultuomscheduleid@odata.bind": "/uomschedules("
        f"{unit['_uomscheduleid_value']})",
    }
    return world.dv.insert("product", body, user=world.human)


def unit_groups(world, name):
    """Create a unit and its group; returns the group's id."""
    world.company.insert("unitsOfMeasure", {"code": name})
    body = {"name": f"NAV {name}", "baseuomname": name}
    return world.dv.insert("uomschedule", body)


@pytest.mark.scenario(
    "CRMIntegrationMapping/CRMCurrencyListIntergationTableFilter",
    "CRMIntegrationMapping/CRMUnitGroupListIntergationTableFilter",
    "CRMIntegrationMapping/CRMContactListIntergationTableFilter",
)
@pytest.mark.parametrize(
    ("job", "create", "column", "prefix", "match"),
    [
        ("CURRENCY", currencies, "currencyname", "", "code"),
        ("UNITOFMEASURE", unit_groups, "name", "NAV ", "code"),
        ("CONTACT", contacts, "fullname", "", "surname"),
    ],
)
def test_rows_outside_the_filter_are_not_offered_for_coupling(
    world, job, create, column, prefix, match
):
    """Match-based coupling looks at the rows of the mapping's filter only."""
    wanted, _ = create(world, "AAA"), create(world, "BBB")
    world.configure(ONLY_A.format(job=job, column=column, name=f"{prefix}AAA"))
    (report,) = world.run_flow(couple, job=job, match=[match])
    assert (1, 1) == (report.counters(TO).coupled, report.counters(TO).failed)
    assert [wanted] == list(world.coupled(job).values())


@pytest.mark.scenario("CRMIntegrationMapping/CRMProductListIntergationTableFilter")
def test_each_product_job_offers_the_rows_of_its_own_filter(world):
    """Items match within their filter, resources within theirs."""
    item, resource = "ITEM-PRODUCT", "RESOURCE-PRODUCT"
    mine = products(world, "A", job=item), products(world, "B", job=resource)
    products(world, "C", job=item)
    products(world, "C", job=resource)
    world.configure(
        ONLY_A.format(job=item, column="name", name="A")
        + ONLY_A.format(job=resource, column="name", name="B")
    )
    for job in (item, resource):
        world.run_flow(couple, job=job, match=["displayName"])
    found = [*world.coupled(item).values(), *world.coupled(resource).values()]
    assert list(mine) == found


@pytest.mark.scenario(
    "CRMIntegrationMapping/"
    "IntegrationTableMappingTestIsEnabledForFromIntegrationTableAndField",
    "CRMIntegrationMapping/"
    "IntegrationTableMappingTestIsEnabledForToIntegrationTableAndBidirectionalField",
)
@pytest.mark.parametrize(
    ("mapping_direction", "field_direction", "expected"),
    [
        (Direction.FROM_DATAVERSE, Direction.FROM_DATAVERSE, FROM),
        (Direction.TO_DATAVERSE, Direction.BIDIRECTIONAL, TO),
    ],
)
def test_the_mapping_limits_its_fields(mapping_direction, field_direction, expected):
    """A field travels only where both the mapping and the field go."""
    row = FieldMapping("city", "address1_city", field_direction, TEXT)
    declared = replace(MAPPINGS["CUSTOMER"], direction=mapping_direction, fields=(row,))
    ways = declared.passes(declared.direction)
    assert [expected] == [way for way in ways if declared.active(way)]
    assert [expected] == list(ways)
    others = {TO, FROM} - {expected}
    assert not any(declared.direction.covers(Direction(other)) for other in others)


ADDED = """
[[mappings.CUSTOMER.add_fields]]
bc = "companyContactNumber"
dataverse = "{column}"
direction = "to-dataverse"
enabled = {enabled}
"""


@pytest.mark.scenario("CRMIntegrationMapping/TestCreateFieldMappingsForRuntimeFields")
@pytest.mark.parametrize(("enabled", "travels"), [("true", True), ("false", False)])
def test_added_fields_are_named_by_their_column(world, enabled, travels):
    """By its logical name any column can be mapped; the row says whether it is on."""
    world.configure(ADDED.format(column="description", enabled=enabled))
    world.customer("Adatum")
    report = world.run("CUSTOMER", direction=TO, create_new=True)
    (account,) = world.dv.rows("account")
    assert 0 == report.failed
    assert travels is bool(account["description"])


@pytest.mark.scenario(
    "CRMIntegrationMapping/TestCreateFieldMappingsForRuntimeFieldsFailed"
)
def test_an_added_field_without_a_column_stops_the_job(world):
    """It is named; nothing goes over by half."""
    world.configure(
        ADDED.format(column="description", enabled="true")
        + ADDED.format(column="nonexistingfield", enabled="true").replace(
            "companyContactNumber", "createdDateTime"
        )
    )
    world.customer("Adatum")
    report = world.run("CUSTOMER", direction=TO, create_new=True)
    assert ("TL-402", []) == (report.error_code, world.dv.rows("account"))
    assert "nonexistingfield of account" in report.message


@pytest.mark.scenario(
    "CRMSetup/IntegrationTableMappingNameCannotBeBlank",
    "CDSIntegrationMgt/ManIntTableMappingEmptyIntegrationMappingName",
)
@pytest.mark.parametrize("name", ['""', '" "'])
def test_a_mapping_needs_a_name(world, name):
    """An override under a blank name stops every run."""
    world.configure(f"[mappings.{name}]\nsynch_only_coupled = false\n")
    report = world.run("CURRENCY")
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert "names no job" in report.message


@pytest.mark.scenario(
    "CDSIntegrationMgt/ManIntTableMappingEmptyIntegrationTableID",
    "CDSIntegrationMgt/ManIntTableMappingEmptyTableId",
)
@pytest.mark.parametrize("blank", ["bc", "dataverse"])
def test_an_added_mapping_needs_both_of_its_sides(world, blank):
    """What users can add are fields: neither side may be left blank."""
    sides = {"bc": "city", "dataverse": "new_city", blank: ""}
    lines = [f'{side} = "{name}"' for side, name in sides.items()]
    world.configure("\n".join(["[[mappings.CUSTOMER.add_fields]]", *lines]))
    report = world.run("CUSTOMER")
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert f"add_fields.0.{blank}" in report.message
