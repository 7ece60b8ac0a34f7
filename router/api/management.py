"""``/v0/management``: what routes, what is configured, how the accounts are. Read-only in this version."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.access.credentials import is_local, presented_key
from router.faults import Fault
from router.gateway import Gateway
from router.routing.explain import explain
from router.routing.plan import Needs, draft
from router.version import VERSION

_DIALECTS = ("chat", "responses", "messages", "gemini")


class Management:
    """The handlers, for one gateway. Every one of them asks `_allowed` first."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def status(self, request: Request) -> Response:
        """Version, settings in force, providers, accounts and their states."""
        if (refused := self._refused(request)) is not None:
            return refused
        gateway = self._gateway
        snapshot = gateway.current
        providers = [
            {
                "provider": provider.id,
                "kind": provider.kind,
                "dialects": list(provider.dialects),
                "reason": provider.reason,
                "accounts": [
                    {"account": account.id, "state": gateway.health.state_of(account.id)}
                    for account in provider.accounts
                ],
            }
            for provider in snapshot.providers.values()
        ]
        return JSONResponse(
            {
                "version": VERSION,
                "draining": gateway.draining,
                "config": {
                    "loaded_at": snapshot.loaded_at,
                    "error": gateway.config_error,
                    "warnings": list(snapshot.warnings),
                },
                "providers": providers,
            }
        )

    async def explain(self, request: Request) -> Response:
        """``?model=…[&dialect=…][&provider=…]``: what would serve it and why, from the engine that routes."""
        if (refused := self._refused(request)) is not None:
            return refused
        model = request.query_params.get("model", "")
        dialect = request.query_params.get("dialect", "chat")
        if not model or dialect not in _DIALECTS:
            text = f"Give `model`, and `dialect` as one of {', '.join(_DIALECTS)}."
            return JSONResponse({"error": {"message": text}}, 400)
        snapshot = self._gateway.current
        pinned = request.query_params.get("provider")
        try:
            made = draft(snapshot.table, model, needs=Needs(dialect=dialect), pinned=pinned)
        except Fault as fault:
            return JSONResponse({"error": {"message": fault.message}}, fault.http_status)
        return JSONResponse(explain(made, snapshot.providers, self._gateway.health))

    async def models(self, request: Request) -> Response:
        """Every model that lists show, with its provider."""
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse({"models": [_entry(entry) for entry in self._gateway.current.catalogue.entries]})

    def _refused(self, request: Request) -> Response | None:
        gateway = self._gateway
        local = is_local(request.client.host if request.client else "", request.headers)
        if not local and not gateway.current.settings.auth.management.remote:
            text = "Management answers on this machine only (setting auth.management.remote)."
            return JSONResponse({"error": {"message": text}}, 403)
        presented = presented_key(request.headers, {})
        key = gateway.keys.verify(presented) if presented is not None else None
        if key is None or "management" not in key.scopes:
            text = "Send the management key as `Authorization: Bearer`; `make up` printed where it is kept."
            return JSONResponse({"error": {"message": text}}, 401)
        return None


def _entry(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__struct_fields__}
