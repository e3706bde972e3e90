"""The run of a header's lines: it is shown and followed as that of the headers."""

from __future__ import annotations

import logging

from flows.price_group import PRICE_GROUP
from tasks.stages import PrefectStages
from tieline.engine.drive import stages_of
from tieline.engine.lines import lines_run
from tieline.engine.options import RunOptions
from tieline.engine.run import JobRun, LegRun
from tieline.report import JobReport


class _Watcher:
    async def tell(self, direction):
        """Hear nothing."""

    def add(self, direction, rows):
        """Hear nothing."""

    async def end(self):
        """Hear nothing."""


def test_lines_take_the_stages_of_their_headers_and_are_watched_with_them():
    """Where each stage of the headers is a task run, each stage of the lines is one."""
    stages, watcher = PrefectStages(), _Watcher()
    run = JobRun(
        PRICE_GROUP,
        RunOptions.of(PRICE_GROUP),
        None,
        JobReport(PRICE_GROUP.name),
        logging.getLogger(),
        stages=stages,
        watcher=watcher,
    )
    lines = lines_run(LegRun(run, run.legs[0]))
    assert lines is not None
    assert (stages, watcher) == (stages_of(lines.run), lines.run.watcher)
