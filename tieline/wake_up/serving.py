"""The receiver on a socket."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound; port 0 takes any free one.

    Raises:
        OSError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def server_of(app: ASGIApp) -> uvicorn.Server:
    """Return what serves the application.

    It keeps no access log, as a key may be part of the address, and takes no
    information on the caller from headers.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)
