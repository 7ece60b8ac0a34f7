"""``/v1/auth/aistudio/login``: a person signs in to a profile of a service, in a browser that the service opens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.access.keys import ClientKey
from router.api.bodies import BadBody, check_names, flag_field, read_object, text_field
from router.api.guard import error, manager
from router.faults import Fault
from router.gateway import Gateway
from router.relay.sign_ins import SignIn
from router.vault.profiles import DEFAULT, NAME

NAMES = ("aistudio", "ai-studio")
FIRST_WORD = 20.0
"""Seconds that a service gets to open its window before the answer goes out without its words."""
_OPTIONS = ("profile", "label", "headed", "service")
_ASKED = "The service has been asked to open a browser."
_NONE = "Turn on providers.aistudio and run `make up`, or start the service that should sign in; docs/aistudio.md."


class ServiceLoginRoutes:
    """The handlers, for one gateway."""

    def __init__(self, gateway: Gateway, *, first_word: float = FIRST_WORD) -> None:
        self._gateway = gateway
        self._first_word = first_word

    def routes(self) -> list[Route]:
        """Every path; to be tried before those of `router.api.sign_in`."""
        return [
            route
            for name in NAMES
            for route in (
                Route(f"/v1/auth/{name}/login", self.begin, methods=["GET", "POST"]),
                Route(f"/v1/auth/{name}/login/{{login_id}}", self.one, methods=["GET", "DELETE"]),
            )
        ]

    async def begin(self, request: Request) -> Response:
        """Ask a service; answer with its first word, which has the link where there is one."""

        async def work(key: ClientKey) -> Response:
            if request.method != "POST":
                return error(405, 'This sign-in begins with a POST: {"profile": "default"}.')
            sign_in = self._asked(await read_object(request), key.name)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._first_word):
                    await sign_in.changed()
            return _shown(sign_in)

        return await self._guarded(request, work)

    async def one(self, request: Request) -> Response:
        """How a sign-in is; DELETE gives it up."""
        name = request.path_params["login_id"]

        async def work(key: ClientKey) -> Response:
            sign_in = self._gateway.hub.sign_ins.find(name)
            if sign_in is None:
                return error(404, f"There is no sign-in {name[:100]}, or the router was restarted since; begin anew.")
            if request.method == "DELETE":
                sign_in.give_up()
            return _shown(sign_in)

        return await self._guarded(request, work)

    def _asked(self, given: dict[str, Any], who: str) -> SignIn:
        """who: the name of the key that asks. Raises `BadBody` and `Fault`."""
        check_names(given, _OPTIONS)
        profile = text_field(given, "profile") or text_field(given, "label") or DEFAULT
        if not NAME.fullmatch(profile):
            raise BadBody(400, "A profile is named with small letters, digits, dots, dashes and underscores.")
        headed = flag_field(given, "headed") if "headed" in given else None
        return self._gateway.hub.ask_to_sign_in(profile, headed=headed, service=text_field(given, "service"), who=who)

    async def _guarded(self, request: Request, work: Callable[[ClientKey], Awaitable[Response]]) -> Response:
        key = manager(request, self._gateway)
        if isinstance(key, Response):
            return key
        try:
            return await work(key)
        except BadBody as bad:
            return error(bad.status, bad.message)
        except Fault as fault:
            return error(fault.http_status, f"{fault.message} {_NONE}", code="no_service")


def _shown(sign_in: SignIn) -> Response:
    """Never stored: a link holds the password of its window."""
    status = sign_in.status
    shown = {
        "login_id": sign_in.id,
        "profile": sign_in.profile,
        "state": status.state if status is not None else "waiting",
        "message": status.message if status is not None else _ASKED,
    }
    if status is not None and status.vnc_url is not None:
        shown["vnc_url"] = status.vnc_url
    return JSONResponse(shown, headers={"cache-control": "no-store"})
