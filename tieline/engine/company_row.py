"""Gives new records the row of bcbi_company that keeps companies apart.

Business Central's own set-up creates that row. Where it was never run, nothing
would separate two companies that share an organisation: one would take the other's
new records for its own.
"""

from __future__ import annotations

from tieline.conversions import cut
from tieline.engine.run import JobRun
from tieline.errors import ApiError, SharedOrganization
from tieline.odata.model import Change

TABLE, NAME, COMPANY = "bcbi_company", "bcbi_name", "bcbi_externalid"


async def separate_companies(run: JobRun) -> None:
    """Create our company's row before a run that may create records beside others.

    A company that is alone in Business Central and in Dataverse needs none. A dry
    run only counts on the row.

    Raises:
        SharedOrganization: the row cannot be created.
    """
    session, mapping = run.session, run.mapping
    if not mapping.company_scoped or run.options.only_coupled:
        return
    if not await session.has_company_rows() or await session.company_row_id():
        return
    if not await _has_neighbours(run):
        return
    id_ = await session.new_id(TABLE, session.company_id)
    if session.is_dry_run:
        session.use_company_row(id_)
        return
    columns = (await session.dataverse.table(TABLE)).columns
    length = columns[NAME].max_length if NAME in columns else None
    values = {NAME: cut(session.company_name, length), COMPANY: session.company_id}
    try:
        (written,) = await session.dataverse.insert(TABLE, [Change(id_, values)])
        refusal = written.error
    except ApiError as error:
        refusal = error
    if refusal is None:
        session.use_company_row(id_)
        run.log.info("the company %s got its row in Dataverse", session.company_name)
    elif session.choices.multi_company:
        run.log.warning("the company has no row in Dataverse: %s", refusal)
    else:
        msg = (
            f"{mapping.name} creates no records: the company {session.company_name} "
            f"has no row of {TABLE}, another company shares the organisation, and "
            f"the row could not be created: {refusal}"
        )
        raise SharedOrganization(
            msg.rstrip(".") + ".",
            advice=f"Let the application create rows of {TABLE}, or run Business "
            "Central's connection set-up.",
        )


async def _has_neighbours(run: JobRun) -> bool:
    """Whether another company synchronizes with this organisation, or might."""
    session = run.session
    if await session.bc.other_companies():
        return True
    known = session.store.known_companies(session.dataverse.organization_id)
    if set(known) - {session.company_id}:
        return True
    async for page in session.dataverse.changed(TABLE, columns=(COMPANY,)):
        others = page.frame[COMPANY].fillna("").str.lower()
        if (others != session.company_id.lower()).any():
            return True
    return False
