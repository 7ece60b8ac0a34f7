"""Who may manage: on this machine unless the settings say otherwise, and always with the management key."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.access.keys import ClientKey
from router.api.identify import key_with_scope, local
from router.gateway import Gateway

ELSEWHERE = "Management answers on this machine only (setting auth.management.remote)."
NO_KEY = "Send the management key as `Authorization: Bearer`; `make up` printed where it is kept."


def reachable(request: Request, gateway: Gateway) -> bool:
    """Whether management answers where this request comes from."""
    return local(request) or gateway.current.settings.auth.management.remote


def manager(request: Request, gateway: Gateway) -> ClientKey | Response:
    """The management key of a request, or the answer to one that may not manage."""
    if not reachable(request, gateway):
        return error(403, ELSEWHERE)
    return key_with_scope(request, gateway.keys, "management") or error(401, NO_KEY)


def error(status: int, message: str, **facts: str) -> Response:
    """An error of the management routes."""
    return JSONResponse({"error": {"message": message, **facts}}, status, headers={"cache-control": "no-store"})
