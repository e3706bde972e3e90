"""Surroundings of the demo: a folder, an environment and a Prefect of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from cli.prefect_defaults import set_defaults
from tieline.errors import RunError

HOST = "127.0.0.1"
START_LIMIT_S = 110.0
_OURS = ("TIELINE_", "PREFECT_")


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a temporary folder that is gone at the end.

    A file that something still holds open stays behind: Windows does not let it
    go, and the demo has nothing better to do about it.
    """
    with tempfile.TemporaryDirectory(
        prefix="tieline-demo-", ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


@contextmanager
def environment(values: Mapping[str, str], *, debug: bool) -> Iterator[None]:
    """Let only `values` configure Tieline and Prefect while the block runs.

    What the user has set for real systems is out of reach of the demo.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith(_OURS):
            del os.environ[name]
    os.environ.update(values)
    set_defaults(debug=debug)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def ui_settings(api: str) -> dict[str, str]:
    """Return what lets a browser find the API on a port that is not Prefect's own.

    The older pages are shown: they ask no host outside this machine for anything.
    """
    return {
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
    }


class PrefectServer:
    """A Prefect server as a process of its own; starts at once, is ready later."""

    def __init__(self, port: int, log: Path, *, keeps: bool) -> None:
        """Start it; only a server that is kept has its UI and its services."""
        self.api = f"http://{HOST}:{port}/api"
        self._log = log
        command = [sys.executable, "-m", "prefect", "server", "start"]
        command += ["--host", HOST, "--port", str(port)]
        command += [] if keeps else ["--no-services", "--no-ui"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=os.environ | ui_settings(self.api),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Return when it answers.

        Raises:
            RunError: it ended, or takes longer than `START_LIMIT_S`.
        """
        give_up = time.monotonic() + START_LIMIT_S
        with httpx.Client(timeout=5, trust_env=False) as client:
            while time.monotonic() < give_up:
                if self._process.poll() is not None:
                    lines = self._log.read_text("utf-8", "replace").split("\n")
                    reason = next(
                        (line for line in reversed(lines) if line.strip()), ""
                    )
                    msg = f"Prefect's server did not start: {reason.strip()}"
                    raise RunError(msg, advice="Run it again with `tieline --debug`.")
                with suppress(httpx.HTTPError):
                    if client.get(f"{self.api}/health").is_success:
                        return
                time.sleep(0.25)
        msg = f"Prefect's server did not answer within {START_LIMIT_S:.0f} seconds."
        raise RunError(msg, advice="Try again when the machine is less busy.")

    def stop(self) -> None:
        """End it, at last by force; a second call does nothing."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def prefect_server(port: int, log: Path, *, keeps: bool) -> Iterator[PrefectServer]:
    """Start a Prefect server and end it with the block."""
    server = PrefectServer(port, log, keeps=keeps)
    try:
        yield server
    finally:
        server.stop()
