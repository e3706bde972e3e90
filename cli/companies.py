"""Company whose rows of the store are meant, found without asking the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline.errors import SettingsError, UnknownCompany

if TYPE_CHECKING:
    from tieline.settings import Settings
    from tieline.store import Store


def company_in(
    store: Store, settings: Settings, named: str | None = None
) -> str | None:
    """Return the id of the company meant; None before its first run.

    That is the one `named`, else the one in the settings, else the store's only one.

    Raises:
        UnknownCompany: the store holds other companies only.
        SettingsError: none is set and the store holds several.
    """
    known = store.known_companies()
    called = named or settings.bc.company
    wanted = called.strip("{} ").casefold()
    if not known:
        return None
    names = ", ".join(name or id_ for id_, name in known.items())
    if not wanted:
        if len(known) == 1:
            return next(iter(known))
        msg = f"The store holds several companies: {names}."
        raise SettingsError(msg, advice="Set TIELINE_BC__COMPANY to one of them.")
    for id_, name in known.items():
        if wanted in (id_, name.casefold()):
            return id_
    msg = f"The store knows nothing of a company {called!r} yet."
    raise UnknownCompany(msg, advice=f"It knows {names}.")
