"""The hub: every connected service and browser, and the way of a call through one of them.

Synchronous but for `serve` and `send`; one per process, outside the settings snapshot: sessions survive reloads.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from router.clock import Clock
from router.faults import Fault
from router.net.message import HttpRequest, Timeouts
from router.patience import Patience
from router.relay.accounts import SERVICES, Connected, State, account_id, connected, service_of
from router.relay.call import Call
from router.relay.link import GOING_AWAY, NOT_ALLOWED, REPLACED, TRY_LATER, Link
from router.relay.liveness import look_at
from router.relay.protocol.frames import MESSAGE_BYTES, Frame
from router.relay.protocol.messages import (
    AuthStatus,
    Hello,
    Routers,
    Terms,
    Welcome,
    write,
)
from router.relay.protocol.router_side import RouterSide
from router.relay.request import relayed
from router.relay.response import RelayResponse
from router.relay.session import Facts, Session
from router.relay.sign_ins import SignIn, SignIns

_log = logging.getLogger("switchyard.relay")
MOST_SESSIONS = 256
PLAIN_SERVICE = "aistudio"
"""What browsers with the plain message set are: they answer as Google AI Studio's apps do."""
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


class Peer(Struct, frozen=True, kw_only=True):
    """Who is at the other end. allowed: whether its key still counts, asked again and again. name: of a plain client's
    key. hello: of a service, None for a plain client."""

    allowed: Callable[[], bool]
    address: str = ""
    name: str = ""
    hello: Hello | None = None


class Observer(Protocol):
    """Who counts what happens (`router.observe.metrics.Metrics`)."""

    def relay_sessions(self, service: str, sessions: int, capacity: int) -> None: ...

    def relay_call(self, service: str, outcome: str, first: float | None) -> None: ...


class Holds(Protocol):
    """Who remembers which accounts cannot be used at all (`router.accounts.health.Health`)."""

    def hold(self, account: str, state: State, cause: str) -> None: ...

    def unhold(self, account: str) -> None: ...


