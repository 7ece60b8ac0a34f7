"""What is sent to a provider, and the time-outs that hold while it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol

from msgspec import Struct

from router.patience import Watch


class HttpRequest(Struct, frozen=True):
    """One outgoing request. url: absolute. headers: as sent, credentials included. proxy: outbound proxy URL. left: is
    called once there is a connection and the first byte is about to be written; not for a request without a body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    proxy: str | None = None
    left: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.url.partition('?')[0]})"  # headers, body, query and proxy hold secrets


class Timeouts(Struct, frozen=True):
    """Seconds. connect: TCP and TLS. head: until the response's headers, None where the caller holds a limit of its
    own. idle: between two reads of the body."""

    connect: float = 10.0
    head: float | None = 90.0
    idle: float = 120.0


class Response(Protocol):
    """An open answer, whatever brings it: `router.net.client.HttpResponse`, `router.relay.response.RelayResponse`. Its
    status and headers are known. Close it on every path; closed early, whoever answers is told to stop."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `Fault`."""
        ...

    @property
    def arrived(self) -> bool:
        """Whether the body is known to have come to its end."""
        ...

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `Fault`, also where it is larger than `limit` bytes."""
        ...

    async def read_some(self) -> bytes:
        """The beginning of the body, never a fault: for error answers."""
        ...

    def patience(self, idle: float | None) -> None:
        """Use another idle time, in seconds, from now on. None: the one it was opened with."""
        ...

    def stall(self, seconds: float) -> Watch:
        """A watch, paused, that ends the body with a `Fault` after `seconds` without progress."""
        ...

    def close(self) -> None:
        """Let go of it. Safe to call twice."""
        ...
