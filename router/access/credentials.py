"""Which key a caller presents, and whether the caller is this very machine. Pure; nothing here is ever logged."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import parse_qsl

from router.secret import Secret

FORWARDING_HEADERS = frozenset(
    {
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "x-client-ip",
        "cf-connecting-ip",
        "true-client-ip",
        "via",
    }
)
"""A request that carries one of these came through somebody else, wherever its last hop is."""
QUERY_KEY = "key"
_KEY_HEADERS = ("x-api-key", "x-goog-api-key")


def presented_keys(headers: Mapping[str, str], query: str = "") -> tuple[Secret, ...]:
    """Every different key of a request, the one to be judged first: ``Authorization: Bearer``, ``x-api-key``,
    ``x-goog-api-key``, ``?key=``.

    headers: by lower-case name. query: the raw query string. SDKs send a dummy in one place and the real key in
    another (Claude Code: an API key beside an auth token), so the callers of this try them in order.
    """
    found = [_bearer(headers["authorization"])] if "authorization" in headers else []
    found += [headers[name].strip() for name in _KEY_HEADERS if name in headers]
    if QUERY_KEY in query:
        with suppress(ValueError):  # more fields than any client sends
            found += [value.strip() for name, value in parse_qsl(query, max_num_fields=100) if name == QUERY_KEY]
    return tuple([Secret(key) for key in dict.fromkeys(found) if key])


def _bearer(value: str) -> str:
    scheme, _, token = value.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_local(peer: str | None, headers: Mapping[str, str] | Iterable[str], host: str) -> bool:
    """Whether a request comes from this machine and from nobody behind it: the peer is loopback, no forwarding header
    is there, and Host names loopback (a web page that rebinds its name to 127.0.0.1 fails here).

    peer: the socket's address, None for a unix socket or where it is unknown. headers: lower-case names.
    """
    if peer is None or not _is_loopback(peer):
        return False
    return not FORWARDING_HEADERS.intersection(headers) and is_loopback_host(host)


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names loopback: ``localhost``, ``127.0.0.1:8317``, ``[::1]:8317``."""
    name = host.strip().lower()
    if name.startswith("["):
        name, bracket, port = name[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            return False
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool(parsed.is_loopback or (mapped is not None and mapped.is_loopback))
