"""Sign-ins at a service: a person is asked to sign in to a profile, and the service tells how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from router.relay.protocol.frames import Frame
from router.relay.protocol.messages import AuthRequest, AuthStatus, write

KEPT = 64
"""Sign-ins that are remembered, the oldest forgotten first."""
_OVER = ("done", "failed")


class SignIn:
    """One of them. session: the id of the session that was asked. account: which one it is for. who: asked for it.
    status: the last word of the service, None before its first."""

    def __init__(
        self, name: str, session: str, profile: str, account: str, who: str, post: Callable[[Frame], None]
    ) -> None:
        """post: sends a frame to the service."""
        self.id = name
        self.session = session
        self.profile = profile
        self.account = account
        self.who = who
        self.status: AuthStatus | None = None
        self._post = post
        self._changed = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether it may still be done."""
        return self.status is None or self.status.state not in _OVER

    async def changed(self) -> AuthStatus:
        """The next word of the service. Without end where there is none: give it a limit."""
        while True:
            self._changed.clear()
            await self._changed.wait()
            if self.status is not None:
                return self.status

    def ask(self, headed: bool | None) -> None:
        """Send the request."""
        self._post(Frame(self.id, "auth_request", write(AuthRequest(profile=self.profile, headed=headed))))

    def give_up(self) -> None:
        """The person does not want it any more: the service closes its window. Nothing where it is over."""
        if self.open:
            self._post(Frame(self.id, "auth_cancel"))
            self.tell(AuthStatus(state="failed", message="The sign-in was cancelled."))

    def tell(self, status: AuthStatus) -> None:
        """Take the service's word, the last one for good."""
        if self.open:
            self.status = status
            self._changed.set()


class SignIns:
    """All of one hub. on_done: told of each one that ends with somebody signed in."""

    def __init__(self, hub: str) -> None:
        """hub: its id, a part of the ids of sign-ins, so that no word for another process's is taken for one here."""
        self._hub = hub
        self._kept: dict[str, SignIn] = {}
        self._begun = 0
        self.on_done: Callable[[SignIn], None] = lambda sign_in: None

    def begin(
        self, session: str, profile: str, post: Callable[[Frame], None], *, account: str = "", who: str = ""
    ) -> SignIn:
        """A new one. session: the id of the session that is asked. post: sends a frame to it. account: which one it is
        for. who: the name of the key that asked."""
        self._begun += 1
        made = SignIn(f"sign-in-{self._hub}-{self._begun}", session, profile, account, who, post)
        self._kept[made.id] = made
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        return made

    def find(self, name: str) -> SignIn | None:
        """The one with this id, if it is remembered."""
        return self._kept.get(name)

    def tell(self, name: str, status: AuthStatus) -> None:
        """What a service says; of one that is forgotten, nothing."""
        sign_in = self._kept.get(name)
        if sign_in is not None and sign_in.open:
            sign_in.tell(status)
            if status.state == "done":
                self.on_done(sign_in)

    def lost(self, session: str) -> None:
        """The service has gone."""
        for sign_in in self._kept.values():
            if sign_in.session == session:
                sign_in.tell(AuthStatus(state="failed", message="The service has gone."))
