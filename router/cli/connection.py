"""Connections of the command line to a gateway. Standard library only: the terminal's screens need it too."""

from __future__ import annotations

import http.client
import re
import ssl
from typing import Any
from urllib.parse import SplitResult, urlsplit

HERE = ("127.0.0.1", "::1", "localhost")
_NEVER = re.compile(r"[\s\"'\\\x00-\x1f\x7f]")


class _Below(http.client.HTTPConnection):
    """Asks for paths below the one of its address, where a reverse proxy has the gateway."""

    prefix = ""

    def putrequest(self, method: str, url: str, *rest: Any, **more: Any) -> None:
        super().putrequest(method, self.prefix + url, *rest, **more)


class _BelowTls(_Below, http.client.HTTPSConnection):
    """The same over TLS."""


def checked_address(text: str) -> str:
    """A gateway's address as typed, without a slash or the `/v1` of base URLs at its end. Raises `ValueError`."""
    plain = text.strip().rstrip("/")
    for ending in ("/v1", "/v1beta"):
        plain = plain.removesuffix(ending).rstrip("/")
    try:
        parts = urlsplit(plain)
        fine = _fits(parts) and not _NEVER.search(plain)
    except ValueError:
        fine = False
    if not fine:
        shown = re.sub(r"//[^/@\s]*@", "//***@", text)
        raise ValueError(f"{shown!r} is no address of a gateway; write it like http://127.0.0.1:8317")
    return plain


def _fits(parts: SplitResult) -> bool:
    port = parts.port  # which raises where it is none
    place = parts.scheme in ("http", "https") and bool(parts.hostname) and (port is None or port > 0)
    return place and parts.path.isascii() and not (parts.query or parts.fragment or "@" in parts.netloc)


def is_here(address: str) -> bool:
    """Whether it is an address of this machine's own."""
    return urlsplit(address).hostname in HERE


def connection_to(address: str, timeout: float, *, ours: bool | None = None) -> http.client.HTTPConnection:
    """To the host, port and path of `address`, not yet open: what is asked for stands below that path. timeout: seconds
    of each step. ours: whether its certificate is taken as it is, since it is our own process; None: where the address
    is of this machine."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    connection: _Below
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host in HERE if ours is None else ours:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = _BelowTls(host, parts.port, timeout=timeout, context=context)
    else:
        connection = _Below(host, parts.port, timeout=timeout)
    connection.prefix = parts.path.rstrip("/")
    return connection
