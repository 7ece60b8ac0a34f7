"""Sign-ins at a service: a person is asked to sign in to a profile, and the service tells how it goes."""

from __future__ import annotations

import asyncio

from router.relay.protocol.messages import AuthStatus

KEPT = 64
"""Sign-ins that are remembered, the oldest forgotten first."""


class SignIn:
    """One of them. status: the last word of the service, None before its first."""

    def __init__(self, name: str, session: str, profile: str) -> None:
        self.id = name
        self.session = session
        self.profile = profile
        self.status: AuthStatus | None = None
        self._changed = asyncio.Event()

    async def changed(self) -> AuthStatus:
        """The next word of the service. Without end where there is none: give it a limit."""
        while True:
            self._changed.clear()
            await self._changed.wait()
            if self.status is not None:
                return self.status

    def tell(self, status: AuthStatus) -> None:
        self.status = status
        self._changed.set()


class SignIns:
    """All of one hub."""

    def __init__(self) -> None:
        self._kept: dict[str, SignIn] = {}
        self._begun = 0

    def begin(self, session: str, profile: str) -> SignIn:
        """A new one. session: the id of the session that is asked."""
        self._begun += 1
        made = SignIn(f"sign-in-{self._begun}", session, profile)
        self._kept[made.id] = made
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        return made

    def find(self, name: str) -> SignIn | None:
        """The one with this id, if it is remembered."""
        return self._kept.get(name)

    def tell(self, name: str, status: AuthStatus) -> None:
        """What a service says; of one that is forgotten, nothing."""
        if name in self._kept:
            self._kept[name].tell(status)

    def lost(self, session: str) -> None:
        """The service has gone."""
        for sign_in in self._kept.values():
            open_ = sign_in.status is None or sign_in.status.state not in ("done", "failed")
            if sign_in.session == session and open_:
                sign_in.tell(AuthStatus(state="failed", message="The service has gone."))
