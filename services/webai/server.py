"""The socket and the HTTP server; the only file that knows which one it is."""

from __future__ import annotations

import asyncio
import socket

from hypercorn.asyncio import serve
from hypercorn.config import Config, Sockets

from services.webai.app import App


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
    except OSError:
        listening.close()
        raise
    return listening


async def serve_app(app: App, listening: socket.socket, ended: asyncio.Event) -> None:
    """Serve until `ended` is set."""
    config = Config()
    config.accesslog = config.errorlog = None
    config.h11_max_incomplete_size = 32 * 1024
    config.backlog = 256
    config.include_server_header = False
    config.graceful_timeout = 1.0
    config.create_sockets = lambda: Sockets([], [listening], [])  # type: ignore[method-assign]
    await serve(app.asgi, config, shutdown_trigger=ended.wait)  # type: ignore[arg-type]
