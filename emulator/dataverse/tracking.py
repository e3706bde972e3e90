"""Change tracking: the changes since a token, with delta links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.dataverse.exchange import Answer, Request, answered
from emulator.dataverse.options import Options
from emulator.dataverse.organization import Organization
from emulator.dataverse.paging import (
    read_tracking_cookie,
    tracking_cookie,
    with_option,
)
from emulator.dataverse.refusals import bad_query, expired_token, untracked
from emulator.dataverse.rendering import View, context_of, renderer
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Row

_WRITTEN = "%m/%d/%Y %H:%M:%S"
_REFUSED = {
    "$filter": "condition",
    "$orderby": "order",
    "$expand": "expand",
    "$top": "top",
}


def track(
    org: Organization, table: Table, request: Request, options: Options
) -> Answer:
    """Answer a read with change tracking: everything, or what changed since a token.

    Rows come in the order of their versions, deletions on the last page. The
    delta link stands for the moment the first page was read.

    Raises:
        Refusal: the table is not tracked, an option does not go with tracking, or
            the token has expired.
    """
    if table.name not in org.tracked:
        raise untracked(table.name)
    for name, attribute in _REFUSED.items():
        if getattr(options, attribute) not in (None, ()):
            raise bad_query(
                f'The "{name}" query parameter isn\'t supported when Change Tracking '
                "is enabled."
            )
    since = -1
    if options.delta_token is not None:
        since = _version(org, options.delta_token)
    number, after, until = 1, since, org.data.version
    if options.skip_token is not None:
        number, after, began = read_tracking_cookie(options.skip_token)
        since, until = (int(part) for part in began.split(":"))
    rows = org.data[table.name]
    found = [row for row in rows.changed_after(after) if row["versionnumber"] <= until]
    size = request.preferences.page_rows
    page, is_last = found[:size], len(found) <= size
    view = View(request.root, request.preferences.annotations)
    render = renderer(org, table, options, view)
    value: list[dict[str, Any]] = [render(row) for row in page]
    context = context_of(table, options, request.root)
    body: dict[str, Any] = {
        "@odata.context": f"{context}/$delta" if since >= 0 else context,
        "value": value,
    }
    if is_last:
        if since >= 0:
            value += _deletions(org, table, since, until, request.root)
        token = f"{until}!{org.ground.clock.now().strftime(_WRITTEN)}"
        body["@odata.deltaLink"] = with_option(request, "$deltatoken", token)
    else:
        cookie = tracking_cookie(number, page[-1], table.key, f"{since}:{until}")
        body["@odata.nextLink"] = with_option(request, "$skiptoken", cookie)
    org.ground.counters.read[table.set_name] += len(value)
    return answered(body, headers=request.applied)


def count_changes(org: Organization, table: Table, token: str) -> int:
    """Return how many rows changed or went since `token`.

    Raises:
        Refusal: the token has expired or is none.
    """
    since = _version(org, token)
    rows = org.data[table.name]
    return len(rows.changed_after(since)) + len(_deleted(org, table, since))


def _version(org: Organization, token: str) -> int:
    version, _, written = token.partition("!")
    try:
        moment = datetime.strptime(written, _WRITTEN).replace(tzinfo=UTC)
        since = int(version)
    except ValueError:
        raise bad_query(f"The delta token '{token}' is not valid.") from None
    days = timedelta(days=org.settings["expirechangetrackingindays"])
    if since < org.oldest_token or org.ground.clock.now() - moment > days:
        raise expired_token()
    return since


def _deleted(org: Organization, table: Table, since: int) -> dict[str, None]:
    rows = org.data[table.name]
    return {
        row_id: None
        for version, row_id in rows.deleted
        if version > since and row_id not in rows.by_id
    }


def _deletions(
    org: Organization, table: Table, since: int, until: int, root: str
) -> list[Row]:
    rows = org.data[table.name]
    return [
        {
            "@odata.context": f"{root}$metadata#{table.set_name}/$deletedEntity",
            "id": row_id,
            "reason": "deleted",
        }
        for version, row_id in rows.deleted
        if since < version <= until and row_id not in rows.by_id
    ]
