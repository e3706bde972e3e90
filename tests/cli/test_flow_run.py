"""A run that the command starts can be told from other projects' runs."""

from __future__ import annotations

import asyncio
from typing import Any

from prefect import State
from prefect.context import TagsContext
from prefect.states import Completed

from cli import prefect_ready
from cli.flow_run import run_flows
from tieline.report import JobReport, publish


class Seen:
    """A flow that notes the tags it would be created with."""

    name = "CUSTOMER"
    tags: frozenset[str] = frozenset()

    async def __call__(self, **_: Any) -> State[Any]:
        self.tags = frozenset(TagsContext.get().current_tags)
        publish(JobReport(job="CUSTOMER"))
        return Completed()


def test_it_has_the_tag_that_deployments_give(monkeypatch) -> None:
    """The automations against lost runs go by it."""

    async def ready() -> None:
        """Stand in for a server that answers."""

    monkeypatch.setattr(prefect_ready, "make_ready", ready)
    flow = Seen()
    asyncio.run(run_flows(flow))
    assert {"tieline"} == flow.tags
