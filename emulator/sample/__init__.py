"""Sample company of the demo and the tests: two services full of data.

Kettleworth Trading Ltd. of Leeds keeps its books in pounds; its Dataverse counts
in US dollars. A sister company in Spain shares both services.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from emulator.business_central import BusinessCentralState, LiveCompany
from emulator.clock import Clock
from emulator.dataverse import SOLUTIONS, DataverseState
from emulator.sample.catalogue import fill_catalogue, fill_prices
from emulator.sample.organization import (
    add_counterparts,
    add_strangers,
    fill_users,
    found,
)
from emulator.sample.sales import fill_invoices, fill_open_lines
from emulator.sample.setup import (
    fill_codes,
    fill_currencies,
    fill_salespeople,
)
from emulator.sample.trader import (
    HOSTILE_NAMES,
    HOSTILE_STRANGERS,
    Trader,
    traders,
)
from emulator.sample.trading import fill_customers, fill_people
from emulator.sample.words import Draw

COMPANY = "Kettleworth Trading Ltd."
SISTER = "Kettleworth Iberia S.L."
MOST_INVOICES = 1000
MOST_ITEMS = 2000
MOST_STAFF = 200
_STEP = timedelta(seconds=1)
_HISTORY = timedelta(days=30)


class _Ticking(Clock):
    """A clock that, while it is stopped, moves on a second at each look.

    So the rows of the sample differ in their times, as they do in life.
    """

    def now(self) -> datetime:
        """Return the next second, or the real time once the clock runs."""
        if self.fixed is not None:
            self.fixed += _STEP
        return super().now()


def sample_services(
    *,
    customers: int = 300,
    seed: int = 1,
    overlap: float = 0.5,
    flaws: bool = True,
    today: date | None = None,
    solutions: frozenset[str] = SOLUTIONS,
) -> tuple[BusinessCentralState, DataverseState]:
    """Return both services with the data of a believable company.

    The same arguments give the same rows. About `overlap` of the customers have
    an account of the same name or e-mail address, in part with small
    differences. `flaws` adds rows that a job has to refuse: currencies without a
    rate, codes without an option, prices that contradict each other, salespeople
    who are no users. `today` is what dates count back from. Without the integration's
    `solutions` the organization has no rows about companies.
    """
    today = today or datetime.now(UTC).date()
    begin = datetime.combine(today, time(), UTC) - _HISTORY
    draw = Draw(seed)
    bc = BusinessCentralState(clock=_Ticking(fixed=begin))
    bc.work_date = today
    firms = list(traders(draw, customers, HOSTILE_NAMES))
    staff = _staff(draw, min(max(12, customers // 10), MOST_STAFF))
    left = 3 if flaws else 0
    main = bc.add_company(COMPANY, local_currency="GBP", id=draw.id())
    _fill_company(main, draw, firms, staff[: 9 + left], today, flaws=flaws)
    sister = bc.add_company(SISTER, local_currency="EUR", id=draw.id())
    few = list(traders(draw, max(12, customers // 15)))
    _fill_company(sister, draw, few, staff[left : left + 2], today, flaws=False)
    dataverse = _Seeded(draw, begin, solutions)
    rows = found(dataverse, draw, {main.id: COMPANY, sister.id: SISTER})
    fill_users(dataverse, rows, draw, staff[left:])
    add_counterparts(rows, draw, firms, [draw.happens(overlap) for _ in firms])
    add_strangers(
        rows,
        draw,
        list(traders(draw, customers // 5, HOSTILE_STRANGERS)),
        list(traders(draw, customers // 5)),
    )
    bc.work_date = None
    bc.clock.fixed = dataverse.clock.fixed = None
    return bc, dataverse


class _Seeded(DataverseState):
    """An organization whose very first rows are drawn and dated like the others."""

    def __init__(self, draw: Draw, begin: datetime, solutions: frozenset[str]) -> None:
        self._draw, self._begin = draw, begin
        super().__init__(
            name="Kettleworth", base_currency="USD", solutions=solutions, fresh=True
        )

    def _found(self, name: str, currency: str) -> None:
        self.created_id = self._draw.id
        self.clock.fixed = self._begin
        super()._found(name, currency)


def _staff(draw: Draw, count: int) -> list[tuple[str, str]]:
    """Return people of different names."""
    people: dict[tuple[str, str], None] = {}
    while len(people) < count:
        people[draw.person()] = None
    return list(people)


def _fill_company(
    company: LiveCompany,
    draw: Draw,
    firms: list[Trader],
    people: list[tuple[str, str]],
    today: date,
    *,
    flaws: bool,
) -> None:
    size = len(firms)
    company.tax_percent = 20
    fill_codes(company, draw)
    fill_currencies(company, draw, today=today, flaws=flaws)
    codes = fill_salespeople(company, draw, people)
    fill_catalogue(company, draw, items=min(max(20, size * 4 // 5), MOST_ITEMS))
    fill_prices(company, draw, today=today, flaws=flaws)
    customers = fill_customers(company, draw, firms, codes, flaws=flaws)
    fill_people(company, draw, customers)
    fill_invoices(company, draw, customers, min(size * 2 // 3, MOST_INVOICES), today)
    fill_open_lines(company, draw, customers[:MOST_INVOICES])
