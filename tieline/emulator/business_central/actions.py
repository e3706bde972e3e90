"""Which bound actions do sales invoices have?"""

from __future__ import annotations

from collections.abc import Callable

from tieline.emulator.business_central.company import Company
from tieline.emulator.business_central.invoices import cancel, header_of, post
from tieline.emulator.business_central.refusals import dialog, no_segment
from tieline.emulator.business_central.schema import Page
from tieline.emulator.business_central.tables import Row

_PREFIX = "microsoft.nav."


def is_action(page: Page, name: str) -> bool:
    """Tell whether a path segment calls an action of the page's rows."""
    return page.set == "salesInvoices" and name.lower().startswith(_PREFIX)


def run(company: Company, invoice: Row, name: str) -> None:
    """Carry out an action; its name is not case-sensitive.

    Raises:
        Refusal: there is no such action, or it does not fit the invoice.
    """
    action = _ACTIONS.get(name.lower().removeprefix(_PREFIX))
    if action is None:
        raise no_segment(name)
    action(company, invoice)


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


def _cancel_and_send(company: Company, invoice: Row) -> None:
    _send(company, invoice)
    _cancel(company, invoice)


_ACTIONS: dict[str, Callable[[Company, Row], None]] = {
    "post": _post,
    "postandsend": _post_and_send,
    "send": _send,
    "cancel": _cancel,
    "cancelandsend": _cancel_and_send,
}
