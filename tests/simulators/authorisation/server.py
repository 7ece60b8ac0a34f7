"""The authorisation server on a loopback port: records what comes, answers by the vendors, misbehaves by script."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from router.settings.sign_ins import SignIn, overridden, shipped_sign_ins
from tests.simulators.authorisation import addresses, authorize
from tests.simulators.authorisation.answer import Answer, deliver
from tests.simulators.authorisation.calls import Call, Rule
from tests.simulators.authorisation.devices import DeviceEndpoint
from tests.simulators.authorisation.faulty import GOOD, Misbehaviour
from tests.simulators.authorisation.grants import Family, Granted, Grants
from tests.simulators.authorisation.people import Person
from tests.simulators.authorisation.sides import SIDES, Sides
from tests.simulators.authorisation.tokens import TokenEndpoint, fields_of, form_encoded
from tests.simulators.authorisation.vendors import VENDORS, Vendor
from tests.simulators.connection import Request, read_request
from tests.simulators.refusal import Refusal

METHODS = {"token": "POST", "device": "POST", "poll": "POST", "load_code_assist": "POST", "onboard_user": "POST"}
PAGES = ("authorize", "verify")


class AuthorisationServer:
    """Every vendor's server on one port of 127.0.0.1, each below ``/<sign-in>``. An async context manager.

    wall: its clock. grace: see `Grants`. person: who consents and approves. consents: what the person does when a
    browser comes to the authorize endpoint: True, False, or None for a page that waits (`visit` then goes on).
    `script` lists the misbehaviours of the next fitting requests in order (None: behave); `always` stays.
    """

    def __init__(self, *, wall: Callable[[], float] = time.time, grace: float = 0.0, port: int = 0) -> None:
        self._wall = wall
        self._drift = 0.0
        self._port = port
        self._server: asyncio.Server | None = None
        self._rules: list[Rule] = []
        self._changed = asyncio.Condition()
        self._running: set[asyncio.Task[Any]] = set()
        self.calls: list[Call] = []
        self.person = Person()
        self.consents: bool | None = True
        self.redirects = {name: set(vendor.redirects) for name, vendor in VENDORS.items()}
        self.grants = Grants(self.now, grace)
        self.tokens = TokenEndpoint(self.grants, self.now)
        self.devices = DeviceEndpoint(self.grants, self.now)
        self.sides = Sides(self.grants, self.now)

    async def __aenter__(self) -> AuthorisationServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    @property
    def address(self) -> str:
        """Scheme, address and port."""
        return f"http://127.0.0.1:{self._port}"

    def now(self) -> float:
        """Unix time by the server's clock."""
        return self._wall() + self._drift

    def overrides(self, sign_in: str, redirect_uri: str | None = None) -> dict[str, Any]:
        """For ``providers.<block>.sign_in``: every address is this server's. redirect_uri: registered here too."""
        if redirect_uri is not None:
            self.redirects[sign_in].add(redirect_uri)
        return addresses.overrides(self.address, sign_in, redirect_uri)

    def facts(self, sign_in: str, redirect_uri: str | None = None) -> SignIn:
        """The shipped facts with `overrides`."""
        return overridden(shipped_sign_ins()[sign_in], self.overrides(sign_in, redirect_uri))

    def visit(self, url: str) -> str:
        """The person opens an authorize address and says yes: the address that the browser is sent to, which may be
        pasted. Raises `Refusal` where the request is wrong."""
        sign_in, vendor, endpoint, _ = self._locate(urlsplit(url).path)
        assert endpoint == "authorize"
        query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))
        authorize.check(vendor, query, self.redirects[sign_in])
        return authorize.consent(self.grants, sign_in, vendor, query, self.person, self.now())

    def approve(self, user_code: str) -> None:
        """The person types the code of a device and says yes."""
        device = self.grants.device(user_code)
        device.state, device.person = "approved", self.person

    def deny(self, user_code: str) -> None:
        """The person says no to a device."""
        self.grants.device(user_code).state = "denied"

    def expire(self, user_code: str) -> None:
        """Nobody came: the code of a device ends."""
        self.grants.device(user_code).state = "expired"

    def polls(self, user_code: str, *problems: str) -> None:
        """What the next polls of a device are told, such as ``slow_down``."""
        self.grants.device(user_code).scripted.extend(problems)

    def seed(self, sign_in: str, person: Person | None = None, *, life: float | None = None) -> Granted:
        """A sign-in that has happened already. life: seconds of the access token, the vendor's own if not given."""
        vendor = VENDORS[sign_in]
        scope = " ".join(vendor.scopes)
        family = self.tokens.begin(sign_in, vendor, person or self.person, scope, refresh=True)
        return self.tokens.issue(vendor, family, vendor.life if life is None else life)

    def script(
        self,
        *misbehaviours: Misbehaviour | None,
        sign_in: str | None = None,
        endpoint: str | None = None,
        grant: str | None = None,
    ) -> None:
        """What the next requests meet, in order."""
        self._rules.append(Rule(deque(misbehaviours), False, sign_in, endpoint, grant))

    def always(
        self,
        misbehaviour: Misbehaviour,
        *,
        sign_in: str | None = None,
        endpoint: str | None = None,
        grant: str | None = None,
    ) -> None:
        """What every fitting request meets until `behave`."""
        self._rules.append(Rule(deque([misbehaviour]), True, sign_in, endpoint, grant))

    def behave(self) -> None:
        """Forget all scripts."""
        self._rules.clear()

    def asked(self, endpoint: str, grant: str | None = None) -> list[Call]:
        """The requests that an endpoint has had."""
        return [call for call in self.calls if call.endpoint == endpoint and grant in (None, call.grant)]

    async def until(self, holds: Callable[[AuthorisationServer], bool], within: float = 40.0) -> None:
        """Wait until something holds; looked at whenever a request comes or ends. Raises `TimeoutError`."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    async def arrived(self, count: int, endpoint: str = "token", within: float = 40.0) -> list[Call]:
        """Wait until an endpoint has had `count` requests. Raises `TimeoutError`."""
        await self.until(lambda server: len(server.asked(endpoint)) >= count, within)
        return self.asked(endpoint)

    def _locate(self, path: str) -> tuple[str, Vendor, str, str]:
        """Sign-in, its vendor, the endpoint's name ("" where there is none), and the vendor's base address."""
        sign_in, _, rest = path.lstrip("/").partition("/")
        vendor = VENDORS[sign_in]
        endpoint = next((name for name, known in vendor.paths.items() if known == f"/{rest}"), "")
        return sign_in, vendor, endpoint, f"{self.address}/{sign_in}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        ahead: bytes | None = b""
        try:
            while ahead is not None and (request := await read_request(reader, ahead)) is not None:
                ahead = await self._attempt(request, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._running.discard(task)
            writer.close()

    async def _attempt(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        sign_in, vendor, endpoint, base = self._locate(request.path)
        call = Call(sign_in, endpoint, request)
        if endpoint == "token":
            call.grant = call.text("grant_type")
        family = self.grants.find(call.text("refresh_token")) if call.grant == "refresh_token" else None
        await self._begin(call, family)
        try:
            bad = self._choose(call)
            answer = self._answer(call, vendor, base, bad)
            call.status = None if bad.hangs or bad.drops else answer.status
            ahead = await deliver(reader, writer, answer, bad)
            call.gone = ahead is None and not (bad.drops or bad.cut)
            return ahead
        except ConnectionError:
            call.gone = True
            raise
        finally:
            await self._end(family)

    async def _begin(self, call: Call, family: Family | None) -> None:
        if family is not None:
            family.in_flight += 1
            family.most_in_flight = max(family.most_in_flight, family.in_flight)
        async with self._changed:
            self.calls.append(call)
            self._changed.notify_all()

    async def _end(self, family: Family | None) -> None:
        if family is not None:
            family.in_flight -= 1
        async with self._changed:
            self._changed.notify_all()

    def _choose(self, call: Call) -> Misbehaviour:
        for rule in self._rules:
            if rule.fits(call):
                chosen = rule.remaining[0] if rule.forever else rule.remaining.popleft()
                return chosen or GOOD
        return GOOD

    def _answer(self, call: Call, vendor: Vendor, base: str, bad: Misbehaviour) -> Answer:
        self._drift = bad.drift
        try:
            answer = self._obey(call, vendor, base) if bad.obeys else Answer(body={})
        except Refusal as refusal:
            answer = Answer(status=refusal.status, body=refusal.body, headers=refusal.headers)
        date = formatdate(self.now(), usegmt=True)
        self._drift = 0.0
        return answer.spoiled(bad, date)

    def _obey(self, call: Call, vendor: Vendor, base: str) -> Answer:
        request, endpoint = call.request, call.endpoint
        if endpoint == "" or request.method != METHODS.get(endpoint, "GET"):
            raise Refusal(404, {"error": "not_found"})
        if endpoint in PAGES:
            return self._page(call, vendor)
        if endpoint in SIDES:
            return Answer(body=self.sides.answer(call.sign_in, vendor, endpoint, request, base))
        if endpoint == "poll":
            return Answer(body=self.devices.poll_openai(call.sign_in, request))
        if endpoint == "device" and "poll" in vendor.paths:
            return Answer(body=self.devices.start_openai(call.sign_in, vendor, request))
        fields = fields_of(vendor, request)
        if endpoint == "device":
            body = self.devices.start(call.sign_in, vendor, fields, base + vendor.paths["verify"])
        else:
            body = self.tokens.answer(call.sign_in, vendor, request, fields)
        if vendor.style == "github" and "json" not in request.headers.get("accept", ""):
            return Answer(raw=form_encoded(body), content_type="application/x-www-form-urlencoded")
        return Answer(body=body)

    def _page(self, call: Call, vendor: Vendor) -> Answer:
        page = b"<!DOCTYPE html><title>Sign in</title>"
        if call.endpoint == "verify" or self.consents is None:
            return Answer(raw=page, content_type="text/html")
        authorize.check(vendor, call.request.query, self.redirects[call.sign_in])
        if self.consents:
            to = authorize.consent(self.grants, call.sign_in, vendor, call.request.query, self.person, self.now())
        else:
            to = authorize.denial(vendor, call.request.query)
        return Answer(status=302, raw=b"", content_type="text/html", headers={"location": to})
