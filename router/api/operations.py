"""Is it alive, can it work, what is it: ``/``, ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from router.api.identify import draining, key_with_scope, local
from router.gateway import AccountState, Gateway
from router.version import NAME, VERSION

_LINKS = {
    "models": "/v1/models",
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/{model}:generateContent",
    "health": "/healthz",
    "ready": "/readyz",
    "metrics": "/metrics",
    "management": "/v0/management/status",
    "dashboard": "/dashboard/",
}


class Operations:
    """The handlers, for one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def root(self, request: Request) -> Response:
        """Name, version, state, links: enough to tell that this is the gateway one meant."""
        state = "draining" if draining(request.scope) else "ready"
        return JSONResponse({"name": NAME, "version": VERSION, "state": state, "links": _LINKS})

    async def healthz(self, request: Request) -> Response:
        """Alive: the event loop turns. Decides restarts, so it depends on nothing else."""
        return JSONResponse({"status": "ok", "name": NAME, "version": VERSION})

    async def readyz(self, request: Request) -> Response:
        """Can do its job; where not, why, and whether a restart would help."""
        causes = self.causes(names=local(request))
        if draining(request.scope):
            causes.insert(0, _cause("draining", "The router is stopping.", blocking=True))
        blocking = [cause for cause in causes if cause["blocking"]]
        body = {"ready": not blocking, "causes": causes, "version": VERSION}
        return JSONResponse(body, 503 if blocking else 200)

    def causes(self, *, names: bool) -> list[dict[str, Any]]:
        """Everything that is not as it should be. names: whether to name accounts (people's addresses)."""
        gateway = self._gateway
        causes: list[dict[str, Any]] = []
        if gateway.config_error is not None:
            causes.append(_cause("config", f"The settings file is not valid: {gateway.config_error}", blocking=False))
        if gateway.programs_problem is not None:
            why = f": {gateway.programs_problem}" if names else "."
            text = f"Programs do not run as the settings want; the log and `make status` say more{why}"
            causes.append(_cause("programs", text, blocking=False))
        if gateway.budgets.unread is not None:
            meanwhile = _UNREAD[gateway.current.settings.usage.unreadable]
            text = f"The ledger of calls cannot be read, so that {meanwhile}. The log says why; docs/usage.md."
            causes.append(_cause("ledger", text, blocking=False))
        snapshot = gateway.current
        serving = [p for p in snapshot.providers.values() if p.accounts and p.kind != "demo"]
        if not serving:
            causes.append(
                _cause("accounts", "No provider has an account yet; only the demo models answer.", blocking=False)
            )
        studio = snapshot.settings.providers.aistudio
        if studio is not None and studio.enabled and not snapshot.providers["aistudio"].accounts:
            text = "providers.aistudio is on, and no service is connected: `make status`, docs/aistudio.md."
            causes.append(_cause("no_service", text, blocking=False))
        web = snapshot.settings.providers.webai
        if web is not None and web.enabled and not snapshot.providers["webai"].accounts:
            text = "providers.webai is on, and no service is known: `make status`, docs/webai.md."
            causes.append(_cause("no_service", text, blocking=False))
        states = gateway.account_states()
        within = gateway.waiting_in_services()
        for provider in serving:
            resting = [states[account.id] for account in provider.accounts if states[account.id].state != "ready"]
            if len(resting) == len(provider.accounts):
                text = f"Every account of {provider.id} is resting: {_told(resting, names)}"
                causes.append(_cause("cooling", text, blocking=False))
            resting += [one for one in within if one.provider == provider.id]
            waiting = [one for one in resting if one.state == "needs_login"]
            if waiting:
                text = f"{provider.id} needs a person to sign in: {_told(waiting, names)}"
                causes.append(_cause("needs_login", text, blocking=False))
            refused = [one for one in resting if one.state == "refused" and one.until is None]
            if refused:
                text = f"{provider.id} lets these accounts in no more: {_told(refused, names)}"
                causes.append(_cause("refused", text, blocking=False))
        return causes

    async def metrics(self, request: Request) -> Response:
        """Prometheus text: on loopback, elsewhere with the management key."""
        gateway = self._gateway
        if not gateway.current.settings.observe.metrics:
            return PlainTextResponse("metrics are switched off (observe.metrics)\n", 404)
        if not local(request) and key_with_scope(request, gateway.keys, "management") is None:
            return PlainTextResponse("from other machines, metrics need the management key\n", 401)
        return Response(gateway.metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def hello(self, request: Request) -> Response:
        """Claude Code's probe at its start; any answer will do."""
        return JSONResponse({"name": NAME})


_UNREAD = {
    "allow": "limits of keys count only what this process has seen: a key may use its budget once more",
    "refuse": "calls of keys with limits may be refused (usage.unreadable)",
}


def _told(states: Sequence[AccountState], names: bool) -> str:
    if not names:
        return f"{len(states)} account{'s' if len(states) != 1 else ''}"
    return "; ".join(f"{one.account}: {one.cause or one.state}" for one in states)


def _cause(name: str, text: str, *, blocking: bool) -> dict[str, Any]:
    """decisions: causes that are missing settings, browsers or cooling accounts never restart anything."""
    return {"cause": name, "text": text, "blocking": blocking, "restart_helps": False}
