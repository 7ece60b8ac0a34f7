"""Who may manage: on this machine unless the settings say otherwise, and with a key or a session of enough rights."""

from __future__ import annotations

import math

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.access.door import Entered
from router.access.keys import ClientKey
from router.access.roles import Role
from router.api.identify import local
from router.gateway import Gateway

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
        request.headers, _address(request), need or ("admin" if unsafe else "viewer"), unsafe=unsafe
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


def error(status: int, message: str, **facts: str) -> Response:
    """An error of the management routes."""
    return JSONResponse({"error": {"message": message, **facts}}, status, headers={"cache-control": "no-store"})


def _address(request: Request) -> str | None:
    """Where a request comes from, for counting guesses; None for this machine. Behind a proxy the last hop counts,
    which nobody else can write."""
    if local(request):
        return None
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded or (request.client.host if request.client is not None else "unknown")
