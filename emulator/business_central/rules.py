"""Hooks that table rules consist of, and the rules of tables that need few."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.ledger import inventory, post_item_entry
from emulator.business_central.refusals import (
    Refusal,
    dialog,
    no_relation,
)
from emulator.business_central.relations import RELATIONS
from emulator.business_central.schema import COMPANION, Page
from emulator.business_central.tables import Row

Given = Mapping[str, Any]
Step = Callable[[Company, Page, Row, Given], None]
Setter = Callable[[Company, Page, Row, Any], None]


def _nothing(company: Company, page: Page, row: Row, given: Given) -> None:
    """Leave everything as it is."""


@dataclass(frozen=True)
class Rules:
    """The hooks of one table; each may raise a Refusal.

    `begin` sees a new row before the body's values, `complete` a new or changed
    one after them and before it is stored; `inserted`, `changed` and `deleting`
    act on other tables. `setters` replace the plain assignment of a property.
    """

    begin: Step = _nothing
    complete: Step = _nothing
    inserted: Callable[[Company, Row], None] = lambda company, row: None
    changed: Callable[[Company, Row, Row], None] = lambda company, old, new: None
    deleting: Callable[[Company, Row], None] = lambda company, row: None
    setters: Mapping[str, Setter] | None = None


def is_new(company: Company, page: Page, row: Row) -> bool:
    """Tell whether a row in the making is not stored yet."""
    return row["id"] not in company.tables[page.table].rows


def needs_code(company: Company, page: Page, row: Row, given: Given) -> None:
    """Refuse a blank code."""
    if not row["code"]:
        raise Refusal(
            400,
            "Application_FieldValidationException",
            f"Code must have a value in {page.table}: Code=. "
            "It cannot be zero or empty.",
        )


def number_from(series: str) -> Step:
    """Return a step that takes the next number of a series for a blank one."""

    def step(company: Company, page: Page, row: Row, given: Given) -> None:
        if not row["number"]:
            row["number"] = company.next_number(series)

    return step


def default_template(company: Company, kind: str) -> str:
    """Return the code of the template for new rows of a kind, "" without one."""
    return next(
        (
            str(one["code"])
            for one in company.tables["Template"].ordered()
            if one["kind"] == kind and not one["values"].get("currencyCode")
        ),
        "",
    )


def template_of(kind: str) -> Step:
    """Return a step that starts a new row from a template.

    It is the one that the body names, else, on the companion app's pages, the first
    one of the kind that sets no currency.
    """

    def step(company: Company, page: Page, row: Row, given: Given) -> None:
        code = str(given.get("templateCode") or "").strip().upper()
        if not code:
            code = default_template(company, kind) if page.route == COMPANION else ""
        if not code:
            return
        template = company.find("Template", kind, code)
        if template is None:
            raise no_relation("Template Code", kind, code, f"{kind} Templ.")
        row.update(template["values"])
        if series := template["series"]:
            row["number"] = company.next_number(series)

    return step


def _needs_name(company: Company, page: Page, row: Row, given: Given) -> None:
    if page.route != "standard" or row["displayName"]:
        return
    if is_new(company, page, row):
        raise dialog('A "displayName" must be provided.')
    raise dialog('The blank "displayName" is not allowed.')


def named_and_numbered(series: str) -> Step:
    """Return a step for rows that need a name (standard API) and a number."""
    number = number_from(series)

    def step(company: Company, page: Page, row: Row, given: Given) -> None:
        _needs_name(company, page, row, given)
        number(company, page, row, given)

    return step


def _set_inventory(company: Company, page: Page, row: Row, value: Any) -> None:
    if is_new(company, page, row):
        raise dialog("Inventory cannot be changed during on insert.")
    difference = value - inventory(company, row["number"])
    if difference:
        post_item_entry(company, row["number"], difference)


def _complete_price(company: Company, page: Page, row: Row, given: Given) -> None:
    related = {"Customer Price Group": "Customer Price Group", "Customer": "Customer"}
    table = related.get(row["salesType"])
    if table and company.find(table, row["salesCode"]) is None:
        raise no_relation("Sales Code", "Sales Price", row["salesCode"], table)
    if not row["itemNumber"]:
        raise no_relation("Item No.", "Sales Price", "", "Item")


def check_relation(company: Company, table: str, name: str, value: Any) -> None:
    """Refuse a code that its table does not have; blank is always good."""
    relation = RELATIONS.get((table, name))
    if relation and value and company.find(relation.related, value) is None:
        raise no_relation(relation.caption, table, value, relation.related)


ITEMS = Rules(
    begin=template_of("Item"),
    complete=number_from("Item"),
    setters={"inventory": _set_inventory},
)
RESOURCES = Rules(complete=number_from("Resource"))
PRICES = Rules(complete=_complete_price)
CODES = Rules(complete=needs_code)
