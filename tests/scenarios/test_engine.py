"""Scenarios of a run: what is read, what is written, and what is counted."""

from __future__ import annotations

from uuid import uuid4

import pytest

from emulator.dataverse.organization import LENIENT
from tests.scenarios.pairs import (
    FROM,
    TO,
    coupling,
    later,
    stamps,
    synced,
)
from tests.scenarios.people import couple_salesperson
from tests.scenarios.records import counterpart, coupled, record
from tests.world import set_rate


def both(world, report):
    """Return the counters of both directions that are not zero."""
    return world.counts(report, TO), world.counts(report, FROM)


@pytest.mark.scenario("IntegrationTableSynch/ProcessingZeroRows")
def test_nothing_to_do(world):
    """A run over empty tables succeeds, counts nothing and writes nothing."""
    world.dv.counters.reset()
    report = world.run("CUSTOMER", create_new=True)
    assert ("", [], {}, {}) == (report.error_code, report.errors, *both(world, report))
    assert {} == dict(world.dv.counters.written)
    assert ([], []) == (world.company.rows("customers"), world.dv.rows("account"))


@pytest.mark.parametrize(
    ("job", "way"), [("CURRENCY", None), ("SALESPEOPLE", None), ("CUSTOMER", TO)]
)
@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.scenario(
    "IntegrationTableSynch/SynchRecordsMustBeToOrFromIntegrationTable"
)
def test_a_record_that_the_run_does_not_read_is_refused(world, job, way, is_known):
    """A record of neither side, or of the side that is only written."""
    there = record if job == "SALESPEOPLE" else counterpart
    id_ = there(world, job, "AAA") if is_known else str(uuid4())
    before = len(world.dv.rows("account")), len(world.company.rows("currencies"))
    report = world.run(job, direction=way, records=[id_], create_new=True)
    assert ("TL-105", 2) == (report.error_code, report.exit_code)
    assert id_ in report.message
    assert {} == world.coupled(job)
    after = len(world.dv.rows("account")), len(world.company.rows("currencies"))
    assert before == after


@pytest.mark.scenario("IntegrationTableSynch/CannotSynchAgainstMappingDirection")
@pytest.mark.parametrize(("job", "way"), [("CURRENCY", FROM), ("SALESPEOPLE", TO)])
def test_a_direction_that_a_job_does_not_offer_is_refused(world, job, way):
    """The run ends at once, says so, and counts nothing."""
    report = world.run(job, direction=way)
    assert ("TL-101", {}) == (report.error_code, report.directions)
    assert f"{job} does not run {way}" in report.message


@pytest.mark.scenario("IntegrationTableSynch/SynchNewIntegrationTableRecord")
def test_a_new_account_becomes_a_customer(world):
    """Where uncoupled records may be created it is inserted once."""
    user, _ = couple_salesperson(world, "JO", "Jo Long")
    account = world.account(
        "Litware", **{"ownerid@odata.bind": f"/systemusers({user})"}
    )
    report = world.run("CUSTOMER", direction=FROM, records=[account], create_new=True)
    assert {"inserted": 1} == world.counts(report, FROM)
    (customer,) = world.company.rows("customers")
    assert ("Litware", {customer["id"]: account}) == (
        customer["displayName"],
        world.coupled(),
    )


@pytest.mark.scenario("IntegrationTableSynch/SynchCoupledIntegrationTableRecord")
def test_a_changed_account_changes_its_customer(world):
    """The row that changed after the last run is written to its counterpart."""
    ((customer, account),) = synced(world, "Adatum")
    later(world, 86_400)
    world.edit_account(account, name="Adatum Ltd")
    report = world.run("CUSTOMER", direction=FROM)
    assert {"modified": 1} == world.counts(report, FROM)
    assert "Adatum Ltd" == world.company.row("customers", customer)["displayName"]


@pytest.mark.scenario(
    "CRMSynchJobScenarios/SynchZeroItemsPopulatesDefaultSynchDirectionToMatchMapping"
)
@pytest.mark.parametrize(
    ("job", "ways"),
    [("CURRENCY", [TO]), ("SALESPEOPLE", [FROM]), ("CUSTOMER", [TO, FROM])],
)
def test_a_run_reports_the_directions_of_its_mapping(world, job, ways):
    """One for a one-way job, two for one that goes both ways, even without records."""
    assert ways == list(world.run(job).directions)


@pytest.mark.scenario(
    "CRMSynchJobScenarios/TestSynchFromCRMIncludesChangesByIntegrationUser"
)
def test_rows_of_the_integration_user_are_read_too(world):
    """Who changed a row last does not matter."""
    world.account("By a person")
    for name in ("By the integration user", "By it again"):
        world.dv.insert("account", {"name": name, "customertypecode": 3})
    world.configure(f'[mappings.CUSTOMER]\ndirection = "{FROM}"\n')
    report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": 3} == world.counts(report, FROM)


@pytest.mark.scenario(
    "CRMSynchJobScenarios/BidirectionalSynchCanUpdateDataInBothSystems"
)
def test_both_sides_get_the_others_records_once(world):
    """Two and two make four on each side: what was written does not come back."""
    for name in ("A", "B"):
        world.customer(name)
        world.account(f"{name} there")
    report = world.run("CUSTOMER", create_new=True)
    assert 2 == report.directions[TO].inserted
    assert 2 == report.directions[FROM].inserted
    assert 4 == len(world.company.rows("customers"))
    assert 4 == len(world.dv.rows("account"))


