"""The rows behind the watermark that a pass reads once more, and what is new there.

Transactions commit later than they stamp, and Business Central shows rows before
they are committed. So the rows stamped within the look-back span are read again:
what appeared late is carried, what was shown and rolled back is found missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from tieline.engine.run import LegRun
from tieline.odata.frames import cells_of
from tieline.odata.model import Page
from tieline.positions import Ahead, is_ahead
from tieline.store import ErrorRow

READ_AT = "{way} read at"
"""The cursor that keeps when a direction was last read to its end."""


def read_at_name(leg_run: LegRun) -> str:
    """Return the name of the cursor that keeps when this direction was read."""
    return READ_AT.format(way=leg_run.direction)


def read_at_value(leg_run: LegRun, moment: datetime) -> str:
    """Return the cursor's value: it counts until somebody lowers the watermark."""
    return f"{leg_run.revision} {moment.isoformat()}"


def load_read_at(leg_run: LegRun) -> datetime | None:
    """Return when the direction was last read to its end, if that still counts."""
    text = leg_run.positions.get(read_at_name(leg_run), "")
    revision, _, moment = text.partition(" ")
    if not moment or int(revision) != leg_run.revision:
        return None
    return datetime.fromisoformat(moment)


def span_of(leg_run: LegRun) -> timedelta:
    """Return how far behind its watermark a pass reads."""
    return timedelta(seconds=leg_run.run.session.choices.look_back_s)


async def changed_pages(leg_run: LegRun) -> AsyncIterator[Page]:
    """Read the changed rows from where the pass begins, page by page.

    When the service's clock turns out to be behind a position, that position is
    dropped and the read begins anew.
    """
    run, leg = leg_run.run, leg_run.leg
    where = await run.filter_of(leg.source)
    is_believed = False
    while not is_believed:
        is_believed = True
        pages = run.session.side(leg.source).changed(
            leg.source_table,
            columns=leg.source_columns,
            where=where,
            since=leg_run.begins_at,
            page_rows=run.session.settings.batch_rows,
        )
        is_first = True
        async for page in pages:
            if is_first and _drop_what_is_ahead(leg_run, page.served_at):
                is_believed = False
                break
            is_first = False
            yield page


def _drop_what_is_ahead(leg_run: LegRun, clock: datetime) -> bool:
    """Drop the positions that the service's clock is behind; whether there are any."""
    span = span_of(leg_run)
    if leg_run.since is not None and is_ahead(leg_run.since, clock, span):
        run = leg_run.run
        ahead = Ahead(run.mapping.name, leg_run.direction, leg_run.since, clock)
        run.warn(ahead.sentence)
        leg_run.revision = run.store.forget_positions(
            leg_run.direction, cursors=[read_at_name(leg_run)]
        )
        leg_run.since = leg_run.begins_at = None
        return True
    read_at = leg_run.read_at
    if read_at is not None and is_ahead(read_at, clock, span):
        leg_run.read_at = None
        leg_run.look_back()
        return True
    return False


def without_known(leg_run: LegRun, frame: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows behind the watermark of which nothing is new.

    Those have the version that their coupling or their failure keeps. A row whose
    service tells no versions is known by its time.
    """
    if leg_run.since is None or frame.empty:
        return frame
    run, leg = leg_run.run, leg_run.leg
    modified, since = frame["modified"], pd.Timestamp(leg_run.since)
    behind = (modified <= since if leg.to_dataverse else modified < since).to_numpy(
        dtype=bool
    )
    if not behind.any():
        return frame
    rows = frame[behind]
    ids = rows["id"].tolist()
    coupled = run.store.marks(side=leg.source, ids=ids)
    failing = run.store.errors_for(leg.direction, ids)
    known = [
        _is_known(coupled.get(id_), version, time, failing.get(id_))
        for id_, version, time in zip(
            ids, rows["version"].tolist(), cells_of(rows["modified"]), strict=True
        )
    ]
    drop = np.zeros(len(frame), dtype=bool)
    drop[np.flatnonzero(behind)[np.array(known, dtype=bool)]] = True
    return frame[~drop]


def _is_known(
    mark: tuple[str | None, datetime | None, bool] | None,
    version: str,
    modified: datetime | None,
    failed: ErrorRow | None,
) -> bool:
    """Whether nothing is new of a row behind the watermark.

    A record that failed is known by the version at its failure, another one by what
    its coupling keeps. Of a failure without a version nothing is new: it has its own
    time to be tried again.

    | failed with | coupled, skipped without an error | as kept | known |
    |---|---|---|---|
    | this version, or none is known | any | any | yes |
    | another version | any | any | no  |
    | no error        | uncoupled | any | no  |
    | no error        | skipped   | any | yes |
    | no error        | coupled   | yes | yes |
    | no error        | coupled   | no  | no  |
    """
    if failed is not None:
        return not failed.source_version or failed.source_version == version
    if mark is None:
        return False
    kept, at, is_skipped = mark
    return is_skipped or (kept == version if version else at == modified)


class Shown:
    """The coupled rows of Business Central that were shown within the span.

    What is not shown again was never committed, was rolled back, or is gone. Rows of
    Dataverse are shown when they are committed, so that none is kept of them.
    """

    def __init__(self, leg_run: LegRun) -> None:
        """Note the rows of which a read of this pass must show every one."""
        run = leg_run.run
        self._versions: dict[str, str | None] = {}
        if leg_run.leg.to_dataverse and leg_run.begins_at:
            self._versions = run.store.modified_after(leg_run.begins_at)

    def saw(self, frame: pd.DataFrame) -> None:
        """Take the rows of a page off the list."""
        if self._versions:
            for id_ in frame["id"]:
                self._versions.pop(id_, None)

    def missing(self) -> dict[str, str | None]:
        """Return what was not shown again, id to version, and forget it."""
        missing, self._versions = self._versions, {}
        return missing
