"""The shipped server is open to others only with a login."""

from __future__ import annotations

import pytest

from deployments.serve import LOGIN, refusal
from tests.deployments.conftest import ROOT
from tests.deployments.test_schemas import COMPOSE, PODS

WIDE = ["--host", "0.0.0.0"]


@pytest.mark.parametrize(
    ("arguments", "environment", "starts"),
    [
        ([], {}, True),
        (["--host", "127.0.0.1"], {}, True),
        (["--host=localhost"], {}, True),
        (["--host", "::1", "--port", "1"], {}, True),
        (WIDE, {}, False),
        (["--host=0.0.0.0"], {}, False),
        (["--host", "::"], {}, False),
        (["--host", "10.0.0.5"], {}, False),
        (["--host", "127.0.0.1.example.com"], {}, False),
        ([], {"PREFECT_SERVER_API_HOST": "0.0.0.0"}, False),
        (WIDE, {LOGIN: ""}, False),
        (WIDE, {LOGIN: "admin:"}, False),
        (WIDE, {LOGIN: ":word"}, False),
        (WIDE, {LOGIN: "admin:word"}, True),
    ],
)
def test_a_server_that_others_reach_needs_a_login(
    arguments: list[str], environment: dict[str, str], starts: bool
) -> None:
    """Whatever binds wider than this machine, by option or by variable."""
    assert starts is (refusal(arguments, environment) == "")


def test_both_deployments_start_it_so() -> None:
    """Compose and Kubernetes bind wider, and go through the check."""
    command = ["python", "deployments/serve.py", "--host", "0.0.0.0"]
    (container,) = PODS["server.yaml:Deployment:prefect"]["containers"]
    assert command == container["args"] == COMPOSE["services"]["prefect"]["command"]
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "!deployments/serve.py" in kept