@pytest.mark.scenario(
    "CRMEntitySynch/SyncModifiedCustomerWithAdditionalNonMappedFieldToCRM"
)
def test_another_salesperson_changes_the_owner(world):
    """The account gets the salesperson's user as its owner."""
    ((customer, account),) = synced(world, "Adatum")
    before, _ = stamps(world, customer)
    user, code = couple_salesperson(world, "JO", "Jo Long")
    world.edit_customer(customer, salespersonCode=code)
    report = world.run("CUSTOMER", direction=TO, records=[customer])
    assert {"modified": 1} == world.counts(report, TO)
    assert user == world.dv.row("account", account)["_ownerid_value"]
    assert stamps(world, customer)[0] > before


@pytest.mark.parametrize(
    ("jobs", "way", "make"),
    [
        pytest.param(
            ("CUSTOMER", "CURRENCY"),
            TO,
            record,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/CreateNewRecordsInCRMMixedForMany"
            ),
        ),
        pytest.param(
            ("CUSTOMER", "SALESPEOPLE"),
            FROM,
            counterpart,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/CreateNewRecordsFromCRMMixedForMany"
            ),
        ),
    ],
)
def test_chosen_records_are_created(world, jobs, way, make):
    """Five of each; one that does not exist any more is left out."""
    for job in jobs:
        names = ["AAA", "BBB", "CCC", "DDD", "EEE"]
        ids = [make(world, job, name) for name in names]
        if job == "CURRENCY":
            for name in names:
                set_rate(world, name, 0.5)
        report = world.run(
            job, direction=way, records=[*ids, str(uuid4())], create_new=True
        )
        assert ([], {"inserted": 5}) == (report.errors, world.counts(report, way))
        assert 5 == len(world.coupled(job))


@pytest.mark.parametrize(
    ("jobs", "way"),
    [
        pytest.param(
            ["CUSTOMER"],
            TO,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/UpdateMultipleNowToCRMForMany"
            ),
        ),
        pytest.param(
            ["CUSTOMER"],
            FROM,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/UpdateMultipleNowFromCRMForMany"
            ),
        ),
        pytest.param(
            ["CUSTOMER", "CURRENCY"],
            TO,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/UpdateMultipleNowMixedToCRMForMany"
            ),
        ),
        pytest.param(
            ["CUSTOMER", "SALESPEOPLE"],
            FROM,
            marks=pytest.mark.scenario(
                "CRMIntegrationMgt/UpdateMultipleNowNixedFromCRMForMany"
            ),
        ),
    ],
)
def test_chosen_records_are_forced(world, jobs, way):
    """Five of each count Modified, though nothing changed since the last run."""
    for job in jobs:
        pairs = coupled(world, job, 5)
        if job == "CURRENCY":
            for row in world.company.rows("currencies"):
                set_rate(world, row["code"], 0.5)
        world.run(job, direction=way)
        ids = [pair[0 if way == TO else 1] for pair in pairs]
        report = world.run(job, direction=way, records=ids, force=True)
        assert ([], {"modified": 5}) == (report.errors, world.counts(report, way))


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            TO,
            marks=pytest.mark.scenario(
                "CRMSynchNotifications/LastSyncUnchangedDestRecChangedLaterMarkedCRMIntegrationRec"
            ),
        ),
        pytest.param(
            FROM,
            marks=pytest.mark.scenario(
                "CRMSynchNotifications/LastSyncUnchangedDestRecChangedLaterMarkedIntegrationRec"
            ),
        ),
    ],
)
def test_a_change_of_the_destination_is_no_business_of_this_pass(world, way):
    """The source did not change: Unchanged, and the other side keeps its value."""
    world.company.insert("unitsOfMeasure", {"code": "PCS"})
    world.run("UNITOFMEASURE", create_new=True)
    values = {"displayName": "Bike", "baseUnitOfMeasureCode": "PCS"}
    item = world.company.insert("items", values)["id"]
    world.run("ITEM-PRODUCT", direction=TO, create_new=True)
    product = world.coupled("ITEM-PRODUCT")[item]
    later(world, 3)
    if way == TO:
        world.dv.products.active_accepts = LENIENT
        world.dv.edit_as(world.human, "product", product, {"name": "Cycle"})
    else:
        world.company.update("items", item, {"displayName": "Cycle"})
    before = coupling(world, item, "ITEM-PRODUCT")
    report = world.run("ITEM-PRODUCT", direction=way, records=[item])
    assert ([], {"unchanged": 1}) == (report.errors, world.counts(report, way))
    names = (
        world.company.row("items", item)["displayName"],
        world.dv.row("product", product)["name"],
    )
    assert (("Bike", "Cycle") if way == TO else ("Cycle", "Bike")) == names
    after = coupling(world, item, "ITEM-PRODUCT")
    expected = ("success", None if way == TO else "success")
    assert expected == (after.to_result, after.from_result)
    assert ("success", None) == (before.to_result, before.from_result)
