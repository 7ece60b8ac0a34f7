"""Where a request ends, beyond doubt: what two servers could read differently is refused (request smuggling)."""

from __future__ import annotations

from typing import Any

import h11


class StrictConnection(h11.Connection):
    """h11 prefers ``Transfer-Encoding`` to ``Content-Length``; a server in front of this one may not."""

    def next_event(self) -> Any:
        """As h11's. Raises `RemoteProtocolError`, which is answered with 400 and the end of the connection, for a
        request with both (RFC 9112, 6.1), and for a transfer coding in HTTP/1.0 (the same section)."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            _check(event)
        return event


def _check(request: h11.Request) -> None:
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" not in names:
        return
    if b"content-length" in names:
        raise h11.RemoteProtocolError("a request has either Content-Length or Transfer-Encoding", 400)
    if request.http_version < b"1.1":
        raise h11.RemoteProtocolError("HTTP/1.0 knows no Transfer-Encoding", 400)
