"""Clerk's front-end API as far as a signed-in client uses it: its session, its tokens, its rotating cookie."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.connection import Request
from tests.simulators.ctonew.answers import ORIGIN, Answer, Refused, cookies, jwt, read_exp

API_VERSIONS = ("2025-04-10", "2025-11-10")
JS_VERSIONS = ("5.102.0", "5.111.0", "6.7.3")
LIFE = 60.0
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>cloud edge</body></html>"


@dataclass(kw_only=True)
class Trouble:
    """What goes wrong with one request. html: an edge's page. retry_after: seconds that it tells. wait: nothing is
    answered before it is set. drop: the connection ends without an answer, after the request was obeyed."""

    status: int = 502
    html: bool = False
    body: Any = None
    retry_after: int | None = None
    wait: asyncio.Event | None = None
    drop: bool = False


@dataclass(kw_only=True)
class Person:
    """A signed-in browser. cookie: the one that works; older: those that it replaced, and until when they work."""

    user: str
    session: str
    organisation: str
    email: str
    cookie: str = ""
    older: dict[str, float] = field(default_factory=dict)
    signed_out: bool = False
    cookies_given: list[str] = field(default_factory=list)


class Clerk:
    """rotates: every token replaces the cookie. grace: seconds for which the replaced one still works."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.wall = wall
        self.rotates = False
        self.grace = 10.0
        self.people: list[Person] = []
        self.script: deque[Trouble | None] = deque()
        self.requests: list[Request] = []
        self.tokens: dict[str, Person] = {}
        self.partitioned = True
        self._made = 0

    def sign_in(self, name: str = "ada") -> Person:
        """A person with a cookie."""
        person = Person(
            user=f"user_{name}", session=f"sess_{name}", organisation=f"org_{name}", email=f"{name}@example.test"
        )
        self.people.append(person)
        person.cookie = self._cookie(person)
        return person

    def token_calls(self) -> list[Request]:
        return [request for request in self.requests if request.path.endswith("/tokens")]

    def accepts(self, token: str) -> Person | None:
        """Whose token it is, while it lives."""
        person = self.tokens.get(token)
        return person if person is not None and read_exp(token) > self.wall() else None

    def answer(self, request: Request) -> Answer:
        """Raises `Refused`."""
        self.requests.append(request)
        if request.headers.get("origin") != ORIGIN:
            raise Refused(400, _errors("origin_invalid", "Invalid HTTP Origin header"))
        if request.query.get("__clerk_api_version") not in API_VERSIONS:
            raise Refused(400, _errors("api_version_invalid", "Invalid API version"))
        if request.query.get("_clerk_js_version", JS_VERSIONS[0]) not in JS_VERSIONS:
            raise Refused(400, _errors("js_version_invalid", "Invalid version"))
        person = self._person(cookies(request.headers.get("cookie", "")).get("__client", ""))
        if request.method == "GET" and request.path == "/v1/client":
            return self._client(person)
        parts = request.path.split("/")
        if request.method == "POST" and parts[:4] == ["", "v1", "client", "sessions"] and parts[5:] == ["tokens"]:
            return self._token(request, person, parts[4])
        raise Refused(404, _errors("resource_not_found", "Not found"))

    def _client(self, person: Person | None) -> Answer:
        if person is None:
            return Answer(body={"response": None, "client": None})
        session = {
            "object": "session",
            "id": person.session,
            "status": "active",
            "last_active_organization_id": person.organisation,
            "user": {"id": person.user, "email_addresses": [{"id": "idn_1", "email_address": person.email}]},
        }
        ended = {"object": "session", "id": "sess_ended", "status": "ended", "user": {"id": "user_other"}}
        client = {"id": "client_1", "sessions": [ended, session], "last_active_session_id": person.session}
        return Answer(body={"response": client, "client": None})

    def _token(self, request: Request, person: Person | None, session: str) -> Answer:
        if request.headers.get("referer", "").rstrip("/") != ORIGIN:
            raise Refused(400, _errors("origin_invalid", "Invalid Referer header"))
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise Refused(415, _errors("unsupported_content_type", "Unsupported content type"))
        if person is None:
            raise Refused(401, _errors("signed_out", "Signed out"))
        if session != person.session:
            raise Refused(404, _errors("resource_not_found", "Session not found"))
        now, token = self.wall(), self.issue(person)
        pairs: tuple[tuple[str, str], ...] = (("set-cookie", f"__client_uat={int(now)}; Path=/; Domain=cto.new"),)
        if self.rotates:
            person.older[person.cookie] = now + self.grace
            person.cookie = self._cookie(person)
            tail = "; Partitioned" if self.partitioned else ""
            header = (
                f"__client={person.cookie}; Path=/; Domain=clerk.cto.new; Max-Age=315360000; HttpOnly; Secure{tail}"
            )
            pairs = (*pairs, ("set-cookie", header), ("set-cookie", f"__session={token}; Path=/"))
        return Answer(body={"object": "token", "jwt": token}, pairs=pairs)

    def issue(self, person: Person) -> str:
        """A token for a person, without a request."""
        self._made += 1
        now = int(self.wall())
        claims = {"sub": person.user, "sid": person.session, "org_id": person.organisation, "n": self._made}
        token = jwt({**claims, "iat": now, "exp": now + int(LIFE)})
        self.tokens[token] = person
        return token

    def _person(self, cookie: str) -> Person | None:
        now = self.wall()
        for person in self.people:
            if not person.signed_out and (cookie == person.cookie or person.older.get(cookie, 0.0) > now):
                return person
        return None

    def _cookie(self, person: Person) -> str:
        self._made += 1
        cookie = jwt({"id": f"client_{person.user}", "rotating_token": f"rotating-canary-{self._made}"})
        person.cookies_given.append(cookie)
        return cookie


def _errors(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message, "long_message": message}], "clerk_trace_id": "0"}
