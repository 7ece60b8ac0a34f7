"""The routes of this service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import to_builtins
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from router.faults import Fault, bad_request
from router.secret import Secret
from router.wire.codec import dumps
from services.webai.accounts import checked_name
from services.webai.http import Calls, Endpoint, Guard, Reply
from services.webai.service import WebAI
from services.webai.settings import Cookies
from services.webai.surfaces import Surfaces

OPEN = frozenset({"/", "/healthz", "/readyz"})
_MIB = 1024 * 1024
_SMALL = 64 * 1024


class App:
    """drain: whether the service is ending; from then on nothing new is taken in."""

    def __init__(self, service: WebAI, key: Callable[[], str], wall: Callable[[], float], version: str) -> None:
        self.draining = False
        self.calls = Calls()
        self._service = service
        self._version = version
        surfaces = Surfaces(service, key, wall)
        files = service.settings.files.together
        most = int(files * _MIB * 4 / 3) + 8 * _MIB

        def posted(path: str, work: Any) -> Route:
            return Route(path, Endpoint(work, most, self._refusal, self.calls), methods=["POST"])

        routes = [
            Route("/", self._root),
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/v1/models", self._models),
            posted("/v1/chat/completions", surfaces.chat),
            posted("/gemini", surfaces.native),
            posted("/gemini-chat", surfaces.native_chat),
            posted("/translate", surfaces.translate),
            Route("/v1/accounts", self._accounts),
            Route("/v1/accounts/{name}", _Account(self._put, self._refusal, self.calls), methods=["PUT"]),
            Route("/v1/accounts/{name}", self._delete, methods=["DELETE"]),
            Route(
                "/v1/accounts/{name}/from-browser",
                _Account(self._from_browser, self._refusal, self.calls),
                methods=["POST"],
            ),
        ]
        starlette = Starlette(
            routes=routes,
            exception_handlers={404: _no_path, 405: _no_method, Fault: _told_fault},  # type: ignore[dict-item]
        )
        self.asgi: ASGIApp = Guard(starlette, key, OPEN)

    def readiness(self) -> tuple[bool, list[dict[str, Any]]]:
        """Whether it can do its job, and the causes where not or not as was meant."""
        causes = [to_builtins(each) for each in self._service.causes()]
        if self.draining:
            text = "The service is ending."
            causes.append({"cause": "draining", "text": text, "blocking": True, "restart_helps": False})
        return not any(each["blocking"] for each in causes), causes

    def _refusal(self) -> Fault | None:
        return Fault("unavailable", "WebAI is ending.", retry_after=5) if self.draining else None

    async def _root(self, _: Request) -> Response:
        paths = ["/v1/chat/completions", "/v1/models", "/gemini", "/gemini-chat", "/translate", "/v1/accounts"]
        return _json({"name": "switchyard-webai", "version": self._version, "paths": [*paths, "/healthz", "/readyz"]})

    async def _healthz(self, _: Request) -> Response:
        return _json({"status": "ok", "name": "webai", "version": self._version})

    async def _readyz(self, _: Request) -> Response:
        ready, causes = self.readiness()
        body = {
            "ready": ready,
            "causes": causes,
            "accounts": self._service.accounts.listed(),
            "fallback": self._service.fallback_state(),
            "installed": self._service.installed,
        }
        return _json(body, 200 if ready else 503)

    async def _models(self, _: Request) -> Response:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "gpt4free" if ":" in name else "webai"}
            for name in self._service.models()
        ]
        return _json({"object": "list", "data": listed, "installed": self._service.installed})

    async def _accounts(self, _: Request) -> Response:
        return _json({"accounts": self._service.accounts.listed()})

    async def _delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self._service.pages.remove(name)
        return _json({"name": name, "removed": True})

    async def _put(self, name: str, body: dict[str, Any], reply: Reply) -> None:
        wrong = [key for key in body if key not in ("secure_1psid", "secure_1psidts")]
        if wrong:
            raise bad_request(f'"{wrong[0][:80]}" is unknown: give secure_1psid and secure_1psidts.', wrong[0][:80])
        psid, psidts = _value(body, "secure_1psid"), _value(body, "secure_1psidts", needed=False)
        await self._proved(name, Cookies(secure_1psid=Secret(psid), secure_1psidts=Secret(psidts)), reply)

    async def _from_browser(self, name: str, body: dict[str, Any], reply: Reply) -> None:
        checked_name(name)
        browser = body.get("browser")
        if not isinstance(browser, str):
            raise bad_request('"browser" must be a text, such as "firefox".', "browser")
        await self._proved(name, await self._service.pages.browsers.read(browser), reply)

    async def _proved(self, name: str, cookies: Cookies, reply: Reply) -> None:
        if not self._service.settings.gemini.enabled:
            raise bad_request("Gemini's page is off: providers.webai.gemini.enabled.", status=422)
        try:
            health = await self._service.pages.put(name, cookies)
        except Fault as fault:
            if fault.kind == "refused":  # Google knows the account and does not let it in
                raise bad_request(fault.message, status=422) from None
            raise
        await reply.json({"name": name, "state": health.state})


class _Account(Endpoint):
    """An endpoint whose path has the name of an account."""

    def __init__(self, work: Any, refusal: Callable[[], Fault | None], calls: Calls) -> None:
        self._named = work
        super().__init__(work, _SMALL, refusal, calls)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        name = scope["path_params"]["name"]

        async def work(body: dict[str, Any], reply: Reply) -> None:
            await self._named(name, body, reply)

        await Endpoint(work, _SMALL, self._refusal, self._calls)(scope, receive, send)


def _value(body: dict[str, Any], name: str, *, needed: bool = True) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise bad_request(f'"{name}" must be the value of the cookie of that name.', name)
    value = value.strip()
    if not value.isascii() or not value.isprintable() or set(value) & set(' ";,\\'):
        raise bad_request(f'"{name}" has characters that no cookie has: give its value alone.', name)
    return value


async def _told_fault(request: Request, fault: Fault) -> Response:
    return await _rendered(fault)


async def _no_path(request: Request, _: Exception) -> Response:
    return await _rendered(Fault("not_found", f"There is no {request.url.path[:100]}; GET / lists what there is."))


async def _no_method(request: Request, _: Exception) -> Response:
    text = f"{request.url.path[:100]} does not take {request.method}."
    return await _rendered(Fault("bad_request", text, status=405))


async def _rendered(fault: Fault) -> Response:
    return _Rendered(fault)


class _Rendered(Response):
    """A fault as an answer of Starlette's."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self._fault = fault

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await Reply(send).fault(self._fault)


def _json(value: Any, status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json")
