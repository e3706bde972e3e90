"""Write rules of draft sales invoices and their lines."""

from __future__ import annotations

from typing import Any

from emulator.business_central.company import Company
from emulator.business_central.invoices import (
    LINES,
    defaults,
    from_customer,
    line_amounts,
    postpone,
    retotal,
    total,
)
from emulator.business_central.refusals import Refusal, dialog
from emulator.business_central.relations import INVOICES
from emulator.business_central.rules import Given, Rules, Setter, is_new
from emulator.business_central.schema import ZERO_GUID, Page
from emulator.business_central.tables import Row
from emulator.business_central.values import guid, plain_number

_POSTED = "The invoice has been posted and can no longer be modified."
_AFTER_POSTING = {"dueDate", "promisedPayDate", "disputeStatus", "disputeStatusId"}
_COPIED = {
    "currencyCode": "currencyCode",
    "paymentTermsCode": "paymentTermsCode",
    "shipmentMethodCode": "shipmentMethodCode",
    "shippingAgentCode": "shippingAgentCode",
    "salesperson": "salespersonCode",
    "phoneNumber": "phoneNumber",
    "email": "email",
}
_OBJECTS = {"Item": "Item", "Resource": "Resource"}


def _begin_draft(company: Company, page: Page, row: Row, given: Given) -> None:
    if not given.get("customerId") and not given.get("customerNumber"):
        raise dialog('A "customerNumber" or a "customerId" must be provided.')
    row["status"] = "Draft"
    row["number"] = company.next_number("draft")
    for name in ("customerId", "customerNumber"):
        if given.get(name):
            _SELL_TO[name](company, page, row, given[name])


def _take_customer(company: Company, row: Row, customer: Row) -> None:
    row["customerNumber"] = row["billToCustomerNumber"] = customer["number"]
    for role in ("sellTo", "billTo", "shipTo"):
        row.update(from_customer(customer, role))
    row.update({ours: customer[theirs] for ours, theirs in _COPIED.items()})


def _set_customer_number(company: Company, page: Page, row: Row, value: Any) -> None:
    customer = company.find("Customer", str(value).strip().upper())
    if customer is None:
        raise dialog("The sell-to customer cannot be found.")
    _change_customer(company, row, customer)


def _set_customer_id(company: Company, page: Page, row: Row, value: Any) -> None:
    customer = company.tables["Customer"].rows.get(guid(value))
    if customer is None:
        raise dialog("The sell-to customer cannot be found.")
    _change_customer(company, row, customer)


def _change_customer(company: Company, row: Row, customer: Row) -> None:
    if row["customerNumber"] == customer["number"]:
        return
    _take_customer(company, row, customer)


_SELL_TO = {"customerId": _set_customer_id, "customerNumber": _set_customer_number}


def _complete_draft(company: Company, page: Page, row: Row, given: Given) -> None:
    if row["posted"] and given.keys() - _AFTER_POSTING:
        raise dialog(_POSTED)
    if "customerId" in given and "customerNumber" in given:
        customer = company.tables["Customer"].rows.get(guid(given["customerId"]))
        if customer is None or customer["number"] != row["customerNumber"]:
            raise dialog(
                "The sell-to customer values do not match to a specific Customer."
            )
    if not row["posted"]:
        defaults(company, row, given)
        row.update(total(company, row))


def _changed(company: Company, old: Row, new: Row) -> None:
    if new["posted"] and old["dueDate"] != new["dueDate"]:
        postpone(company, new)


def _delete_draft(company: Company, row: Row) -> None:
    if row["posted"]:
        raise dialog(_POSTED)
    lines = company.tables[LINES]
    lines.remove_all(lines.where("documentId", row["id"]))


def _draft_of(company: Company, document: str) -> Row:
    invoice = company.tables[INVOICES].rows.get(document)
    if invoice is None:
        raise dialog("You must specify an Id or a Document Id to get the lines.")
    if invoice["posted"]:
        raise dialog(_POSTED)
    return invoice


def _refuse_dispute(text: str) -> Setter:
    """Return a setter that takes a blank only: no company here has disputes."""

    def setter(company: Company, page: Page, row: Row, value: Any) -> None:
        if value not in ("", ZERO_GUID):
            raise dialog(text)

    return setter


def _posted_line_changed(company: Company, page: Page, row: Row, given: Given) -> None:
    raise dialog(_POSTED)


