"""``POST /v1/auth/webai``: cookies of an account of Gemini's web page, handed on to the service that proves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from router.api.bodies import BadBody, check_names, read_object, text_field
from router.api.guard import error, manager
from router.faults import Fault
from router.gateway import Gateway
from router.hidden import Hidden
from router.net.message import HttpRequest, Timeouts
from router.relay.announced import Announced, Announcement
from router.secret import Secret
from router.vault.profiles import DEFAULT, NAME
from router.version import USER_AGENT
from router.wire import codec

NAMES = ("webai", "gemini-web")
_OPTIONS = ("account", "label", "secure_1psid", "secure_1psidts", "browser", "service")
_WAITS = Timeouts(connect=5.0, head=120.0, idle=30.0)
"""The service opens the page once with the cookies before it answers."""
_NOT_OURS = {401: 422, 403: 422}
"""What it says of the cookies is no word about the key of whoever brings them: a browser would end its session."""
_NONE = "No WebAI service is known. Turn on providers.webai and start the service; docs/webai.md."


class WebCookieRoutes:
    """The handler, for one gateway. signed_in: told who brought cookies for which account."""

    def __init__(self, gateway: Gateway, announced: Announced, signed_in: Callable[[str, str], None]) -> None:
        self._gateway = gateway
        self._announced = announced
        self._signed_in = signed_in

    def routes(self) -> list[Route]:
        """To be tried before those of `router.api.sign_in`."""
        return [Route(f"/v1/auth/{name}", self.take, methods=["POST"]) for name in NAMES]

    async def take(self, request: Request) -> Response:
        """What the service says of the cookies: 200 where it has proved and kept them."""
        key = manager(request, self._gateway)
        if isinstance(key, Response):
            return key
        try:
            given = await read_object(request)
            check_names(given, _OPTIONS)
            account = text_field(given, "account") or text_field(given, "label") or DEFAULT
            if not NAME.fullmatch(account):
                raise BadBody(400, "An account is named with small letters, digits, dots, dashes and underscores.")
            service = self._service(text_field(given, "service"))
            status, said = await self._hand_on(service, account, given)
        except BadBody as bad:
            return error(bad.status, bad.message)
        except Fault as fault:
            return error(fault.http_status, fault.message)
        if status == 200:
            self._signed_in(key.name, f"webai/{service.name}:{account}")
        return JSONResponse(said, status, headers={"cache-control": "no-store"})

    def _service(self, name: str | None) -> Announcement:
        known = [each for each in self._announced.current() if each.service == "webai" and name in (None, each.name)]
        if not known:
            raise Fault("unavailable", _NONE)
        return known[0]

    async def _hand_on(self, service: Announcement, account: str, given: dict[str, Any]) -> tuple[int, Any]:
        """Raises `BadBody`, `Fault`. Nothing of the cookies is in what comes back."""
        browser = text_field(given, "browser")
        cookies = {name: text_field(given, name) or "" for name in ("secure_1psid", "secure_1psidts")}
        place = f"{service.endpoint}/v1/accounts/{quote(account, safe='')}"
        if browser is not None:
            method, url, body = "POST", f"{place}/from-browser", {"browser": browser}
        elif cookies["secure_1psid"]:
            method, url, body = "PUT", place, cookies
        else:
            raise BadBody(400, "Give secure_1psid (and secure_1psidts), or the browser to read them from.")
        secret = self._announced.key()
        headers = {
            "authorization": f"Bearer {secret.reveal()}",
            "content-type": "application/json",
            "accept": "application/json",
            "user-agent": USER_AGENT,
        }
        sent = HttpRequest(method, url, headers, codec.dumps(body))
        hidden = Hidden(secret, *(Secret(value) for value in cookies.values() if value))
        async with await self._gateway.net.send(sent, _WAITS) as response:
            status, answer = response.status, hidden.data(await response.read_some())
        try:
            return _NOT_OURS.get(status, status), codec.loads(answer)
        except codec.Malformed:
            raise Fault("upstream_broken", f"The WebAI service answered {status} with something else.") from None