class Hub:
    """changed: called whenever accounts or models appear or vanish. holds: is told of those that cannot serve.
    observer: for metrics."""

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        patience: Patience,
        *,
        changed: Callable[[], None] = lambda: None,
        holds: Holds | None = None,
        observer: Observer | None = None,
        message_bytes: int = MESSAGE_BYTES,
        most_sessions: int = MOST_SESSIONS,
    ) -> None:
        self.on_change = changed
        self.replaced = 0
        self._clock = clock
        self._chance = chance
        self._patience = patience
        self._holds = holds
        self._observer = observer
        self._most = most_sessions
        self._terms = Terms(message_bytes=message_bytes)
        self._id = f"{chance.getrandbits(64):016x}"
        self.sign_ins = SignIns(self._id[:8])
        self._routers: tuple[str, ...] = ()
        self._sessions: dict[str, Session] = {}
        self._offered: Mapping[str, Connected] = {}

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that can be used, by name."""
        return tuple(self._sessions[name] for name in sorted(self._sessions))

    @property
    def terms(self) -> Terms:
        """What services are told of the limits."""
        return self._terms

    @property
    def routers(self) -> tuple[str, ...]:
        """Other routers, as services are told."""
        return self._routers

    # Sessions.

    async def serve(self, link: Link, peer: Peer) -> None:
        """Run the session of an authenticated peer to its end."""
        said = peer.hello
        if len(self._sessions) >= self._most and (said is None or said.name not in self._sessions):
            await link.close(TRY_LATER, f"{self._most} sessions are open, which is all that there may be")
            return
        if said is not None and said.service not in SERVICES:
            await link.close(NOT_ALLOWED, f"no service is called {said.service!r} here")
            return
        session = self._made(link, peer)
        old = self._sessions.get(session.name)
        self._sessions[session.name] = session
        if old is not None:
            self.replaced += 1
            old.end(REPLACED, "another service of this name has come")
        _log.info("relay: %s has come (%s %s)", session.name, session.service, session.facts.version or "plain")
        self.changed(session)
        if said is not None:
            welcome = Welcome(session=session.facts.id, router=self._id, routers=self._routers, limits=self._terms)
            session.post(Frame("", "welcome", write(welcome)))
        await session.run()

    def _made(self, link: Link, peer: Peer) -> Session:
        said = peer.hello
        facts = Facts(
            id=f"{self._chance.getrandbits(64):016x}",
            name=said.name if said is not None else self._free_name(peer.name),
            service=said.service if said is not None else PLAIN_SERVICE,
            plain=said is None,
            version=said.version if said is not None else "",
            address=peer.address,
            since=self._clock.wall(),
            capacity=said.capacity if said is not None else 1,
            capabilities=said.capabilities if said is not None else (),
        )
        bits = self._chance.getrandbits(64)
        prefix = f"{bits >> 32:08x}-{bits >> 16 & 0xFFFF:04x}-4{bits >> 4 & 0xFFF:03x}-8{bits & 0xFFF:03x}-"
        side = RouterSide(prefix, self._terms, plain=facts.plain)
        session = Session(facts, link, side, self, self._clock, peer.allowed)
        if said is not None:
            session.profiles, session.models = said.profiles, said.models
        return session

    def _free_name(self, key: str) -> str:
        """A plain client cannot name itself: the first free number of its key, so that one that comes back finds what
        is known of it, and names do not grow without end."""
        stem = "browser-" + (_NOT_IN_NAMES.sub("-", key.lower())[:40].strip("-") or "key")
        return next(name for at in range(1, self._most + 2) if (name := f"{stem}-{at}") not in self._sessions)

    def tick(self) -> None:
        """Look at every session; to be called every few seconds."""
        now = self._clock.monotonic()
        for session in self.sessions:
            look_at(session, now, self._terms.ping)
        self._hold(self._offered)  # again: what another process held may have been read meanwhile

    def announce(self, routers: tuple[str, ...]) -> None:
        """Other routers that services should dial."""
        if routers != self._routers:
            self._routers = routers
            self._tell(Frame("", "routers", write(Routers(routers))))

    def drain(self) -> None:
        """This router will go: services look for its successor, and finish what runs."""
        self._tell(Frame("", "drain"))

    def _tell(self, frame: Frame) -> None:
        for session in self.sessions:
            if not session.facts.plain:
                session.post(frame)

    def close(self) -> None:
        """End every session, in order."""
        for session in self.sessions:
            session.end(GOING_AWAY, "the router stops")

    # Accounts.

    def connected(self) -> Mapping[str, Connected]:
        """What services offer now, by provider."""
        return connected(self._sessions.values())

    def load(self, account: str) -> float | None:
        """How busy the service of an account is: 1 is all that it can work on at once. None: it is not connected."""
        session = self._sessions.get(service_of(account)[0])
        return max(session.open_calls, session.busy) / session.facts.capacity if session is not None else None

    def stays(self, account: str) -> bool:
        """Whether a conversation is to stay with its account: with a service only where that asks for it, since the one
        with the most room is better otherwise."""
        if account.partition("/")[0] not in SERVICES.values():
            return True
        session = self._sessions.get(service_of(account)[0])
        return session is not None and "sticky" in session.facts.capabilities

    # Calls.

    async def send(self, account: str, request: HttpRequest, timeouts: Timeouts) -> RelayResponse:
        """Send over the session of an account and wait for the head. Raises `Fault`: unavailable where the service has
        gone, timeout where there is no head in time, and what the service says."""
        name, profile = service_of(account)
        session = self._sessions.get(name)
        if session is None:
            raise Fault("unavailable", f"The service {name} is not connected.")
        self._patience.start()
        asked = relayed(request, profile if session.profiles else "")
        call: Call | None = None
        try:
            if timeouts.head is None:
                call = await session.open(asked)
                head = await call.begun()
            else:
                with self._patience.limit(timeouts.head):
                    call = await session.open(asked)
                    head = await call.begun()
        except TimeoutError:
            if call is not None:
                call.leave()
            raise Fault("timeout", f"The service {name} gave no answer within {timeouts.head:g} seconds.") from None
        except BaseException:
            if call is not None:
                call.leave()
            raise
        return RelayResponse(call, head, self._patience, timeouts.idle)

    def ask_to_sign_in(
        self, profile: str, *, headed: bool | None = None, service: str | None = None, who: str = ""
    ) -> SignIn:
        """Ask a service to let a person sign in to `profile`. service: its name; else one that has the profile, else
        the first. who: the name of the key that asked. Raises `Fault` unavailable where there is none."""
        able = [session for session in self.sessions if not session.facts.plain and service in (None, session.name)]
        having = [session for session in able if any(each.name == profile for each in session.profiles)]
        if not able:
            which = f"The service {service}" if service is not None else "No service that can sign in"
            raise Fault("unavailable", f"{which} is {'not ' if service is not None else ''}connected.")
        session = (having or able)[0]
        account = account_id(SERVICES.get(session.service, session.service), session.name, profile)
        sign_in = self.sign_ins.begin(session.facts.id, profile, session.post, account=account, who=who)
        sign_in.ask(headed)
        return sign_in

    # What sessions tell.

    def changed(self, session: Session) -> None:
        """The service came, went, or says something new."""
        self._count(session.service)
        offered = self.connected()
        if offered != self._offered:
            before, self._offered = self._offered, offered
            self._hold(offered, before)
            self.on_change()

    def _hold(self, offered: Mapping[str, Connected], before: Mapping[str, Connected] | None = None) -> None:
        """Say which accounts cannot serve, and that all others can, those among them that have gone."""
        if self._holds is None:
            return
        known = (*(before or {}).values(), *offered.values())
        held = {account: why for each in offered.values() for account, why in each.held.items()}
        for account in dict.fromkeys(account.id for each in known for account in each.accounts):
            if account in held:
                self._holds.hold(account, *held[account])
            else:
                self._holds.unhold(account)

    def ended(self, session: Session) -> None:
        self.sign_ins.lost(session.facts.id)
        if self._sessions.get(session.name) is session:
            del self._sessions[session.name]
            _log.info("relay: %s has gone", session.name)
            self.changed(session)

    def authenticating(self, sign_in: str, status: AuthStatus) -> None:
        self.sign_ins.tell(sign_in, status)

    def settled(self, session: Session, outcome: str, first: float | None) -> None:
        if self._observer is not None:
            self._observer.relay_call(session.service, outcome, first)

    def _count(self, service: str) -> None:
        if self._observer is not None:
            mine = [session for session in self._sessions.values() if session.service == service]
            self._observer.relay_sessions(service, len(mine), sum(session.facts.capacity for session in mine))
