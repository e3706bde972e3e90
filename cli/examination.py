"""What `tieline check` asks both services, and which jobs can run against them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from cli.command import as_error
from flows.jobs import MAPPINGS
from tieline.availability import fit_mapping, require_fields, require_setting
from tieline.business_central import BusinessCentral
from tieline.dataverse import Dataverse
from tieline.errors import (
    DriftError,
    MappingOverrideError,
    NoFieldMappings,
    RecordError,
    SettingsError,
    TielineError,
)
from tieline.mapping import TableMapping
from tieline.odata.wire import Wire
from tieline.overrides import with_overrides
from tieline.positions import positions_ahead
from tieline.readiness import notes, require_local_currency
from tieline.remembered import StoreCache, names_of_companies
from tieline.session import Session
from tieline.settings import Settings
from tieline.store import Store

_Side = TypeVar("_Side", BusinessCentral, Dataverse)

NO_COMPANY_ROW = "missing: a run that creates records beside other companies makes it"
"""What is said where nothing marks this company's rows in Dataverse yet."""

BRIEF = Wire(attempts=2, patience_s=10, timeout_s=60)
"""A person waits for the answer: what does not answer soon is reported."""


async def examine(
    settings: Settings, store: Store
) -> tuple[dict[str, Any], list[TielineError]]:
    """Ask both services anew; what earlier runs remember gives way to the answers."""
    cache = StoreCache(store)
    cache.drop("")
    known = store.companies_of(settings.bc.url)
    async with AsyncExitStack() as closing:
        bc, dataverse = await asyncio.gather(
            _tried(
                BusinessCentral.connect(
                    settings.bc, cache=cache, wire=BRIEF, known_companies=known
                )
            ),
            _tried(Dataverse.connect(settings.dataverse, cache=cache, wire=BRIEF)),
        )
        problems = [one for one in (bc, dataverse) if isinstance(one, TielineError)]
        for side in (bc, dataverse):
            if not isinstance(side, TielineError):
                closing.push_async_callback(side.aclose)
        jobs = [_not_ready(name, problems) for name in MAPPINGS]
        company_row: dict[str, str] = {}
        ahead: list[str] = []
        if not isinstance(bc, TielineError):
            problems += _settings_problems(settings, bc, known)
        if not isinstance(bc, TielineError) and not isinstance(dataverse, TielineError):
            session = Session(settings, store, bc, dataverse)
            jobs = [await _job(one, session, problems) for one in MAPPINGS.values()]
            if await session.has_company_rows():
                row = await session.company_row_id()
                company_row["company_row"] = row or NO_COMPANY_ROW
            ahead = [one.sentence for one in positions_ahead(session)]
        document: dict[str, Any] = {
            "business_central": {"url": settings.bc.url, **_bc_facts(bc)},
            "dataverse": {
                "url": settings.dataverse.url,
                **await _dataverse_facts(dataverse),
                **company_row,
            },
            "jobs": jobs,
            **({"positions_ahead": ahead} if ahead else {}),
        }
    return document, problems


def _settings_problems(
    settings: Settings, bc: BusinessCentral, known: dict[str, str]
) -> list[TielineError]:
    """Return what tieline.toml says of companies that there are not."""
    try:
        settings.require_companies(names_of_companies(bc, known))
    except SettingsError as error:
        return [error]
    return []


async def _tried(work: Coroutine[Any, Any, _Side]) -> _Side | TielineError:
    try:
        return await work
    except TielineError as error:
        return error


def _bc_facts(side: BusinessCentral | TielineError) -> dict[str, Any]:
    if isinstance(side, TielineError):
        return {"error": as_error(side)}
    return {
        "company": side.company_name,
        "company_id": side.company_id,
        "companion": side.has_companion,
        **_skew(side),
    }


async def _dataverse_facts(side: Dataverse | TielineError) -> dict[str, Any]:
    if isinstance(side, TielineError):
        return {"error": as_error(side)}
    roles = await side.roles()
    return {
        **({} if roles is None else {"roles": roles}),
        "organization": side.organization_id,
        "user": side.user_id,
        "solution": await _has(side, "bcbi_company"),
        "statistics": await _has(side, "nav_accountstatistics"),
        **_skew(side),
    }


def _skew(side: BusinessCentral | Dataverse) -> dict[str, Any]:
    skew_s = side.skew_s
    return {} if skew_s is None else {"clock_ahead_s": round(skew_s)}


async def _has(side: Dataverse, table: str) -> bool:
    try:
        await side.table(table)
    except DriftError:
        return False
    return True


async def _job(
    declared: TableMapping, session: Session, problems: list[TielineError]
) -> dict[str, Any]:
    """Say whether a job can run, and which of its fields are off.

    A mistake in tieline.toml that only the services' metadata shows is a problem.
    """
    mapping = with_overrides(declared, session.settings)
    try:
        require_setting(mapping, session.choices.ownership)
        fitted = await fit_mapping(mapping, session)
        for one_way in mapping.passes(mapping.direction):
            require_fields(fitted.mapping, one_way)
        await require_local_currency(fitted.mapping, session)
        told = await notes(fitted.mapping, session)
    except MappingOverrideError as error:
        problems.append(error)
        return _not_ready(mapping.name, [error])
    except (DriftError, NoFieldMappings, RecordError, SettingsError) as error:
        return _not_ready(mapping.name, [error])
    return {
        "job": mapping.name,
        "ready": True,
        "off": list(fitted.off),
        "reason": None,
        **({"notes": told} if told else {}),
    }


def _not_ready(name: str, problems: list[TielineError]) -> dict[str, Any]:
    reason = " ".join(str(problem) for problem in problems)
    return {"job": name, "ready": False, "off": [], "reason": reason}
