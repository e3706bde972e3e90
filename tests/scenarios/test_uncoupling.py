"""Scenarios of uncoupling: couplings and our company mark go, records stay."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.uncouple import uncouple
from tests.scenarios.pairs import TO, coupling, errors, join, own_company, skip, synced
from tests.scenarios.records import TABLES, counterpart, coupled, record
from tieline.store import ErrorRow, Outcome


def dissolve(world, job, *ids):
    """Uncouple records; returns the counters that are not zero."""
    (report,) = world.run_flow(uncouple, job=job, records=list(ids))
    assert ([], "") == (report.errors, report.error_code)
    counters = report.counters(TO).as_dict()
    return {name: number for name, number in counters.items() if number}


def mark(world, job, id_):
    """Return the company mark of a Dataverse row."""
    return world.dv.row(TABLES[job], id_)["_bcbi_companyid_value"]


@pytest.mark.scenario("CRMIntegrationRecord/RemoveCoupling")
def test_uncoupling_again_does_nothing(world):
    """Once it is uncoupled, doing it again is no error."""
    ((customer, _),) = coupled(world, "CUSTOMER", 1)
    assert {"uncoupled": 1} == dissolve(world, "CUSTOMER", customer)
    for _ in range(4):
        assert {} == dissolve(world, "CUSTOMER", customer)
    assert {} == world.coupled()


@pytest.mark.scenario("CRMCoupling/RemoveCouplingForCustomerWithContacts")
def test_contacts_of_the_pair_go_with_it(world):
    """Persons of this company and this account; those of only one of them stay."""
    (ours, (_, other_account)) = synced(world, "Adatum", "Litware")
    companies = {
        row["displayName"]: row["number"]
        for row in world.company.rows("contacts")
        if row["type"] == "Company"
    }
    pairs = {}
    for name, company, account in (
        ("A", "Adatum", ours[1]),
        ("B", "Adatum", ours[1]),
        ("C", "Adatum", other_account),
        ("D", "Litware", ours[1]),
    ):
        person = world.company.insert(
            "contacts",
            {"type": "Person", "surname": name, "companyNumber": companies[company]},
        )
        there = world.dv.insert(
            "contact",
            {
                "lastname": name,
                "parentcustomerid_account@odata.bind": f"/accounts({account})",
            },
        )
        pairs[name] = (person["id"], there)
    join(world, "CONTACT", *pairs.values())
    assert {"uncoupled": 1} == dissolve(world, "CUSTOMER", ours[0])
    assert dict([pairs["C"], pairs["D"]]) == world.coupled("CONTACT")


@pytest.mark.scenario("CDSUncoupling/IntegarionTableMappingListUncoupleMultiple")
def test_whole_jobs_are_uncoupled(world):
    """Each job loses its couplings and marks; the currency keeps its own."""
    company = own_company(world)
    pairs = {
        job: coupled(world, job, count, company)
        for job, count in (("CUSTOMER", 1), ("ITEM-PRODUCT", 3))
    }
    coupled(world, "SALESPEOPLE", 1)
    coupled(world, "CURRENCY", 1)
    for job, expected in (
        ("CUSTOMER", {"modified": 1, "uncoupled": 1}),
        ("ITEM-PRODUCT", {"modified": 3, "uncoupled": 3}),
        ("SALESPEOPLE", {"uncoupled": 1}),
    ):
        (report,) = world.run_flow(uncouple, job=job, all_records=True)
        assert expected == world.counts(report, TO)
        assert {} == world.coupled(job)
        assert [] == [id_ for _, id_ in pairs.get(job, []) if mark(world, job, id_)]
    assert 1 == len(world.coupled("CURRENCY"))


@pytest.mark.scenario("CDSUncoupling/CRMSkippedRecordsUncoupleMultiple")
def test_skipped_and_broken_couplings_go_too(world):
    """A deleted product counts as uncoupled, but there is no row to modify."""
    company = own_company(world)
    customers = coupled(world, "CUSTOMER", 4, company)
    items = coupled(world, "ITEM-PRODUCT", 4, company)
    people = coupled(world, "SALESPEOPLE", 3)
    jobs = {"CUSTOMER": customers, "ITEM-PRODUCT": items, "SALESPEOPLE": people}
    for job, pairs in jobs.items():
        skip(world, job, *pairs)
    world.company.delete("customers", customers[0][0])
    world.dv.delete_as(world.human, "product", items[0][1])
    for job, count, expected in (
        ("CUSTOMER", 3, {"modified": 3, "uncoupled": 3}),
        ("ITEM-PRODUCT", 3, {"modified": 2, "uncoupled": 3}),
        ("SALESPEOPLE", 2, {"uncoupled": 2}),
    ):
        named = [bc_id for bc_id, _ in jobs[job][:count]]
        assert expected == dissolve(world, job, *named)
        assert dict(jobs[job][count:]) == world.coupled(job)
    assert mark(world, "CUSTOMER", customers[0][1]) is None
    assert company == mark(world, "CUSTOMER", customers[3][1])


@pytest.mark.parametrize(
    ("job", "count", "positions"),
    [
        pytest.param(
            "ITEM-PRODUCT",
            3,
            (
                0,
                2,
            ),
            marks=pytest.mark.scenario("CDSUncoupling/ItemListUncoupleMultiple"),
        ),
        pytest.param(
            "ITEM-PRODUCT",
            1,
            (0,),
            marks=pytest.mark.scenario("CDSUncoupling/ItemCardUncouple"),
        ),
        pytest.param(
            "CONTACT",
            1,
            (0,),
            marks=pytest.mark.scenario("CDSUncoupling/ContactCardUncouple"),
        ),
        pytest.param(
            "RESOURCE-PRODUCT",
            3,
            (1,),
            marks=pytest.mark.scenario("CDSUncoupling/ResourceListUncoupleSingle"),
        ),
        pytest.param(
            "RESOURCE-PRODUCT",
            1,
            (0,),
            marks=pytest.mark.scenario("CDSUncoupling/ResourceCardUncouple"),
        ),
    ],
)
def test_chosen_records_lose_coupling_and_mark(world, job, count, positions):
    """Only the chosen ones; their rows in Dataverse are nobody's afterwards."""
    company = own_company(world)
    pairs = coupled(world, job, count, company)
    gone = [pairs[position] for position in positions]
    number = len(gone)
    expected = {"modified": number, "uncoupled": number}
    assert expected == dissolve(world, job, *(bc_id for bc_id, _ in gone))
    kept = [pair for pair in pairs if pair not in gone]
    assert dict(kept) == world.coupled(job)
    assert {None} == {mark(world, job, id_) for _, id_ in gone}
    assert {0} == {world.dv.row(TABLES[job], id_)["statecode"] for _, id_ in gone}
    assert [company] * len(kept) == [mark(world, job, id_) for _, id_ in kept]


