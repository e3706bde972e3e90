"""Addresses: quoting, literals of both dialects, filters, or-chains."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.business_central import values as bc
from tieline.dataverse import values as dataverse
from tieline.errors import DriftError, SettingsError
from tieline.odata.model import Column, Condition, Ref, Table
from tieline.odata.query import NothingMatches, address, filter_text, or_chains

ID = "11111111-2222-3333-4444-555555555555"
CUSTOMERS = Table(
    "customers",
    "customers",
    "id",
    {
        one.name: one
        for one in (
            Column("id", "guid"),
            Column("number", "text", 5),
            Column("blocked", "enum"),
            Column("balance", "decimal"),
            Column("dueDate", "date"),
            Column("lastModifiedDateTime", "datetime"),
            Column("pricesIncludeTax", "bool"),
        )
    },
)
ACCOUNT = Table(
    "account",
    "accounts",
    "accountid",
    {
        one.name: one
        for one in (
            Column("accountid", "guid"),
            Column("name", "text", 160),
            Column("statecode", "option"),
            Column("modifiedon", "datetime"),
            Column(
                "primarycontactid", "lookup", targets={"contact": "primarycontactid"}
            ),
            Column(
                "parentcustomerid",
                "lookup",
                targets={
                    "account": "parentcustomerid_account",
                    "contact": "parentcustomerid_contact",
                },
            ),
        )
    },
)
NOON = datetime(2024, 1, 31, 12, 0, 5, 603000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("number", "eq", "O'X"), "number eq 'O''X'"),
        (Condition("number", "eq", ""), "number eq ''"),
        (Condition("number", "blank"), "number eq ''"),
        (Condition("id", "not_blank"), f"id ne {bc.ZERO_GUID}"),
        (Condition("blocked", "eq", ""), "blocked eq '_x0020_'"),
        (Condition("blocked", "ne", "All"), "blocked ne 'All'"),
        (Condition("balance", "gt", 1.5), "balance gt 1.5"),
        (Condition("dueDate", "blank"), "dueDate eq 0001-01-01"),
        (Condition("dueDate", "le", date(2024, 1, 31)), "dueDate le 2024-01-31"),
        (
            Condition("lastModifiedDateTime", "gt", NOON),
            "lastModifiedDateTime gt 2024-01-31T12:00:05.603Z",
        ),
        (Condition("pricesIncludeTax", "eq", False), "pricesIncludeTax eq false"),
        (Condition("number", "in", ["A", "B"]), "(number eq 'A' or number eq 'B')"),
        (
            Condition("number", "eq", "A", or_blank=True),
            "(number eq 'A' or number eq '')",
        ),
        (Condition("number", "in", ["A", "TOOLONG"]), "number eq 'A'"),
        (Condition("number", "ne", "TOOLONG"), ""),
    ],
)
def test_business_central_filters(condition: Condition, expected: str) -> None:
    """Each kind has its literal and its blank; nothing too long is sent."""
    assert expected == filter_text((condition,), CUSTOMERS, bc.SYNTAX)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("name", "eq", "O'X"), "name eq 'O''X'"),
        (Condition("name", "blank"), "name eq null"),
        (Condition("statecode", "eq", 0), "statecode eq 0"),
        (Condition("primarycontactid", "eq", ID), f"_primarycontactid_value eq {ID}"),
        (
            Condition("primarycontactid", "eq", Ref("contact", ID), or_blank=True),
            f"(_primarycontactid_value eq {ID} or _primarycontactid_value eq null)",
        ),
        (Condition("modifiedon", "ge", NOON), "modifiedon ge 2024-01-31T12:00:05Z"),
    ],
)
def test_dataverse_filters(condition: Condition, expected: str) -> None:
    """Lookups have their own property, blank is null, times whole seconds."""
    assert expected == filter_text((condition,), ACCOUNT, dataverse.SYNTAX)


@pytest.mark.parametrize("value", [[], ["TOOLONG"], [None]])
def test_an_impossible_filter_needs_no_request(value: list[Any]) -> None:
    """A list without a value that the column could hold matches nothing."""
    with pytest.raises(NothingMatches):
        filter_text((Condition("number", "in", value),), CUSTOMERS, bc.SYNTAX)


def test_an_unknown_column_is_drift() -> None:
    """A filter on a column that is gone is named, not sent: it may be ignored."""
    with pytest.raises(DriftError, match="fax"):
        filter_text((Condition("fax", "eq", "1"),), CUSTOMERS, bc.SYNTAX)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_addresses_carry_any_text(text: str) -> None:
    """A space is %20, a plus stays a plus, and the text comes back as it was."""
    url = address("http://h/x", {"$filter": f"name eq '{text}' and a", "$top": ""})
    assert "+" not in url
    assert " " not in url
    assert f"name eq '{text}' and a" == unquote(urlsplit(url).query)[len("$filter=") :]
    assert list(parse_qs(urlsplit(url).query)) == ["$filter"]


@given(
    st.lists(st.text("ab '&", min_size=1, max_size=20), min_size=1, max_size=60),
    st.integers(100, 400),
    st.integers(1, 9),
)
def test_or_chains_are_short_and_complete(
    values: list[str], characters: int, most: int
) -> None:
    """Every value stands in one chain, in order, within both bounds."""
    literals = [bc.literal(CUSTOMERS.columns["number"], one) for one in values]
    chains = list(or_chains("number", literals, characters=characters, most=most))
    assert " or ".join(f"number eq {one}" for one in literals) == " or ".join(chains)
    for chain in chains:
        assert len(address("", {"f": chain})) - 3 <= characters
        assert chain.count("number eq ") <= most


@given(st.text(max_size=20))
def test_enum_members_survive_the_encoding(text: str) -> None:
    """What is encoded as a member's name reads as the same text; blanks as empty."""
    name = bc.member_name(text)
    assert (text if text.strip() else "") == bc.member_text(name)
    assert all(sign.isalnum() or sign == "_" for sign in name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "_x0020_"),
        ("Non-Inventory", "Non_x002D_Inventory"),
        ("Bank Account", "Bank_x0020_Account"),
        ("Ship", "Ship"),
    ],
)
def test_enum_members_are_named_as_the_service_does(text: str, name: str) -> None:
    """The names seen on the wire."""
    assert name == bc.member_name(text)


