"""CURRENCY: Currency of Business Central to transactioncurrency of Dataverse.

All currencies are read at each run, because neither a new exchange rate nor one
that becomes valid today modifies the currency record: the computed rate is
compared with the one on the other side. The local currency has no record in
Business Central; its row is looked up by ISO code and created when missing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from flows.job import job
from tieline.availability import require_fields
from tieline.conversions import (
    TEXT,
    Code,
    Conversion,
    Number,
    Transfer,
    Values,
    column_of,
)
from tieline.engine.drive import take_legs
from tieline.engine.first_load import FirstLoad
from tieline.engine.hooks import Hooks
from tieline.engine.row import Row, Rows
from tieline.engine.run import JobRun
from tieline.errors import RecordError, RuleViolated, SystemName
from tieline.exchange import FACTOR
from tieline.mapping import Direction, FieldMapping, TableMapping
from tieline.rates import DIGITS, dataverse_rate, no_rate
from tieline.session import Session

TO = Direction.TO_DATAVERSE

ISO_LENGTH = 5
"""What Dataverse takes where its metadata does not say."""


class IsoCode(Code):
    """The code of a currency: one that Dataverse has no room for is refused."""

    title = "ISO code"

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the codes; a longer one cut short would be another currency's."""
        length = (transfer.target and transfer.target.max_length) or ISO_LENGTH
        for position, code in enumerate(values):
            if code and len(code) > length:
                text = (
                    f"The code {code} of the currency has {len(code)} characters, and "
                    f"Dataverse takes an ISO code of at most {length}."
                )
                advice = "Rename the currency in Business Central to its ISO code."
                transfer.fail(position, RuleViolated(text, advice=advice))
        return super().convert(values, known, transfer)


@dataclass(frozen=True)
class ExchangeRate(Number):
    """Units of the currency per unit of Dataverse's base currency."""

    digits: int = DIGITS
    title = "exchange rate"

    async def prepare(self, values: Values, transfer: Transfer) -> tuple[str, float]:
        """Find the base currency and its rate to the local currency."""
        base = (await transfer.session.organization()).base_currency_code
        if not base or base == (await transfer.session.setup()).local_currency:
            return base, 1.0 if base else 0.0
        factors = await transfer.session.currency_factors()
        return base, float(factors.get(base) or 0)

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Compute the rate; a currency without one cannot be transferred."""
        base, base_factor = known
        rates = [dataverse_rate(float(v or 0), base_factor) for v in values]
        for position, rate in enumerate(rates):
            if rate is None and not base_factor:
                why = (
                    f"{base}, the base currency of Dataverse, has no exchange rate in "
                    "Business Central."
                )
                text = "The exchange rate cannot be worked out: "
                text += why if base else no_rate(base)
                transfer.fail(position, RuleViolated(text))
            elif rate is None:
                transfer.fail(
                    position, RuleViolated("The currency has no exchange rate.")
                )
        return column_of(rates)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Round rates only: of a factor all digits count, or the rate is off."""
        if side == "bc":
            return column_of(float(value or 0) for value in values)
        return super().normal(side, values)


class CurrencyPrecision(Conversion):
    """The organisation's currency decimal precision, for new rows."""

    title = "organisation's precision"
    reads_bc = False

    async def prepare(self, values: Values, transfer: Transfer) -> int:
        """Read the organisation."""
        return (await transfer.session.organization()).currency_precision

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the precision for every row."""
        return column_of([known] * len(values))


async def ensure_local_currency(session: Session) -> None:
    """Create the local currency's row; without a rate, other jobs say so."""
    with suppress(RecordError):
        await session.local_currency_id(create=True)


async def adopt_by_iso_code(rows: Rows, session: Session) -> None:
    """Couple an uncoupled currency with the row that has its ISO code."""
    uncoupled = [row for row in rows if row.coupling is None]
    frame = await session.dataverse.by_values(
        "transactioncurrency",
        "isocurrencycode",
        [row.source["code"] for row in uncoupled],
        columns=("isocurrencycode",),
    )
    ids = dict(zip(frame["isocurrencycode"].str.upper(), frame["id"], strict=True))
    for row in uncoupled:
        found = ids.get(row.source["code"])
        if found is not None:
            row.target_id, row.is_adopted = found, True


async def work_out_factors(rows: Rows, session: Session) -> None:
    """Take the factors from the exchange rates where currencies do not show them."""
    if FACTOR in rows.columns:
        return
    known = await session.currency_factors()
    rows.fill(FACTOR, [known.get(code, 0.0) for code in rows.column("code")])


async def stand_in_by_code(rows: Rows, session: Session) -> None:
    """Dataverse demands symbol and name: the ISO code stands in for an empty one.

    Where the field is switched off, new rows get the code all the same.
    """
    for row in rows:
        for key in ("currencysymbol", "currencyname"):
            _stand_in(row, key, row.source["code"])


def _stand_in(row: Row, key: str, code: str) -> None:
    if key not in row.wanted:
        if row.is_new:
            row.values.setdefault(key, code)
    elif not row.wanted[key]:
        row.choose(key, code)
        if row.there[key] == code:
            del row.values[key]


async def full_when_untouched(session: Session) -> Literal["full", "couple first"]:
    """Dataverse with nothing but its base currency needs no coupling first."""
    rates: list[float] = []
    async for page in session.dataverse.changed(
        "transactioncurrency", columns=("exchangerate",)
    ):
        rates += list(page.frame["exchangerate"])
    return "full" if rates == [1] else "couple first"


CURRENCY = TableMapping(
    name="CURRENCY",
    description="Currencies and their exchange rates, to Dataverse.",
    bc="currencies",
    dataverse="transactioncurrency",
    nouns=("currencies", "currencies"),
    direction=TO,
    bc_key="code",
    dataverse_name="currencyname",
    always_full=True,
    create_unmatched=True,
    bc_derivable=(FACTOR,),
    needs_local_currency=True,
    synchronize_matched=True,
    fields=(
        FieldMapping(
            "code", "isocurrencycode", TO, IsoCode(), applies="insert", match_priority=0
        ),
        FieldMapping("symbol", "currencysymbol", TO, TEXT),
        FieldMapping("displayName", "currencyname", TO, TEXT),
        FieldMapping(FACTOR, "exchangerate", TO, ExchangeRate(), is_default=False),
        FieldMapping(
            None,
            "currencyprecision",
            TO,
            CurrencyPrecision(),
            applies="insert",
            is_default=False,
        ),
    ),
    hooks=Hooks(
        complete=work_out_factors,
        adopt=adopt_by_iso_code,
        transformed=stand_in_by_code,
    ),
    first_load=FirstLoad(recommend=full_when_untouched),
)


@job(CURRENCY)
async def currency(run: JobRun) -> None:
    """See that the local currency has its row, then take the one leg, to Dataverse."""
    require_fields(run.mapping, TO)
    await ensure_local_currency(run.session)
    await take_legs(run)
