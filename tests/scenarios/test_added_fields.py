"""Added fields: kinds fit or are refused once, values convert or fail alone."""

from __future__ import annotations

import asyncio
from datetime import UTC

import numpy as np
import pytest

from flows.jobs import MAPPINGS
from tests.scenarios.pairs import TO, errors, later, synced
from tieline.conversions import CODE, DAY, FLAG, NUMBER, TEXT, Transfer, column_of
from tieline.conversions.added import (
    ByLabel,
    CoupledLookup,
    ValueMap,
    ZonedDay,
    fitted,
    unfit,
)
from tieline.mapping import Direction, FieldMapping
from tieline.odata.model import Column

OFF = "[mappings.CUSTOMER.fields]\n{off} = false\n"
ADDED = """
[[mappings.CUSTOMER.add_fields]]
bc = "{bc}"
dataverse = "{dataverse}"
"""
MAP = ValueMap((("Germany", "DE"), ("Deutschland", "DE"), ("Denmark", "DK")))

BY_WAY = 'Use conversion = "lookup" with via = JOB, or { by = COLUMN }.'


def add(world, bc, dataverse, *keys, off=""):
    """Add a field to CUSTOMER, with further keys; `off` frees the column."""
    text = OFF.format(off=off) if off else ""
    text += ADDED.format(bc=bc, dataverse=dataverse)
    world.configure(text + "\n".join(keys) + "\n")


@pytest.mark.parametrize(
    ("conversion", "bc", "dataverse", "said"),
    [
        (TEXT, "text", "text", ""),
        (TEXT, "decimal", "decimal", "Use conversion = number."),
        (CODE, "text", "option", "Use conversion = choice."),
        (NUMBER, "text", "text", "Use conversion = text."),
        (NUMBER, "decimal", "int", ""),
        (FLAG, "bool", "text", "Choose fields of the same kind on both sides."),
        (DAY, "date", "date", ""),
        (DAY, "date", "datetime", 'Add time_zone, for example "Europe/Copenhagen".'),
        (ZonedDay("Europe/Copenhagen"), "date", "datetime", ""),
        (ByLabel(), "code", "option", ""),
        (ByLabel(), "code", "text", "Use conversion = text."),
        (TEXT, "code", "lookup", BY_WAY),
        (MAP, "code", "text", ""),
        (MAP, "code", "lookup", BY_WAY),
    ],
)
def test_kinds_fit_or_are_refused_with_what_to_use(conversion, bc, dataverse, said):
    """Kinds are in the metadata; the advice names the conversion that would do."""
    problem, advice = unfit(conversion, Column("a", bc), Column("b", dataverse))
    assert (said, bool(said)) == (advice, bool(problem))


def convert(conversion, value, direction):
    """Convert one value; returns it with the codes of its problems."""
    row = FieldMapping("country", "address1_country", Direction.BIDIRECTIONAL, TEXT)
    transfer = Transfer(None, row, direction, None, np.array([False]))
    (found,) = conversion.convert(column_of([value]), None, transfer)
    return found, [error.code for error in transfer.problems.values()]


@pytest.mark.parametrize(
    ("value", "there", "back"),
    [("DE", "Germany", "DE"), ("dk", "Denmark", "DK"), ("", None, "")],
)
def test_a_value_map_goes_both_ways(value, there, back):
    """The first value of Dataverse is written; any of them comes back."""
    assert (there, []) == convert(MAP, value, Direction.TO_DATAVERSE)
    assert (back, []) == convert(MAP, there, Direction.FROM_DATAVERSE)
    assert ("DE", []) == convert(MAP, "Deutschland", Direction.FROM_DATAVERSE)


def test_a_value_in_no_pair_is_a_problem_of_its_record():
    """It is neither passed on nor dropped."""
    for direction in (Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE):
        assert 1 == len(convert(MAP, "Atlantis", direction)[1])


def test_choices_are_known_by_their_labels():
    """Numbers of options in a value map are numbers, whatever TOML makes of keys."""
    column = Column("paymentmethod", "option")
    choice = fitted(ByLabel(), column, {1: "Cash", 2: "Bank"})
    assert (2, []) == convert(choice, "BANK", Direction.TO_DATAVERSE)
    assert ("Cash", []) == convert(choice, 1, Direction.FROM_DATAVERSE)
    numbers = fitted(ValueMap((("7", "CASH"),)), column, {})
    assert (7, []) == convert(numbers, "CASH", Direction.TO_DATAVERSE)


@pytest.mark.parametrize(
    ("day", "zone", "moment"),
    [
        ("2026-01-15", "Europe/Copenhagen", "2026-01-14T23:00:00+00:00"),
        ("2026-07-15", "Europe/Copenhagen", "2026-07-14T22:00:00+00:00"),
        ("2026-01-15", "America/New_York", "2026-01-15T05:00:00+00:00"),
    ],
)
def test_a_day_is_the_one_of_its_zone(day, zone, moment):
    """What is sent is the day's beginning there; what is read is that day again."""
    conversion = ZonedDay(zone)
    sent = conversion.payload("dataverse", day)
    assert moment == sent.astimezone(UTC).isoformat()
    assert [day] == list(conversion.normal("dataverse", column_of([moment])))


def test_a_number_without_a_conversion_is_refused_once(world):
    """One sentence and exit status 2, before anything is written."""
    world.customer("Adatum")
    add(
        world,
        "creditLimit",
        "creditlimit",
        'direction = "to-dataverse"',
        off="creditLimit",
    )
    report = world.run("CUSTOMER", create_new=True)
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert "creditLimit" in report.message
    assert "Use conversion = number." in report.message
    assert [] == world.dv.rows("account")


