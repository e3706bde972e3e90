"""Rows of the sample Dataverse organization beside the company's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from emulator.business_central.tables import Row
from emulator.dataverse import DataverseState
from emulator.dataverse.writing import Writer
from emulator.sample.setup import mail_of
from emulator.sample.trader import Trader
from emulator.sample.words import PLACES, Draw

CUSTOMER, PROSPECT, SUPPLIER, RESELLER = 3, 8, 10, 9
INACTIVE = {"statecode": 1, "statuscode": 2}

_COLUMNS = {
    "displayName": "name",
    "contactName": "address1_primarycontactname",
    "addressLine1": "address1_line1",
    "addressLine2": "address1_line2",
    "postalCode": "address1_postalcode",
    "city": "address1_city",
    "country": "address1_country",
    "state": "address1_stateorprovince",
    "phoneNumber": "telephone1",
    "mobilePhoneNumber": "telephone2",
    "faxNumber": "fax",
    "email": "emailaddress1",
    "website": "websiteurl",
}
_TERMS = {"NET 30": 1, "NET 45": 3, "NET 60": 4}


@dataclass(frozen=True)
class Rows:
    """A writer and the rows that accounts refer to: currencies and company rows."""

    writer: Writer
    currencies: Mapping[str, str]
    companies: tuple[str, ...]

    def create(self, table: str, body: Mapping[str, Any]) -> str:
        """Create a row a second after the one before, and return its id."""
        self.writer.org.ground.clock.advance(1)
        return self.writer.create(table, body)


def found(state: DataverseState, draw: Draw, companies: Mapping[str, str]) -> Rows:
    """Create currencies, teams and a row for each of `companies` (name by id).

    The base currency is there already. The euro has an outdated rate; pounds are
    missing: whoever needs them has to create them. An organization without the
    integration's solutions knows neither companies nor their teams.
    """
    writer = Writer(state, state.people.integration)
    euro = writer.create(
        "transactioncurrency",
        {
            "isocurrencycode": "EUR",
            "currencyname": "Euro",
            "currencysymbol": "€",
            "currencyprecision": 2,
            "exchangerate": 0.5,
        },
    )
    rows = []
    known = companies if "bcbi_company" in state.schema.tables else {}
    for company_id, name in known.items():
        team = writer.create(
            "team",
            {
                "name": f"BCI - {name}",
                "businessunitid@odata.bind": _unit(state),
            },
        )
        rows.append(
            writer.create(
                "bcbi_company",
                {
                    "bcbi_name": name,
                    "bcbi_externalid": company_id,
                    "bcbi_DefaultOwningTeam@odata.bind": f"/teams({team})",
                },
            )
        )
    currencies = {"USD": state.people.base_currency, "EUR": euro}
    return Rows(writer, currencies, tuple(rows))


def _unit(state: DataverseState) -> str:
    return f"/businessunits({state.people.business_unit})"


def fill_users(
    state: DataverseState, rows: Rows, draw: Draw, people: list[tuple[str, str]]
) -> None:
    """Create a licensed user for each of `people`, and users who do not count.

    Those are disabled, without a licence, or applications.
    """
    extra = [draw.person() for _ in range(6)]
    for position, (first, surname) in enumerate(people + extra):
        kind = position - len(people)
        values: dict[str, Any] = {
            "firstname": first,
            "lastname": surname,
            "domainname": mail_of(first, surname),
            "internalemailaddress": mail_of(first, surname),
            "mobilephone": draw.phone(PLACES[0]),
            "islicensed": kind not in (2, 3, 4, 5),
            "businessunitid@odata.bind": _unit(state),
        }
        if kind in (4, 5):
            names = {"firstname": "#", "lastname": f"Application {kind - 3}"}
            values |= names | {"applicationid": draw.id(), "accessmode": 4}
        user = rows.create("systemuser", values)
        if kind in (0, 1):
            rows.writer.touch("systemuser", user, {"isdisabled": True})


def add_counterparts(
    rows: Rows, draw: Draw, firms: list[Trader], kept: list[bool]
) -> None:
    """Create an account for each of `firms` where `kept` says so.

    Every third one differs a little: other case, other telephone, no address.
    """
    wanted = [firm for firm, is_kept in zip(firms, kept, strict=True) if is_kept]
    for position, firm in enumerate(wanted):
        if position % 9 == 3:
            firm = replace(firm, displayName=firm.displayName.upper())
        elif position % 9 == 6:
            firm = replace(firm, phoneNumber=firm.phoneNumber.replace(" ", "-"))
        elif position % 9 == 8:
            firm = replace(firm, addressLine1="", postalCode="", website="")
        account = _add_account(rows, firm)
        if position % 3 == 0:
            _add_person(rows, draw, "account", account)


def add_strangers(
    rows: Rows, draw: Draw, customers: list[Trader], others: list[Trader]
) -> None:
    """Create accounts without counterpart: new customers, and those out of scope.

    Of `others` some are no customers, some inactive, some another company's.
    """
    for firm in customers:
        account = _add_account(rows, firm)
        if draw.happens(0.3):
            _add_person(rows, draw, "account", account)
    for position, firm in enumerate(others):
        kind = draw.one((PROSPECT, SUPPLIER, RESELLER))
        match position % 3:
            case 0:
                _add_account(rows, firm, customertypecode=kind)
            case 1:
                account = _add_account(rows, firm)
                rows.writer.update("account", account, INACTIVE)
            case _ if rows.companies:
                link = f"/bcbi_companies({rows.companies[-1]})"
                _add_account(rows, firm, **{"bcbi_CompanyId@odata.bind": link})
    loner = _add_person(rows, draw)
    _add_person(rows, draw, "contact", loner)
    rows.writer.update("contact", _add_person(rows, draw), INACTIVE)


def _add_account(rows: Rows, firm: Trader, **special: Any) -> str:
    values = asdict(firm)
    body: Row = {column: values[field] for field, column in _COLUMNS.items()}
    body["customertypecode"] = CUSTOMER
    body["paymenttermscode"] = _TERMS.get(firm.paymentTermsCode)
    currency = rows.currencies.get(firm.currencyCode, rows.currencies["USD"])
    body["transactioncurrencyid@odata.bind"] = f"/transactioncurrencies({currency})"
    return rows.create("account", body | special)


def _add_person(rows: Rows, draw: Draw, table: str = "", parent: str = "") -> str:
    first, surname = draw.person()
    body: Row = {
        "firstname": first,
        "lastname": surname,
        "telephone1": draw.phone(draw.one(PLACES)),
        "emailaddress1": f"{draw.number(1, 10**6)}@people.example",
    }
    if table:
        body[f"parentcustomerid_{table}@odata.bind"] = f"/{table}s({parent})"
    return rows.create("contact", body)