def test_business_central_bodies_keep_order_and_blanks() -> None:
    """None is written as the kind's blank, and the order stays."""
    values = {
        "dueDate": None,
        "id": None,
        "blocked": None,
        "number": None,
        "balance": 1,
    }
    body = bc.body_of(CUSTOMERS, values)
    assert list(values) == list(body)
    assert list(body.values()) == ["0001-01-01", bc.ZERO_GUID, "_x0020_", "", 1]


def test_lookups_are_bound_by_their_target() -> None:
    """The target chooses the bind; None unbinds; a stranger is refused."""
    sets = {"account": "accounts", "contact": "contacts"}
    values = {"parentcustomerid": Ref("contact", ID), "primarycontactid": None}
    assert {
        "parentcustomerid_contact@odata.bind": f"/contacts({ID})",
        "primarycontactid@odata.bind": None,
    } == dataverse.body_of(ACCOUNT, values, sets)
    with pytest.raises(DriftError):
        dataverse.body_of(ACCOUNT, {"parentcustomerid": Ref("team", ID)}, sets)


@pytest.mark.parametrize(
    ("table", "syntax", "column", "value"),
    [
        (CUSTOMERS, bc.SYNTAX, "balance", "0 or balance gt 1"),
        (CUSTOMERS, bc.SYNTAX, "balance", True),
        (CUSTOMERS, bc.SYNTAX, "dueDate", "today"),
        (CUSTOMERS, bc.SYNTAX, "id", "C00001"),
        (CUSTOMERS, bc.SYNTAX, "pricesIncludeTax", "false"),
        (ACCOUNT, dataverse.SYNTAX, "statecode", "Active"),
        (ACCOUNT, dataverse.SYNTAX, "primarycontactid", "Jo"),
    ],
)
def test_no_text_becomes_part_of_the_grammar(table, syntax, column, value) -> None:
    """A value that the column cannot have is refused, and named."""
    for op, given_ in (("eq", value), ("ge", value), ("in", [value])):
        with pytest.raises(SettingsError, match=f"compares {column} with"):
            filter_text((Condition(column, op, given_),), table, syntax)
