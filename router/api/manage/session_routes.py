"""Sessions of the dashboard: a key in, a cookie out, and who one is."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from router.access.door import Door, Entered
from router.access.roles import Role
from router.access.session_tokens import COOKIE, LASTS
from router.api.bodies import BadBody, check_names, read_object, text_field
from router.api.guard import entered, error
from router.api.manage.operation import PREFIX, Asked, Operation, answer
from router.clock import Clock
from router.gateway import Gateway

PATH = f"{PREFIX}/session"


class Who(Struct, frozen=True):
    """csrf: to be sent as `x-switchyard-csrf` with every request that changes something; "" where the key was sent."""

    key: str
    role: Role
    csrf: str
    ends: float | None


def operations() -> list[Operation]:
    """Who one is, for whoever is already in."""

    async def who(asked: Asked) -> Who:
        return _who(asked.who)

    return [
        Operation(
            method="GET",
            path="/session",
            need="viewer",
            name="whoami",
            summary="The key and the role of this session.",
            handler=who,
            answer=Who,
        )
    ]


class SessionRoutes:
    """The way in and out, which cannot ask for a session first."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    @property
    def _door(self) -> Door:
        return self._gateway.door

    def routes(self) -> list[Route]:
        return [Route(PATH, self.handle, methods=["POST", "DELETE"])]

    async def handle(self, request: Request) -> Response:
        """POST ``{"key": …}`` opens a session, DELETE closes it."""
        if request.method == "DELETE":
            return self._close(request)
        try:
            given = await read_object(request)
            check_names(given, ("key",))
            key = text_field(given, "key")
        except BadBody as bad:
            return error(bad.status, bad.message)
        if key is None or not key.isprintable():
            return error(400, "Give `key`, a key with the scope management, operator or viewer.")
        presented = _WithKey(request, key.strip())
        who = entered(presented, self._gateway, "viewer")
        if isinstance(who, Response):
            return who
        token, session = self._door.tokens.issue(who.key.id, self._clock.wall())
        made = answer(Who(who.key.name, who.role, session.csrf, session.ends))
        made.set_cookie(
            COOKIE,
            token,
            max_age=int(LASTS),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return made

    def _close(self, request: Request) -> Response:
        """A cookie cannot be called back, so the browser forgets it; other sites cannot do that to a person."""
        who = entered(request, self._gateway, "viewer")
        if isinstance(who, Response):
            return who
        made = answer(None)
        made.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return made


class _WithKey(Request):
    """A request as if its key stood in a header, so that the door treats it like any other."""

    def __init__(self, request: Request, key: str) -> None:
        kept = [(name, value) for name, value in request.scope["headers"] if name not in _KEY_HEADERS]
        scope = {**request.scope, "headers": [*kept, (b"authorization", f"Bearer {key}".encode())]}
        super().__init__(scope, request.receive)


_KEY_HEADERS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"cookie"})


def _who(who: Entered) -> Who:
    session = who.session
    if session is None:
        return Who(who.key.name, who.role, "", None)
    return Who(who.key.name, who.role, session.csrf, session.ends)
