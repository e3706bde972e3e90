"""The file of upkeep deploys flows that exist, as the jobs' own file does."""

from __future__ import annotations

import importlib

import yaml

from tests.deployments.conftest import ROOT


def test_each_deployment_leads_to_the_flow_of_its_name() -> None:
    """Dotted entry points, the work pool of the jobs, one run at a time."""
    text = (ROOT / "deployments" / "upkeep.yaml").read_text(encoding="utf-8")
    for item in yaml.safe_load(text)["deployments"]:
        module, _, attribute = item["entrypoint"].partition(":")
        assert item["name"] == getattr(importlib.import_module(module), attribute).name
        assert ({"name": "tieline"}, ["tieline"]) == (item["work_pool"], item["tags"])
        assert 1 == item["concurrency_limit"]["limit"]
