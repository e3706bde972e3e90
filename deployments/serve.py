"""Start the Prefect server where others reach it, but never without a login.

    python deployments/serve.py --host 0.0.0.0

Takes what `prefect server start` takes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from tieline.service_settings import is_loopback
from tieline.wake_up_settings import bracketed

LOGIN = "PREFECT_SERVER_API_AUTH_STRING"


def refusal(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return why the server must not start like this, "" if it may."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--host")
    given, _ = parser.parse_known_args(arguments)
    host = given.host or environment.get("PREFECT_SERVER_API_HOST") or "127.0.0.1"
    name, _, password = environment.get(LOGIN, "").strip().partition(":")
    if is_loopback(f"http://{bracketed(host)}") or (name and password):
        return ""
    return (
        f"The Prefect server would be open to everybody who reaches {host}. "
        f"Set {LOGIN} to name:password, or stay on 127.0.0.1."
    )


def main() -> None:
    """Become Prefect's server, or end with status 2 and a sentence."""
    arguments = sys.argv[1:]
    if reason := refusal(arguments, os.environ):
        print(reason, file=sys.stderr)
        sys.exit(2)
    command = [sys.executable, "-m", "prefect", "server", "start", *arguments]
    # In this process's place, so that a signal to the container reaches Prefect.
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
