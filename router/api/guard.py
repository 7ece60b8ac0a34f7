"""Who may manage: on this machine unless the settings say otherwise, and with a key or a session of enough rights."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.access.door import Entered
from router.access.keys import ClientKey
from router.access.roles import Role
from router.api.identify import local
from router.gateway import Gateway
from router.settings.checks import is_loopback

ELSEWHERE = "Management answers on this machine only (setting auth.management.remote)."
SAFE = frozenset({"GET", "HEAD"})


def reachable(request: Request, gateway: Gateway) -> bool:
    """Whether management answers where this request comes from."""
    return local(request) or gateway.current.settings.auth.management.remote


def entered(request: Request, gateway: Gateway, need: Role | None = None, *, acts: bool = False) -> Entered | Response:
    """Who manages, or the answer to one who may not. need: the least role; by default to look for requests that change
    nothing, and everything for others. acts: the request changes something whatever its method says."""
    if not reachable(request, gateway):
        return error(403, ELSEWHERE)
    unsafe = acts or request.method not in SAFE
    who = gateway.door.enter(
        request.headers, _address(request, gateway), need or ("admin" if unsafe else "viewer"), unsafe=unsafe
    )
    if isinstance(who, Entered):
        return who
    answer = error(who.status, who.message)
    if who.retry_after is not None:
        answer.headers["retry-after"] = str(math.ceil(who.retry_after))
    return answer


def manager(request: Request, gateway: Gateway, *, acts: bool = False) -> ClientKey | Response:
    """The key of who manages, or the answer to one who may not."""
    who = entered(request, gateway, acts=acts)
    return who.key if isinstance(who, Entered) else who


def error(status: int, message: str, **facts: str | Mapping[str, str]) -> Response:
    """An error of the management routes."""
    return JSONResponse({"error": {"message": message, **facts}}, status, headers={"cache-control": "no-store"})


def _address(request: Request, gateway: Gateway) -> str | None:
    """Where a request comes from, for counting guesses; None for this machine. Behind a proxy on this machine, or one
    that `policies.ips` trusts, it is the last hop that the proxy itself has written; from anybody else the header
    counts for nothing."""
    if local(request):
        return None
    peer = request.client.host if request.client is not None else "unknown"
    lines = request.headers.getlist("x-forwarded-for")
    if is_loopback(peer):
        return ",".join(lines).rpartition(",")[2].strip() or peer
    return gateway.current.access.address(peer, lambda: iter(lines))