def test_a_retired_product_loses_its_mark_and_stays_retired(world):
    """It is changed by way of a revision, and retired again."""
    company = own_company(world)
    ((item, product),) = coupled(world, "ITEM-PRODUCT", 1, company)
    retired = {"statecode": 1, "statuscode": 2}
    world.dv.edit_as(world.human, "product", product, retired)
    expected = {"modified": 1, "uncoupled": 1}
    assert expected == dissolve(world, "ITEM-PRODUCT", item)
    row = world.dv.row("product", product)
    assert (None, 1) == (row["_bcbi_companyid_value"], row["statecode"])


@pytest.mark.parametrize(
    ("job", "count", "positions"),
    [
        pytest.param(
            "SALESPEOPLE",
            3,
            (1,),
            marks=pytest.mark.scenario(
                "CDSUncoupling/SalespersonsPurchasersUncoupleSingle"
            ),
        ),
        pytest.param(
            "SALESPEOPLE",
            1,
            (0,),
            marks=pytest.mark.scenario(
                "CDSUncoupling/SalespersonsPurchaserCardUncouple"
            ),
        ),
        pytest.param(
            "CURRENCY",
            3,
            (
                0,
                2,
            ),
            marks=pytest.mark.scenario("CDSUncoupling/CurrencyListUncoupleMultiple"),
        ),
        pytest.param(
            "CURRENCY",
            3,
            (1,),
            marks=pytest.mark.scenario("CDSUncoupling/CurrencyListUncoupleSingle"),
        ),
        pytest.param(
            "UNITOFMEASURE",
            3,
            (1,),
            marks=pytest.mark.scenario("CDSUncoupling/UnitsOfMeasureUncoupleSingle"),
        ),
    ],
)
def test_rows_without_mark_are_only_uncoupled(world, job, count, positions):
    """Where Dataverse has no company mark, nothing is written there."""
    pairs = coupled(world, job, count)
    gone = [pairs[position] for position in positions]
    world.dv.counters.reset()
    assert {"uncoupled": len(gone)} == dissolve(world, job, *(bc for bc, _ in gone))
    assert dict(pair for pair in pairs if pair not in gone) == world.coupled(job)
    assert {} == dict(world.dv.counters.written)


@pytest.mark.scenario("CDSUncoupling/CustomerListUncoupleMultiple")
def test_uncoupled_records_among_the_chosen_are_left_alone(world):
    """They are no error and count nowhere."""
    company = own_company(world)
    first, second, third = coupled(world, "CUSTOMER", 3, company)
    alone = record(world, "CUSTOMER", "Alone")
    counterpart(world, "CUSTOMER", "Nobody's")
    expected = {"modified": 2, "uncoupled": 2}
    assert expected == dissolve(world, "CUSTOMER", first[0], third[0], alone)
    assert dict([second]) == world.coupled()
    assert [None, company, None] == [
        mark(world, "CUSTOMER", pair[1]) for pair in (first, second, third)
    ]


@pytest.mark.scenario(
    "CDSUncoupling/IntegrationSynchJobErrorsUncoupleSingleInBackground"
)
def test_the_error_goes_with_the_coupling(world):
    """Of three failing items one is uncoupled; the others' errors stay."""
    company = own_company(world)
    pairs = coupled(world, "ITEM-PRODUCT", 3, company)
    now = datetime.now(UTC)
    job = (world.company.id, "ITEM-PRODUCT", "to-dataverse")
    rows = [
        ErrorRow(*job, bc_id, "TL-307", "No.", attempts=1, first_at=now, at=now)
        for bc_id, _ in pairs
    ]
    with world.open_store() as store:
        store.save(Outcome(*job, at=now, errors=rows))
    expected = {"modified": 1, "uncoupled": 1}
    assert expected == dissolve(world, "ITEM-PRODUCT", pairs[1][0])
    assert coupling(world, pairs[1][0], "ITEM-PRODUCT") is None
    left = {pairs[0][0], pairs[2][0]}
    assert left == {row.source_id for row in errors(world)}
    assert left == set(world.coupled("ITEM-PRODUCT"))
