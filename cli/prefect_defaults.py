"""Defaults for Prefect's settings, unless the user has set them."""

from __future__ import annotations

import os

_DEFAULTS = {
    # A server of our own takes longer than Prefect's 20 s on a busy machine.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "90",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
_QUIET = {
    # Only the terminal: Prefect's own log of the run stays complete.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def set_defaults(*, debug: bool) -> None:
    """Put the defaults into the environment, which Prefect reads when imported."""
    chosen = _DEFAULTS if debug else _DEFAULTS | _QUIET
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
