"""``/v0/management``: what routes, what is configured, how the accounts are. Read-only in this version."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from router.api.accounts import AccountViews
from router.api.guard import manager
from router.api.identify import draining
from router.faults import Fault
from router.gateway import AccountState, Gateway
from router.models.catalogue import Model
from router.relay.announced import Announced
from router.relay.report import relay_report
from router.routing.explain import explain
from router.routing.plan import Needs, draft
from router.version import VERSION
from router.wire.dialects import DIALECTS


class Management:
    """The handlers, for one gateway. Every one of them asks `_allowed` first."""

    def __init__(self, gateway: Gateway, accounts: AccountViews, announced: Announced) -> None:
        self._gateway = gateway
        self._announced = announced
        self._accounts = accounts

    async def accounts(self, request: Request) -> Response:
        """Every account with its state and why, quotas and what it has done."""
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse(self._accounts.all())

    async def relay(self, request: Request) -> Response:
        """Every session of the relay: who it is, what it offers, how busy and how quick it is, what went wrong. And the
        services that are reached over HTTP."""
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse(relay_report(self._gateway.hub, self._announced.current()))

    async def status(self, request: Request) -> Response:
        """Version, settings in force, providers, accounts and their states."""
        if (refused := self._refused(request)) is not None:
            return refused
        gateway = self._gateway
        snapshot = gateway.current
        states = gateway.account_states()
        providers = [
            {
                "provider": provider.id,
                "kind": provider.kind,
                "dialects": list(provider.dialects),
                "reason": provider.reason,
                "accounts": [_account(states[account.id]) for account in provider.accounts],
            }
            for provider in snapshot.providers.values()
        ]
        return JSONResponse(
            {
                "version": VERSION,
                "draining": draining(request.scope),
                "config": {
                    "loaded_at": snapshot.loaded_at,
                    "error": gateway.config_error,
                    "warnings": list(snapshot.warnings),
                    "restart_needed": list(gateway.restart_needed),
                },
                "open_calls": gateway.open_calls,
                "waiting": dict(gateway.admission.crowd.waiting),
                "providers": providers,
            }
        )

    async def explain(self, request: Request) -> Response:
        """``?model=…[&dialect=…][&provider=…]``: what would serve it and why, from the engine that routes."""
        if (refused := self._refused(request)) is not None:
            return refused
        model = request.query_params.get("model", "")
        asked = request.query_params.get("dialect", "chat")
        dialect = next((dialect for dialect in DIALECTS if dialect == asked), None)
        if not model or dialect is None:
            text = f"Give `model`, and `dialect` as one of {', '.join(DIALECTS)}."
            return JSONResponse({"error": {"message": text}}, 400)
        snapshot = self._gateway.current
        pinned = request.query_params.get("provider")
        try:
            made = draft(snapshot.table, model, needs=Needs(dialect=dialect), pinned=pinned)
        except Fault as fault:
            return JSONResponse({"error": {"message": fault.message}}, fault.http_status)
        return JSONResponse(explain(made, snapshot.providers, self._gateway.health.snapshot()))

    async def models(self, request: Request) -> Response:
        """Every model that lists show, with its provider."""
        if (refused := self._refused(request)) is not None:
            return refused
        return JSONResponse({"models": [_entry(entry) for entry in self._gateway.current.catalogue.models]})

    def _refused(self, request: Request) -> Response | None:
        allowed = manager(request, self._gateway)
        return allowed if isinstance(allowed, Response) else None


def _account(state: AccountState) -> dict[str, Any]:
    return {"account": state.account, "state": state.state, "cause": state.cause, "until": state.until}


def _entry(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "provider": model.provider,
        "model": model.model,
        "display_name": model.display_name,
        "context_window": model.context_window,
        "max_output": model.max_output,
        "label": model.label,
    }
