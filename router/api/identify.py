"""Who asks, for the routes that are not generation: which key, and from this machine or another."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Scope as AsgiScope

from router.access.credentials import is_local, presented_keys
from router.access.keys import ClientKey, KeyRing, Scope


def key_with_scope(request: Request, keys: KeyRing, scope: Scope) -> ClientKey | None:
    """The presented key, if it is one of ours and has `scope`. Never from the query: addresses end up in logs."""
    for presented in presented_keys(request.headers):
        key = keys.verify_fresh(presented)
        if key is not None and scope in key.scopes:
            return key
    return None


def local(request: Request) -> bool:
    """Whether the request comes from this machine and from nobody behind it."""
    peer = request.client.host if request.client is not None else None
    return is_local(peer, request.headers, request.headers.get("host", ""))


def draining(scope: AsgiScope) -> bool:
    """Whether the server has been told to stop: it finishes what runs and takes no new connections."""
    drain = scope.get("state", {}).get("drain")
    return drain is not None and bool(drain.started)
