"""A process that runs one job and can be killed in the middle of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

from flows.jobs import FLOWS
from tests.world import without_prefect
from tieline.report import collecting_reports

_SERVER = "forkserver"
_HAS_SERVER = _SERVER in multiprocessing.get_all_start_methods()
_CONTEXT: Any = multiprocessing.get_context(_SERVER if _HAS_SERVER else "spawn")
if _HAS_SERVER:
    # Imports take longer than a run: the server that forks has done them.
    _CONTEXT.set_forkserver_preload([__name__])


def start(job: str, environment: Mapping[str, str], **parameters: Any) -> BaseProcess:
    """Start a job in a process of its own."""
    arguments = (job, dict(environment), parameters)
    process: BaseProcess = _CONTEXT.Process(target=_work, args=arguments, daemon=True)
    process.start()
    return process


def _work(job: str, environment: dict[str, str], parameters: dict[str, Any]) -> None:
    os.environ.update(environment)
    with pytest.MonkeyPatch.context() as patch, collecting_reports() as reports:
        without_prefect(patch)
        asyncio.run(FLOWS[job].fn(**parameters))
    assert [""] == [report.error_code for report in reports]
