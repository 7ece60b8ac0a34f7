"""The server's settings as plain values, and their translation into Hypercorn's."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from wsgiref.handlers import format_date_time

from hypercorn.config import Config

from router.server.drain import Drain
from router.server.sockets import PING


@dataclass(frozen=True)
class ServerSettings:
    """Addresses and limits of the HTTP server. Times are seconds, sizes are bytes."""

    host: str = "127.0.0.1"
    port: int = 8317
    tls_cert: Path | None = None
    tls_key: Path | None = None
    backlog: int = 2048
    header_bytes: int = 64 * 1024
    header_seconds: float = 15.0  # from the first byte of a request head to its end (slow loris)
    keep_alive_seconds: float = 75.0
    body_stall_seconds: float = 60.0  # no byte of a body that is not complete
    write_stall_seconds: float = 300.0  # a reader that takes nothing at all
    farewell_seconds: float = 10.0  # that a call has to end after its client has gone
    drain_seconds: float = 30.0
    socket_bytes: int = 64 * 1024 * 1024  # largest message on a WebSocket
    connections: int | None = None  # None: half of the file descriptors that the process may open
    send_buffer: int = 64 * 1024  # SO_SNDBUF: a slow reader must not take megabytes of the kernel's memory
    quiet_seconds: float = 1.0  # without any call, before idle connections are closed in a drain
    sweep_seconds: float = 1.0  # how often the limits in time are looked at
    run_dir: Path | None = None  # where the process file goes; None writes none

    @property
    def scheme(self) -> str:
        return "https" if self.tls_cert is not None else "http"


class HypercornConfig(Config):
    """Hypercorn's settings, with response heads that know of the drain and format the date once a second."""

    def __init__(self, settings: ServerSettings, drain: Drain) -> None:
        self._drain = drain
        self._second = 0
        self._date: tuple[bytes, bytes] = (b"date", b"")
        self.accesslog = None  # one line per request is the application's own
        self.errorlog = logging.getLogger("switchyard.server")
        self.h11_max_incomplete_size = settings.header_bytes
        self.h2_max_header_list_size = settings.header_bytes
        self.h2_max_concurrent_streams = 250
        self.keep_alive_max_requests = 1_000_000  # a busy client must not lose its connection every 1,000 calls
        self.backlog = settings.backlog
        self.websocket_max_message_size = settings.socket_bytes
        self.websocket_ping_interval = PING

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """The headers that every answer gets: the date, and the wish to close while the server drains (HTTP/1 only)."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._date = (b"date", format_date_time(now).encode("ascii"))
        if self._drain.started and protocol == "h11":
            return [self._date, (b"connection", b"close")]
        return [self._date]
