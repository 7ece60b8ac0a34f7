"""What is sent to a provider, and the time-outs that hold while it is."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class HttpRequest(Struct, frozen=True):
    """One outgoing request. url: absolute. headers: as sent, credentials included. proxy: outbound proxy URL."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    proxy: str | None = None


class Timeouts(Struct, frozen=True):
    """Seconds. connect: TCP and TLS. head: until the response's headers, None where the caller holds a limit of its
    own. idle: between two reads of the body."""

    connect: float = 10.0
    head: float | None = 90.0
    idle: float = 120.0
