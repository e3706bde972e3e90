"""Socket server for an emulated service: uvicorn in a thread."""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from emulator.surface import ABORT

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Certificate:
    """Files that make the server speak https."""

    chain: Path
    key: Path


class RunningServer:
    """A server in its own thread; as a context manager it stops at the end."""

    def __init__(
        self, server: uvicorn.Server, listener: socket.socket, scheme: str
    ) -> None:
        self._server = server
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        self.url = (
            f"{scheme}://{'localhost' if scheme == 'https' else HOST}:{self.port}"
        )
        self._thread = threading.Thread(
            target=server.run, args=([listener],), name=f"emulator-{self.port}"
        )
        self._thread.daemon = True
        self._thread.start()

    def stop(self) -> None:
        """End the server and wait for its thread; a second call does nothing."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(
    app: ASGIApp, port: int = 0, *, certificate: Certificate | None = None
) -> RunningServer:
    """Serve `app` on the loopback address; port 0 takes any free one.

    The socket listens when this returns, so a request may follow at once.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.create_server((HOST, port), backlog=512)
    config = uvicorn.Config(
        _with_abort(app),
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate.chain) if certificate else None,
        ssl_keyfile=str(certificate.key) if certificate else None,
    )
    scheme = "https" if certificate else "http"
    return RunningServer(uvicorn.Server(config), listener, scheme)


def _with_abort(app: ASGIApp) -> ASGIApp:
    """Hand the application a way to drop its connection.

    ASGI has none; uvicorn's `send` is bound to the object that knows the socket.
    """

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        cycle: Any = getattr(send, "__self__", None)
        if cycle is not None and scope["type"] == "http":
            scope.setdefault("extensions", {})[ABORT] = cycle.transport.abort
        await app(scope, receive, send)

    return served
