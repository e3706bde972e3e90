"""Connects to both services; neither stays open where the other cannot be reached."""

from __future__ import annotations

from collections.abc import Mapping

from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.remembered import StoreCache
from tieline.settings import Settings


async def connect(
    settings: Settings, company: str, cache: StoreCache, known: Mapping[str, str]
) -> tuple[BusinessCentral, Dataverse]:
    """Return both sides, signed in, for one company.

    Raises:
        SignInRefused, UnknownCompany, Unavailable: a service says so.
    """
    bc = await BusinessCentral.connect(
        settings.bc, company=company, cache=cache, known_companies=known
    )
    try:
        dv = await Dataverse.connect(settings.dataverse, cache=cache)
    except BaseException:
        await bc.aclose()
        raise
    return bc, dv
