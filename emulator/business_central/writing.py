"""Inserts, changes and deletions of rows through a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.customers import CONTACTS, CUSTOMERS
from emulator.business_central.drafts import DRAFT_LINES, DRAFTS, POSTED_LINE
from emulator.business_central.invoices import LINES, POSTED_LINES, retotal
from emulator.business_central.refusals import (
    Refusal,
    bad_request,
    dialog,
    no_relation,
    no_such_row,
    not_a_property,
    not_allowed,
    read_only,
)
from emulator.business_central.relations import (
    COUNTRIES,
    INVOICES,
    PAIRS,
    RELATIONS,
)
from emulator.business_central.rules import (
    CODES,
    ITEMS,
    PRICES,
    RESOURCES,
    Rules,
    check_relation,
)
from emulator.business_central.schema import ZERO_GUID, Page, schema
from emulator.business_central.tables import Row
from emulator.business_central.values import guid, stored

Body = Mapping[str, Any]

_RULES: dict[str, Rules] = {
    "Customer": CUSTOMERS,
    "Contact": CONTACTS,
    "Item": ITEMS,
    "Resource": RESOURCES,
    "Sales Price": PRICES,
    INVOICES: DRAFTS,
    LINES: DRAFT_LINES,
    POSTED_LINES: POSTED_LINE,
    **{table: CODES for table, key in schema().keys.items() if key == ("code",)},
}
_AGGREGATES = {"Sales Invoice Line Aggregate": (LINES, POSTED_LINES)}
"""Pages over a table made for the occasion, and where their rows really live."""

_REQUESTS = {
    "insert": ("POST", "Collection"),
    "modify": ("PATCH", "Entity"),
    "delete": ("DELETE", "Entity"),
}
_UNMATCHED = {
    "itemCategoryId": (
        'The "itemCategoryId" does not match to a specific Item Category group.'
    ),
    "itemId": 'The "itemId" does not match to an Item.',
    "itemNumber": 'The "itemNumber" does not match to an Item.',
    "billToCustomerId": "The bill-to customer cannot be found.",
    "billToCustomerNumber": "The bill-to customer cannot be found.",
}
"""What standard pages say of these when no row matches; the others are regular."""

_UNCHECKED = frozenset({"baseUnitOfMeasureCode", "unitOfMeasureCode"})
"""Codes that the pages leave to the table's own relation."""

_AGREEING = {
    "Currency": "The currency values do not match to a specific Currency.",
    "Unit of Measure": (
        "The unit of measure values do not match to a specific Unit of Measure."
    ),
    "Item": "The item values do not match to a specific Item.",
    "Item Category": (
        "The item categories values do not match to a specific item category."
    ),
    "Customer": "The bill-to customer values do not match to a specific Customer.",
}


def stored_in(company: Company, page: Page, id: str) -> str:
    """Return the table that holds a page's row.

    Raises:
        Refusal: none does.
    """
    for table in _AGGREGATES.get(page.table, (page.table,)):
        if id in company.tables[table].rows:
            return table
    raise no_such_row(page.table)


def require(page: Page, operation: str) -> None:
    """Refuse what the page does not allow: `operation` is insert, modify, delete."""
    if operation not in page.operations:
        method, kind = _REQUESTS[operation]
        raise not_allowed(method, page.set, kind)


def insert(company: Company, page: Page, body: Body) -> Row:
    """Create a row as the page would, with all that it brings along.

    Values are taken in the order of the body. Collections in it become rows
    too, or nothing is created at all.

    Raises:
        Refusal: the page, the body or a rule forbids it.
    """
    require(page, "insert")
    table = _AGGREGATES.get(page.table, (page.table,))[0]
    rules = _RULES.get(table, Rules())
    given = {name: value for name, value in body.items() if "@" not in name}
    nested = {name: given.pop(name) for name in list(given) if name in page.navigation}
    page = _page_on(page, table)
    with company.journal.transaction():
        row = company.blank(table)
        if given.get(page.key):
            chosen = guid(given.pop(page.key))
            row["id"] = row["id"] if chosen == ZERO_GUID else chosen
        rules.begin(company, page, row, given)
        _assign(company, page, row, given)
        rules.complete(company, page, row, given)
        row = company.tables[table].insert(row, company.surroundings.clock.now())
        rules.inserted(company, row)
        for name, children in nested.items():
            _insert_nested(company, page, row, name, children)
    company.surroundings.counters.written[page.set] += 1
    return company.tables[table].rows[row["id"]]


