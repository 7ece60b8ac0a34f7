"""``/v1/auth/{provider}/login``: sign-ins over HTTP, for programs as JSON and for browsers as pages.

A sign-in begins with the management key alone, so that no other site's link or form can begin one: programs send it as
a header, browsers by a form of our own.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from router.access.keys import ClientKey
from router.accounts.importing import Imported
from router.accounts.keeper import Keeper
from router.accounts.login.flows import LoginView
from router.accounts.login.manager import Logins
from router.accounts.login.outcome import outcome_page
from router.accounts.login.refusals import Reason, Refused
from router.api import sign_in_pages as pages
from router.api.bodies import BadBody, check_names, flag_field, is_form, read_form, read_object, text_field
from router.api.guard import ELSEWHERE, error, manager, reachable
from router.api.identify import local
from router.gateway import Gateway
from router.secret import Secret
from router.settings import sign_ins
from router.settings.provider_names import sign_in_of
from router.settings.sign_in_blocks import facts_of
from router.settings.sign_ins import SignIn

_log = logging.getLogger("switchyard.accounts")
STATUSES: Mapping[Reason, int] = {
    "unknown": 404,
    "unfit": 400,
    "misconfigured": 409,
    "consent": 409,
    "busy": 429,
    "unreadable": 400,
    "closed": 409,
    "upstream": 502,
}
_OPTIONS = ("flow", "label", "profile", "accept")
_NOT_READY = "This gateway keeps no sign-ins: it has no database yet. Run `make up`, or wait a moment after a start."
_NO_DISK = "The account files cannot be read or written"
_NO_PROVIDER = "There is no provider {} to sign in to."
_FLOWS: tuple[sign_ins.Flow, ...] = ("code", "device", "paste")


class Hall(Struct, frozen=True):
    """What the routes work with, once it is there. bring_in: takes over a file: content, name, who."""

    logins: Logins
    keeper: Keeper
    bring_in: Callable[[bytes, str, str], Awaitable[Imported]]


Desk: TypeAlias = Callable[[], Hall | None]
"""None before the database is open."""
_Work: TypeAlias = Callable[[Hall, ClientKey], Awaitable[Response]]


async def guarded(request: Request, gateway: Gateway, desk: Desk, work: _Work, *, acts: bool = False) -> Response:
    """The answer of `work`, for whoever may manage; every refusal as JSON. acts: see `router.api.guard.entered`."""
    key = manager(request, gateway, acts=acts)
    if isinstance(key, Response):
        return key
    hall = desk()
    if hall is None:
        return error(503, _NOT_READY)
    try:
        return await work(hall, key)
    except Refused as refused:
        more = {"caveat": refused.caveat} if refused.caveat else {}
        return error(STATUSES[refused.reason], refused.message, code=refused.reason, **more)
    except BadBody as bad:
        return error(bad.status, bad.message)
    except OSError as problem:  # of the folder of the accounts, or of a lock that somebody holds
        _log.error("%s %s failed: %s", request.method, request.url.path, problem.strerror or type(problem).__name__)
        return error(503, f"{_NO_DISK} ({problem.strerror or 'somebody else is writing for too long'}).")


class LoginRoutes:
    """The handlers, for one gateway."""

    def __init__(self, gateway: Gateway, desk: Desk) -> None:
        self._gateway = gateway
        self._desk = desk

    def routes(self) -> list[Route]:
        """Every path of sign-ins. ``llmux/claude`` is a provider's name too, so names may hold a slash."""
        login = "/v1/auth/{provider:path}/login"
        return [
            Route(login, self.begin, methods=["GET", "POST"]),
            Route(f"{login}/{{login_id}}", self.one, methods=["GET", "DELETE"]),
            Route(f"{login}/{{login_id}}/callback", self.callback, methods=["POST"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Begin a sign-in."""
        name = request.path_params["provider"]
        provider = provider_of(name)
        if request.method == "HEAD":
            return error(405, "This path takes GET and POST.")
        if request.method == "POST" and is_form(request):
            return await self._begin_by_form(request, name, provider)
        browser = _is_browser(request)
        if browser and provider is not None and isinstance(manager(request, self._gateway, acts=True), Response):
            return self._first_page(request, provider)

        async def work(hall: Hall, key: ClientKey) -> Response:
            sign_in = self._sign_in(name, provider)
            given = dict(request.query_params) if request.method == "GET" else await read_object(request)
            try:
                shown = await _start(hall, str(provider), given, key)
            except Refused as refused:
                if browser and refused.reason == "consent":
                    return pages.response(pages.key_page(str(provider), sign_in, _kept(given)))
                raise
            if not browser:
                return answer(shown)
            if request.method == "GET" and _leaves(request, shown):
                return RedirectResponse(str(shown.url), 303, headers={"cache-control": "no-store"})
            return pages.response(pages.begun_page(shown, sign_in, leaves=False))

        return await guarded(request, self._gateway, self._desk, work, acts=True)

    async def one(self, request: Request) -> Response:
        """How a sign-in is; DELETE ends it."""
        login_id = request.path_params["login_id"]

        async def work(hall: Hall, key: ClientKey) -> Response:
            provider = self._known(request.path_params["provider"])
            act = hall.logins.cancel if request.method == "DELETE" else hall.logins.get
            return answer(await act(provider, login_id))

        return await guarded(request, self._gateway, self._desk, work)

    async def callback(self, request: Request) -> Response:
        """The answer of a sign-in, brought by hand: ``{"url": …}`` or ``{"code": …}``."""
        if is_form(request):
            return await self._callback_by_form(request)

        async def work(hall: Hall, key: ClientKey) -> Response:
            provider = self._known(request.path_params["provider"])
            given = await read_object(request)
            check_names(given, ("url", "code"))
            pasted = text_field(given, "url") or text_field(given, "code")
            if pasted is None:
                raise BadBody(400, "Give `url`, the address that the browser shows after signing in, or `code`.")
            return answer(await hall.logins.callback(provider, request.path_params["login_id"], pasted))

        return await guarded(request, self._gateway, self._desk, work)

    def _first_page(self, request: Request, provider: str) -> Response:
        if not reachable(request, self._gateway):
            return pages.response(pages.told_page(403, ELSEWHERE))
        sign_in = self._sign_in(provider, provider)
        return pages.response(pages.key_page(provider, sign_in, _kept(request.query_params)))

    async def _begin_by_form(self, request: Request, name: str, provider: str | None) -> Response:
        try:
            form = await read_form(request)
            hall, key = self._by_form(request, form)
            sign_in = self._sign_in(name, provider)
            if key is None:
                page = pages.key_page(str(provider), sign_in, _kept(form), "That is not the management key.")
                return pages.response(page)
            shown = await _start(hall, str(provider), _kept(form) | {"accept": form.get("accept", "")}, key)
        except Refused as refused:
            return pages.response(pages.told_page(STATUSES[refused.reason], refused.message))
        except BadBody as bad:
            return pages.response(pages.told_page(bad.status, bad.message))
        return pages.response(pages.begun_page(shown, sign_in, leaves=_leaves(request, shown)))

    async def _callback_by_form(self, request: Request) -> Response:
        login_id = request.path_params["login_id"]
        try:
            form = await read_form(request)
            hall, key = self._by_form(request, form)
            if key is None:
                raise BadBody(401, "That is not the management key. Go back and try again.")
            provider = self._known(request.path_params["provider"])
            try:
                return pages.response(
                    outcome_page(await hall.logins.callback(provider, login_id, form.get("pasted", "")))
                )
            except Refused as refused:
                if refused.reason != "unreadable":
                    raise
                shown = await hall.logins.get(provider, login_id)
                return pages.response(pages.answer_page(shown, refused.message))
        except Refused as refused:
            return pages.response(pages.told_page(STATUSES[refused.reason], refused.message))
        except BadBody as bad:
            return pages.response(pages.told_page(bad.status, bad.message))

    def _by_form(self, request: Request, form: Mapping[str, str]) -> tuple[Hall, ClientKey | None]:
        """The hall, and the management key in a form. Raises `BadBody`."""
        if not reachable(request, self._gateway):
            raise BadBody(403, ELSEWHERE)
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise BadBody(403, "This form belongs to a page of another site.")
        hall = self._desk()
        if hall is None:
            raise BadBody(503, _NOT_READY)
        presented = form.get("key", "").strip()
        key = self._gateway.keys.verify_fresh(Secret(presented)) if presented else None
        return hall, key if key is not None and "management" in key.scopes else None

    def _sign_in(self, name: str, provider: str | None) -> SignIn:
        if provider is None:
            raise Refused("unknown", _NO_PROVIDER.format(name[:100]))
        return facts_of(self._gateway.current.settings.providers, provider)

    def _known(self, name: str) -> str:
        provider = provider_of(name)
        if provider is None:
            raise Refused("unknown", _NO_PROVIDER.format(name[:100]))
        return provider


def provider_of(name: str) -> str | None:
    """The sign-in that a path names: ``claude``, ``claude-oauth``, ``llmux/claude``."""
    return sign_in_of(name.strip("/").replace("/", "-"))


def answer(shown: LoginView) -> Response:
    """A sign-in as JSON; never stored."""
    return JSONResponse(msgspec.to_builtins(shown), headers={"cache-control": "no-store"})


async def _start(hall: Hall, provider: str, given: Mapping[str, Any], key: ClientKey) -> LoginView:
    check_names(given, _OPTIONS)
    asked = text_field(given, "flow")
    flow = next((one for one in _FLOWS if one == asked), None)
    if asked is not None and flow is None:
        raise BadBody(400, f"flow must be one of {', '.join(_FLOWS)}.")
    return await hall.logins.start(
        provider,
        flow=flow,
        label=text_field(given, "label") or text_field(given, "profile"),
        accepted=flag_field(given, "accept"),
        by=key.name,
    )


def _kept(given: Mapping[str, Any]) -> dict[str, str]:
    """The options that a page hands on."""
    return {name: str(given[name])[:200] for name in ("flow", "label", "profile") if given.get(name)}


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _leaves(request: Request, shown: LoginView) -> bool:
    """Whether the browser may go to the provider at once: it comes back to this machine, where somebody listens."""
    return local(request) and shown.flow == "code" and shown.url is not None and shown.listens
