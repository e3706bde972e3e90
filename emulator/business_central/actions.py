"""Bound actions of sales invoices: post, send, cancel and their combinations."""

from __future__ import annotations

from collections.abc import Callable

from emulator.business_central.company import Company
from emulator.business_central.invoices import (
    CANCELED,
    cancel,
    header_of,
    post,
)
from emulator.business_central.refusals import (
    Refusal,
    dialog,
    no_segment,
)
from emulator.business_central.schema import Page
from emulator.business_central.tables import Row

_PREFIX = "microsoft.nav."


def is_action(name: str) -> bool:
    """Tell whether a path segment calls an action."""
    return name.lower().startswith(_PREFIX)


def run(company: Company, page: Page, invoice: Row, name: str) -> None:
    """Carry out an action; its name is not case-sensitive.

    An action commits: a transaction around it starts anew behind it.

    Raises:
        Refusal: the page has no actions, or not this one, or it does not fit the
            invoice.
    """
    if page.set != "salesInvoices":
        raise Refusal(
            501,
            "BadRequest_MethodNotImplemented",
            f"The page of '{page.set}' has no bound actions.",
        )
    action = _ACTIONS.get(name.lower().removeprefix(_PREFIX))
    if action is None:
        raise no_segment(name)
    action(company, invoice)
    company.journal.commit()


def _send(company: Company, invoice: Row) -> None:
    if not invoice["email"]:
        raise dialog(
            "The send-to email is empty. Specify email either for the customer or "
            "for the invoice in email preview."
        )


def _post(company: Company, invoice: Row) -> None:
    post(company, invoice)


def _post_and_send(company: Company, invoice: Row) -> None:
    _send(company, invoice)
    post(company, invoice)


def _cancel(company: Company, invoice: Row) -> None:
    cancel(company, header_of(company, invoice))


def _make_corrective_credit_memo(company: Company, invoice: Row) -> None:
    """Only check: the memo is a draft, and no page that is published shows it."""
    if header_of(company, invoice)["canceled"]:
        raise dialog(CANCELED)


def _cancel_and_send(company: Company, invoice: Row) -> None:
    _send(company, invoice)
    _cancel(company, invoice)


_ACTIONS: dict[str, Callable[[Company, Row], None]] = {
    "post": _post,
    "postandsend": _post_and_send,
    "send": _send,
    "cancel": _cancel,
    "cancelandsend": _cancel_and_send,
    "makecorrectivecreditmemo": _make_corrective_credit_memo,
}
