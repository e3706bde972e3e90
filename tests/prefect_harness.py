"""One Prefect server for all tests that need its run history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_SERVER_ANALYTICS_ENABLED,
    temporary_settings,
)
from prefect.testing.utilities import prefect_test_harness

START_LIMIT_S = 120


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """Serve Prefect once per session; gives its address.

    Heartbeats are off: their thread holds every synchronous flow up for a second.
    So is telemetry, which would ask for a host outside.
    """
    quiet = temporary_settings(
        {
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_SERVER_ANALYTICS_ENABLED: False,
        }
    )
    with quiet, prefect_test_harness(server_startup_timeout=START_LIMIT_S):
        yield str(PREFECT_API_URL.value())