def test_country_names_travel_both_ways(world):
    """A name of Dataverse stands for a code; an unknown one fails its record alone."""
    pairs = '{ "Germany" = "DE", "Denmark" = "DK" }'
    add(world, "country", "address1_country", f"conversion = {pairs}", off="country")
    (de, german), (_, other) = synced(world, "Adatum", "Litware", country="DE")
    assert "Germany" == world.dv.row("account", german)["address1_country"]
    world.edit_account(german, address1_country="Denmark")
    world.edit_account(other, address1_country="Atlantis")
    later(world)
    report = world.run("CUSTOMER")
    assert [other] == [error.source_id for error in report.errors]
    assert "DK" == world.company.row("customers", de)["country"]


def test_a_lookup_by_a_column_of_its_target(world):
    """The row of Dataverse that has the value is bound."""
    level = world.dv.insert("pricelevel", {"name": "A-LIST"})
    keys = ('direction = "to-dataverse"', 'conversion = { by = "name" }')
    add(world, "addressLine2", "defaultpricelevelid", *keys, off="addressLine2")
    customer = world.customer("Adatum", addressLine2="A-LIST")
    other = world.customer("Litware", addressLine2="NONE")
    report = world.run("CUSTOMER", create_new=True)
    assert [other["id"]] == [error.source_id for error in report.errors]
    account = world.coupled()[customer["id"]]
    assert level == world.dv.row("account", account)["_defaultpricelevelid_value"]


PRICE_GROUP = ('conversion = "lookup"', 'via = "custprcgrp-price"')


def test_a_lookup_through_a_coupling_waits_and_goes_both_ways(world):
    """The record waits for the very group, goes through by itself, and comes back."""
    add(world, "customerPriceGroup", "defaultpricelevelid", *PRICE_GROUP)
    groups = [
        world.company.insert("customerPriceGroups", {"code": code})["id"]
        for code in ("RETAIL", "WHOLESALE")
    ]
    customer = world.customer("Adatum", customerPriceGroup="RETAIL")["id"]
    report = world.run("CUSTOMER", create_new=True)
    (error,) = report.errors
    assert ("TL-301", customer) == (error.code, error.source_id)
    assert "The CUSTPRCGRP-PRICE record RETAIL must be coupled" in error.message
    (waiting,) = errors(world, "CUSTOMER")
    assert "RETAIL" == waiting.waiting_key
    world.run("CUSTPRCGRP-PRICE", create_new=True)
    lists = world.coupled("CUSTPRCGRP-PRICE")
    retail, wholesale = (lists[id_] for id_ in groups)
    assert {"inserted": 1} == world.counts(world.run("CUSTOMER", create_new=True), TO)
    account = world.coupled()[customer]
    row = world.dv.row("account", account)
    assert retail == row["_defaultpricelevelid_value"]
    later(world)
    bind = {"defaultpricelevelid@odata.bind": f"/pricelevels({wholesale})"}
    world.edit_account(account, **bind)
    world.run("CUSTOMER")
    row = world.company.row("customers", customer)
    assert "WHOLESALE" == row["customerPriceGroup"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (('via = "CONTACT"',), "but it points to pricelevel"),
        (('via = "CONTACTS"',), "via is no job that a lookup can go by"),
        (('via = "SALESPRC-PRODUCTPRICE"',), "via is no job that a lookup can go by"),
        ((), "'lookup' with via"),
        (('via = "CONTACT"', 'time_zone = "UTC"'), "time_zone goes with"),
    ],
)
def test_a_lookup_that_fits_no_column_is_refused(world, keys, said):
    """The job has to be one that couples what the column points to."""
    wanted = ('conversion = "lookup"', *keys)
    add(world, "customerPriceGroup", "defaultpricelevelid", *wanted)
    report = world.run("CUSTOMER")
    assert ("TL-102", 2) == (report.error_code, report.exit_code)
    assert said in report.message


def test_ids_travel_as_ids():
    """A property that holds an id is translated without a look-up of its number."""
    declared = CoupledLookup("CUSTOMER", "account", "record", "customers", "number")
    column = Column("customerid", "lookup", targets={"account": "customerid_account"})
    lookup = fitted(declared, column, {}, Column("customerId", "guid"))
    none, some = "00000000-0000-0000-0000-000000000000", "a" * 8
    assert ["", some] == list(lookup.normal("bc", column_of([none, some])))
    assert [none, some] == [lookup.payload("bc", value) for value in ("", some)]
    store = Couples({"c1": "a1"})
    there = Transfer(store, None, Direction.TO_DATAVERSE, None, np.array([False]))
    back = Transfer(store, None, Direction.FROM_DATAVERSE, None, np.array([False]))
    assert {"c1": "a1"} == asyncio.run(lookup.prepare(column_of(["c1", "c2"]), there))
    assert {"a1": "c1"} == asyncio.run(lookup.prepare(column_of(["a1", None]), back))


class Couples:
    """A session whose store has these couplings of CUSTOMER."""

    company_id = "company"

    def __init__(self, pairs):
        self.pairs = pairs
        self.store = self

    def coupling_rows(self, company, job, *, side, ids):
        return {i: {"dataverse_id": self.pairs[i]} for i in ids if i in self.pairs}

    def by_dataverse_id(self, company, job, ids):
        return {there: (bc, None) for bc, there in self.pairs.items() if there in ids}


def test_all_jobs_are_declared_with_kinds_that_nobody_checks(world):
    """Only added fields are checked: the product's own are known to fit."""
    assert not any(row.user_defined for one in MAPPINGS.values() for row in one.fields)
    assert {} == world.counts(world.run("CUSTOMER"), TO)
