"""Actions that are bound to a row or name a row in their body."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.dataverse.exchange import Answer, Request, done
from emulator.dataverse.organization import Organization
from emulator.dataverse.refusals import bad_query, wrong_method
from emulator.dataverse.storage import Row
from emulator.dataverse.values import GUID
from emulator.dataverse.writing import Writer

BOUND: Mapping[tuple[str, str], Row] = {
    ("product", "PublishProductHierarchy"): {"statecode": 0, "statuscode": 1},
    ("invoice", "LockInvoicePricing"): {"ispricelocked": True},
}
"""What each action sets, by the table whose rows it is bound to and its name."""


def send_to_row(
    org: Organization, table: str, row_id: str, name: str, request: Request
) -> Answer:
    """Answer a bound action of `BOUND`.

    Raises:
        Refusal: the wrong method, or a rule forbids what it sets.
    """
    if request.method != "POST":
        raise wrong_method(request.method)
    Writer(org, request.user).update(table, row_id, BOUND[table, name])
    return done()


def unlock_invoice_pricing(org: Organization, request: Request) -> Answer:
    """Answer the unbound action that lets an invoice be priced again.

    Raises:
        Refusal: no invoice is named, or it is closed.
    """
    row_id = request.json().get("InvoiceId")
    if not isinstance(row_id, str) or not GUID.fullmatch(row_id):
        raise bad_query("The parameter 'InvoiceId' is required.")
    values = {"ispricelocked": False}
    Writer(org, request.user).update("invoice", row_id.lower(), values)
    return done()
