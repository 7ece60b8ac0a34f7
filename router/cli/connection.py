"""Connections of the command line to a gateway. Standard library only: the terminal's screens need it too."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

HERE = ("127.0.0.1", "::1", "localhost")


def connection_to(address: str, timeout: float, *, ours: bool | None = None) -> http.client.HTTPConnection:
    """To the host and port of `address`, not yet open. timeout: seconds of each step. ours: whether its certificate is
    taken as it is, since it is our own process; None: where the address is of this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)
    context = ssl.create_default_context()
    if host in HERE if ours is None else ours:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