def modify(company: Company, page: Page, row: Row, body: Body) -> Row:
    """Change a row as the page would; a changed number or code is a rename.

    Raises:
        Refusal: the page, the body or a rule forbids it.
    """
    require(page, "modify")
    table = stored_in(company, page, row["id"])
    rules = _RULES.get(table, Rules())
    given = {name: value for name, value in body.items() if "@" not in name}
    page = _page_on(page, table)
    if page.key in given and guid(given.pop(page.key)) != row["id"]:
        name = "id" if page.set == "salesInvoices" else '"id"'
        raise dialog(f"The {name} cannot be changed.")
    with company.journal.transaction():
        new = dict(row)
        _assign(company, page, new, given)
        rules.complete(company, page, new, given)
        changed = company.alter(table, row["id"], new)
        rules.changed(company, row, changed)
    company.surroundings.counters.written[page.set] += 1
    return company.tables[table].rows[row["id"]]


def delete(company: Company, page: Page, row: Row) -> None:
    """Delete a row as the page would.

    Raises:
        Refusal: the page or a rule forbids it.
    """
    require(page, "delete")
    table = stored_in(company, page, row["id"])
    with company.journal.transaction():
        _RULES.get(table, Rules()).deleting(company, row)
        company.tables[table].remove(row)
        if table == LINES:
            retotal(company, row["documentId"])
    company.surroundings.counters.written[page.set] += 1


def _page_on(page: Page, table: str) -> Page:
    """Return the page as one of the table that its row goes to."""
    if page.table == table:
        return page
    return Page(
        page.route,
        page.set,
        page.entity,
        table,
        page.key,
        page.operations,
        page.properties,
        page.navigation,
    )


def _insert_nested(
    company: Company, page: Page, row: Row, name: str, children: Any
) -> None:
    navigation = page.navigation[name]
    target = schema().pages[page.route][navigation.set]
    if not (
        navigation.is_many
        and isinstance(children, list)
        and all(isinstance(child, dict) for child in children)
    ):
        raise bad_request(f"The value of '{name}' does not fit the property.")
    for child in children:
        insert(company, target, {**child, navigation.theirs: row[navigation.ours]})


def _assign(company: Company, page: Page, row: Row, given: Body) -> None:
    setters = _RULES.get(page.table, Rules()).setters or {}
    for name, value in given.items():
        item = page.properties.get(name)
        if item is None:
            raise not_a_property(name, page.entity)
        is_stored = row["id"] in company.tables[page.table].rows
        if item.access in ("read-only", "key") or (
            item.access == "insert-only" and is_stored
        ):
            raise read_only(name)
        if item.access == "insert-only":
            stored(item, value)
            continue
        new = stored(item, value)
        if reformat := company.surroundings.reformats.get((page.set, name)):
            new = stored(item, reformat(new))
        if name in setters:
            setters[name](company, page, row, new)
        elif (page.table, name) in PAIRS:
            _assign_id(company, page, row, name, new)
        else:
            _assign_plain(company, page, row, name, new)
        _agree(company, page, row, name, given)


def _assign_id(company: Company, page: Page, row: Row, name: str, id: str) -> None:
    pair = PAIRS[page.table, name]
    if id == ZERO_GUID:
        row[pair.code] = ""
        return
    related = company.tables[pair.related].rows.get(id)
    if related is None:
        raise _unmatched(name, pair.entity)
    row[pair.code] = related[company.tables[pair.related].key[-1]]


def _assign_plain(
    company: Company, page: Page, row: Row, name: str, value: Any
) -> None:
    if page.route == "standard":
        if name == "currencyCode" and value == company.local_currency:
            value = ""
        paired = name not in _UNCHECKED and any(
            table == page.table and pair.code == name
            for (table, _), pair in PAIRS.items()
        )
        relation = RELATIONS.get((page.table, name))
        if paired and relation and value and not company.find(relation.related, value):
            raise _unmatched(name, relation.related)
    if page.route == "standard" or company.checks_countries:
        country = COUNTRIES.get((page.table, name))
        if country and value and not company.find(country.related, value):
            raise no_relation(country.caption, page.table, value, country.related)
    check_relation(company, page.table, name, value)
    row[name] = value


def _unmatched(name: str, entity: str) -> Refusal:
    text = f'The "{name}" does not match to a {entity}.'
    return dialog(_UNMATCHED.get(name, text))


def _agree(company: Company, page: Page, row: Row, name: str, given: Body) -> None:
    """Refuse an id and a code of the same body that mean different things."""
    for (table, id_name), pair in PAIRS.items():
        if table != page.table or name not in (id_name, pair.code):
            continue
        if id_name not in given or pair.code not in given or id_name == "customerId":
            continue
        before = list(given).index
        other = pair.code if name == id_name else id_name
        if before(other) > before(name):
            continue
        related = company.tables[pair.related].rows.get(guid(given[id_name]))
        code = related[company.tables[pair.related].key[-1]] if related else ""
        told = str(given[pair.code] or "").strip().upper()
        if pair.related == "Currency" and told == company.local_currency:
            told = ""
        if code != told and pair.related in _AGREEING:
            raise dialog(_AGREEING[pair.related])
