"""Of sales prices that share a row one is carried, and others follow in turn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.sales_price import Terms
from tests.jobs.prices import GROUPS, PRICES, group, item, price, price_list, unit
from tests.scenarios.pairs import TO, errors, later

DAY = 86400


@pytest.fixture
def priced(world):
    """A coupled group with its list, a unit and a product."""
    world.unit = unit(world)
    world.product = item(world, "1000", world.unit)
    group(world)
    world.level = price_list(world)
    return world


def day(world, days):
    """Return the day that many days from the service's today."""
    return (world.bc.clock.now() + timedelta(days=days)).date().isoformat()


def amounts(world):
    """Return the prices that Dataverse has."""
    return [row["amount"] for row in world.dv.rows("productpricelevel")]


def last_years(world):
    """Create a price of 10 that has ended."""
    ended = {"startingDate": day(world, -700), "endingDate": day(world, -300)}
    return price(world, "1000", 10, **ended)


def this_years(world):
    """Create a price of 12 that is valid."""
    return price(world, "1000", 12, startingDate=day(world, -100))


TODAY = "2026-06-15"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Terms(), Terms(ends="2026-06-14")),
        (Terms(), Terms(starts="2026-06-16")),
        (Terms(), Terms(minimum=1)),
        (Terms(), Terms(variant="RED")),
        (Terms(starts="2026-06-15"), Terms(starts="2026-06-14")),
        (Terms(starts="2026-06-15"), Terms()),
        (Terms(ends="2026-06-15"), Terms(minimum=10)),
        (Terms(minimum=10), Terms(ends="2026-06-14")),
        (Terms(minimum=10), Terms(minimum=20)),
    ],
)
def test_the_price_that_is_valid_today_speaks_for_the_row(better, worse):
    """Validity first, then the minimum quantity, the variant, the latest beginning."""
    assert better.rank(TODAY) > worse.rank(TODAY)


@pytest.mark.parametrize("first", [last_years, this_years])
@pytest.mark.parametrize("together", [True, False])
def test_this_years_price_is_carried(priced, first, together):
    """Whichever arrives first; what has ended is no failure."""
    second = this_years if first is last_years else last_years
    first(priced)
    if not together:
        assert 0 == priced.run(PRICES).failed
        later(priced)
    second(priced)
    report = priced.run(PRICES)
    assert ([], [12.0]) == (report.errors, amounts(priced))
    again = priced.run(PRICES, full=True)
    assert ([], [], [12.0]) == (again.errors, errors(priced), amounts(priced))


def test_the_lines_of_a_header_are_chosen_likewise(priced):
    """They travel with their group, the valid one alone."""
    group(priced, "NEW")
    ended = {"endingDate": day(priced, -300)}
    price(priced, "1000", 10, "NEW", **ended)
    price(priced, "1000", 12, "NEW", startingDate=day(priced, -100))
    report = priced.run(GROUPS, create_new=True)
    assert ([], [12.0]) == (report.errors, amounts(priced))


def test_a_price_takes_over_when_its_day_comes(priced):
    """It is told once, stands among the errors, and goes through by itself."""
    price(priced, "1000", 1)
    price(priced, "1000", 2, startingDate=day(priced, 3))
    report = priced.run(PRICES)
    assert {"inserted": 1, "failed": 1} == priced.counts(report, TO)
    again = priced.run(PRICES)
    assert (0, []) == (again.failed, again.errors)
    assert ["TL-310"] == [error.code for error in errors(priced)]
    later(priced, 4 * DAY)
    priced.run(PRICES)
    assert [2] == amounts(priced)


def test_a_price_that_ends_frees_the_row(priced):
    """Nothing is edited on that day; the former holder is no failure."""
    price(priced, "1000", 1, startingDate=day(priced, -9), endingDate=day(priced, 1))
    price(priced, "1000", 2, startingDate=day(priced, -10))
    priced.run(PRICES)
    assert [1] == amounts(priced)
    later(priced, 2 * DAY)
    report = priced.run(PRICES)
    assert ([], [2], []) == (report.errors, amounts(priced), errors(priced))


def test_a_filtered_price_frees_the_row(priced):
    """A holder that is no price of a group any more gives way."""
    holder = price(priced, "1000", 1)
    other = price(priced, "1000", 2, minimumQuantity=10)
    priced.run(PRICES)
    values = {"salesType": "All_x0020_Customers", "salesCode": ""}
    priced.company.update("salesPrices", holder["id"], values)
    priced.run(PRICES)
    assert ([2], {other["id"]}) == (amounts(priced), set(priced.coupled(PRICES)))
    assert [] == errors(priced)


def test_the_former_holder_is_told(priced):
    """A better price takes the row at once; the other one waits for its turn."""
    former = price(priced, "1000", 2, minimumQuantity=10)
    priced.run(PRICES)
    later(priced)
    better = price(priced, "1000", 1)
    report = priced.run(PRICES)
    assert ["TL-310"] == [error.code for error in report.errors]
    assert [former["id"]] == [error.source_id for error in report.errors]
    assert [1] == amounts(priced)
    priced.company.delete("salesPrices", better["id"])
    priced.run(PRICES)
    assert ([2], []) == (amounts(priced), errors(priced))
