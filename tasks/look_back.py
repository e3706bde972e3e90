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

from tasks.job_run import Pass
from tieline.batch import cells_of
from tieline.mapping import Direction
from tieline.odata.model import Page
from tieline.positions import Ahead, is_ahead
from tieline.store import ErrorRow

READ_AT = "{way} read at"
"""The cursor that keeps when a direction was last read to its end."""


def read_at_name(one_pass: Pass) -> str:
    """Return the name of the cursor that keeps when this direction was read."""
    return READ_AT.format(way=one_pass.way)


def read_at_value(one_pass: Pass, moment: datetime) -> str:
    """Return the cursor's value: it counts until somebody lowers the watermark."""
    return f"{one_pass.revision} {moment.isoformat()}"


def load_read_at(one_pass: Pass) -> datetime | None:
    """Return when the direction was last read to its end, if that still counts."""
    text = one_pass.positions.get(read_at_name(one_pass), "")
    revision, _, moment = text.partition(" ")
    if not moment or int(revision) != one_pass.revision:
        return None
    return datetime.fromisoformat(moment)


def span_of(one_pass: Pass) -> timedelta:
    """Return how far behind its watermark a pass reads."""
    return timedelta(seconds=one_pass.run.session.choices.look_back_s)


async def changed_pages(
    one_pass: Pass, side: str, table: str, columns: tuple[str, ...]
) -> AsyncIterator[Page]:
    """Read the changed rows from where the pass begins, page by page.

    When the service's clock turns out to be behind a position, that position is
    dropped and the read begins anew.
    """
    run = one_pass.run
    where = await run.filter_of(side)
    is_believed = False
    while not is_believed:
        is_believed = True
        pages = run.session.side(side).changed(
            table,
            columns=columns,
            where=where,
            since=one_pass.begins_at,
            page_rows=run.session.settings.batch_rows,
        )
        is_first = True
        async for page in pages:
            if is_first and _drop_what_is_ahead(one_pass, page.served_at):
                is_believed = False
                break
            is_first = False
            yield page


def _drop_what_is_ahead(one_pass: Pass, clock: datetime) -> bool:
    """Drop the positions that the service's clock is behind; whether there are any."""
    span = span_of(one_pass)
    if one_pass.since is not None and is_ahead(one_pass.since, clock, span):
        run = one_pass.run
        ahead = Ahead(run.mapping.name, one_pass.way, one_pass.since, clock)
        run.warn(ahead.sentence)
        one_pass.revision = run.session.store.forget_positions(
            run.session.company_id,
            run.mapping.name,
            one_pass.way,
            cursors=[read_at_name(one_pass)],
        )
        one_pass.since = one_pass.begins_at = None
        return True
    read_at = one_pass.read_at
    if read_at is not None and is_ahead(read_at, clock, span):
        one_pass.read_at = None
        one_pass.look_back()
        return True
    return False


def without_known(one_pass: Pass, frame: pd.DataFrame) -> pd.DataFrame:
    """Drop the rows behind the watermark of which nothing is new.

    Those have the version that their coupling or their failure keeps. A row whose
    service tells no versions is known by its time.
    """
    if one_pass.since is None or frame.empty:
        return frame
    to = one_pass.direction is Direction.TO_DATAVERSE
    modified, since = frame["modified"], pd.Timestamp(one_pass.since)
    behind = (modified <= since if to else modified < since).to_numpy(dtype=bool)
    if not behind.any():
        return frame
    run = one_pass.run
    job = (run.session.company_id, run.mapping.name)
    rows = frame[behind]
    ids = rows["id"].tolist()
    coupled = run.session.store.marks(*job, side="bc" if to else "dataverse", ids=ids)
    failing = run.session.store.errors_for(*job, one_pass.way, ids)
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

    def __init__(self, one_pass: Pass) -> None:
        """Note the rows of which a read of this pass must show every one."""
        run = one_pass.run
        self._versions: dict[str, str | None] = {}
        if one_pass.direction is Direction.TO_DATAVERSE and one_pass.begins_at:
            self._versions = run.session.store.modified_after(
                run.session.company_id, run.mapping.name, one_pass.begins_at
            )

    def saw(self, frame: pd.DataFrame) -> None:
        """Take the rows of a page off the list."""
        if self._versions:
            for id_ in frame["id"]:
                self._versions.pop(id_, None)

    def missing(self) -> dict[str, str | None]:
        """Return what was not shown again, id to version, and forget it."""
        missing, self._versions = self._versions, {}
        return missing
