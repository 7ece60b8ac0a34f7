"""Sessions of the dashboard: a key in, a cookie out, and who one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from router.access.door import Entered
from router.access.roles import Role
from router.access.session_tokens import COOKIE, LASTS
from router.api.manage.operation import Asked, Operation, answer
from router.clock import Clock
from router.gateway import Gateway


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """key: one with the scope management, operator or viewer."""

    key: Annotated[str, Meta(pattern=r"^[ -~]{1,500}$")]


class Who(Struct, frozen=True):
    """csrf: to be sent as `x-switchyard-csrf` with every request that changes something; "" where the key was sent."""

    key: str
    role: Role
    csrf: str
    ends: float | None


class SessionDesk:
    """Opens, tells and closes."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/session", need="viewer", name="whoami", answer=Who, handler=self.who,
                summary="The key and the role of this session.",
            ),
            Operation(
                method="POST", path="/session", need="viewer", name="session_open", body=Opening, answer=Who,
                handler=self.open, summary="Open a session of a browser: a key in, a cookie out.", opens=True,
            ),
            Operation(
                method="DELETE", path="/session", need="viewer", name="session_close", handler=self.close,
                summary="Close the session: the browser forgets its cookie.",
            ),
        ]  # fmt: skip

    async def who(self, asked: Asked) -> Who:
        return _who(asked.who)

    async def open(self, asked: Asked) -> Response:
        who = asked.who
        token, session = self._gateway.door.tokens.issue(who.key.id, self._clock.wall())
        made = answer(Who(who.key.name, who.role, session.csrf, session.ends))
        made.set_cookie(
            COOKIE,
            token,
            max_age=int(LASTS),
            path="/",
            secure=asked.request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return made

    async def close(self, asked: Asked) -> Response:
        """A cookie cannot be called back, so the browser forgets it; other sites cannot do that to a person."""
        made = answer(None)
        made.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return made


def _who(who: Entered) -> Who:
    session = who.session
    if session is None:
        return Who(who.key.name, who.role, "", None)
    return Who(who.key.name, who.role, session.csrf, session.ends)