def _posted_line_deleting(company: Company, row: Row) -> None:
    raise dialog(_POSTED)


def _begin_line(company: Company, page: Page, row: Row, given: Given) -> None:
    invoice = _draft_of(company, guid(given.get("documentId")))
    row["documentId"] = invoice["id"]
    row["customerNumber"] = invoice["customerNumber"]
    if guid(given.get("itemId")) != ZERO_GUID and (
        guid(given.get("accountId")) != ZERO_GUID
    ):
        raise dialog(
            'Both "itemId" and "accountId" are specified. Specify only one of them.'
        )
    siblings = company.tables[LINES].where("documentId", invoice["id"])
    last = max((line["sequence"] for line in siblings), default=0)
    row["sequence"] = last + 10000


def _complete_line(company: Company, page: Page, row: Row, given: Given) -> None:
    invoice = _draft_of(company, row["documentId"])
    table = _OBJECTS.get(row["lineType"])
    if table and company.find(table, row["lineObjectNumber"]) is None:
        raise dialog(f"{table} does not exist.")
    gross = row["quantity"] * row["unitPrice"]
    if "discountAmount" in given:
        share = row["discountAmount"] / gross * 100 if gross else 0
        row["discountPercent"] = plain_number(round(share, 5))
    else:
        amount = round(gross * row["discountPercent"] / 100, 2)
        row["discountAmount"] = plain_number(amount)
    row.update(line_amounts(company, row, invoice))


def _take_object(company: Company, row: Row, thing: Row) -> None:
    row["lineObjectNumber"] = thing["number"]
    row["description"] = thing["displayName"]
    row["unitPrice"] = thing["unitPrice"]
    row["unitOfMeasureCode"] = thing["baseUnitOfMeasureCode"]


def _set_item(company: Company, page: Page, row: Row, value: Any) -> None:
    item = company.tables["Item"].rows.get(value)
    if item is None:
        raise dialog("Item does not exist.")
    row["lineType"] = "Item"
    _take_object(company, row, item)


def _set_account(company: Company, page: Page, row: Row, value: Any) -> None:
    """Refuse: accounts are known by their numbers only, whatever they are."""
    raise dialog("Account does not exist.")


def _set_object(company: Company, page: Page, row: Row, value: Any) -> None:
    if not is_new(company, page, row) and value != row["lineObjectNumber"]:
        raise dialog('The value for "lineObjectNumber" cannot be modified.')
    row["lineObjectNumber"] = value
    thing = company.find(_OBJECTS.get(row["lineType"], "Item"), value)
    if thing is not None and row["lineType"] in _OBJECTS:
        _take_object(company, row, thing)


def _set_document(company: Company, page: Page, row: Row, value: Any) -> None:
    if value != row["documentId"]:
        raise dialog('The value for "documentId" cannot be modified.')


def _set_sequence(company: Company, page: Page, row: Row, value: Any) -> None:
    if not is_new(company, page, row) and value != row["sequence"]:
        raise dialog(
            'The value for "sequence" cannot be modified. Delete and insert the '
            "line again."
        )
    row["sequence"] = value


def _set_discount_percent(company: Company, page: Page, row: Row, value: Any) -> None:
    if not 0 <= value <= 100:
        raise Refusal(
            400,
            "Application_FieldValidationException",
            "The value must be between 0 and 100.",
        )
    row["discountPercent"] = value


DRAFTS = Rules(
    begin=_begin_draft,
    complete=_complete_draft,
    changed=_changed,
    deleting=_delete_draft,
    setters={
        **_SELL_TO,
        "disputeStatus": _refuse_dispute("The dispute status cannot be found."),
        "disputeStatusId": _refuse_dispute(
            'The "disputeStatusId" does not match to a Dispute Status.'
        ),
    },
)
POSTED_LINE = Rules(complete=_posted_line_changed, deleting=_posted_line_deleting)
DRAFT_LINES = Rules(
    begin=_begin_line,
    complete=_complete_line,
    inserted=lambda company, row: retotal(company, row["documentId"]),
    changed=lambda company, old, new: retotal(company, new["documentId"]),
    setters={
        "itemId": _set_item,
        "accountId": _set_account,
        "lineObjectNumber": _set_object,
        "documentId": _set_document,
        "sequence": _set_sequence,
        "discountPercent": _set_discount_percent,
    },
)
