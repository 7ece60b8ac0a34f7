"""Services that are reached over HTTP and tell the router of themselves (``POST /v0/relay/services``). Pure.

What one says lives for a while and is said again before that: who falls silent is gone. What they offer becomes
accounts of a provider, as that of connected services does (`router.relay.accounts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.record import Account
from router.relay.accounts import Connected, State
from router.secret import Secret

SERVICES: Mapping[str, str] = MappingProxyType({"webai": "webai"})
"""What such services call themselves -> the provider that they serve."""
EVERY = 30
"""Seconds after which a service should say again what it said."""
LIVES = 90
"""Seconds for which it counts."""
MOST = 64
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


FOR_A_PERSON: frozenset[State] = frozenset(("needs_login", "refused"))


class Within(Struct, frozen=True, kw_only=True):
    """An account that a service keeps itself, such as a Google account of the WebAI service. cause: in words. Its
    name is another program's: the rules for a `Profile` of the relay do not bind it."""

    name: str
    state: str
    cause: str = ""


class Announcement(Struct, frozen=True, kw_only=True):
    """What one service said last. endpoint: its address, without a trailing slash. causes: why it is not ready, in
    words. capacity, busy: answers at the same time, possible and under way. accounts: those that it keeps itself.
    expires_at: Unix time."""

    service: str
    name: str
    endpoint: str
    version: str = ""
    models: tuple[str, ...] = ()
    ready: bool = True
    causes: tuple[str, ...] = ()
    capacity: int = 1
    busy: int = 0
    accounts: tuple[Within, ...] = ()
    expires_at: float = 0.0

    def for_a_person(self) -> tuple[Within, ...]:
        """Its accounts that nothing but a person can bring back."""
        return tuple(each for each in self.accounts if each.state in FOR_A_PERSON)

    def state(self) -> State:
        """What keeps it from answering, where it is not ready: a person, where that is so for all its accounts."""
        states = {each.state for each in self.accounts}
        if not states or not states <= FOR_A_PERSON:
            return "disabled"
        return "needs_login" if "needs_login" in states else "refused"


class Changes(Struct, frozen=True):
    """current: what there is now. gone: service and name of those that left or fell silent."""

    current: tuple[Announcement, ...]
    gone: tuple[tuple[str, str], ...]


class Unacceptable(ValueError):
    """An announcement that cannot be taken. forbidden: it is well made, and not allowed."""

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


def read(body: Mapping[str, Any], now: float, allowed: Collection[str]) -> Announcement:
    """An announcement as it came. now: Unix time. allowed: origins outside this machine that may be named. Raises
    `Unacceptable`, which names the field."""
    service = _text(body, "service")
    if service not in SERVICES:
        raise Unacceptable(f"service must be one of {', '.join(SERVICES)}.")
    name = _text(body, "name")
    if not _NAME.match(name):
        raise Unacceptable("name: small letters, digits, dots, dashes and underscores, at most 63.")
    made = Announcement(
        service=service,
        name=name,
        endpoint=_endpoint(_text(body, "endpoint"), allowed),
        version=_text(body, "version", "")[:40],
        models=_texts(body, "models", 500),
        ready=_flag(body, "ready", default=True),
        causes=_texts(body, "causes", 20),
        capacity=max(1, _number(body, "capacity", 1)),
        busy=max(0, _number(body, "busy", 0)),
        accounts=within(body.get("accounts")),
        expires_at=now if _flag(body, "leaving", default=False) else now + LIVES,
    )
    return replace(made, causes=made.causes or ("it says that it is not ready",)) if not made.ready else made


def within(listed: Any) -> tuple[Within, ...]:
    """The accounts that a service keeps itself, as it lists them. Raises `Unacceptable`."""
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) > MOST or not all(isinstance(each, dict) for each in listed):
        raise Unacceptable(f"accounts must be a list of at most {MOST} objects.")
    return tuple(
        Within(
            name=_text(each, "name")[:80],
            state=_text(each, "state")[:40],
            cause=_text(each, "cause", _text(each, "reason", ""))[:300],
        )
        for each in listed
    )


def origin(address: str) -> str | None:
    """Scheme, host and port of an HTTP address in lower case; None for anything else."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"


def _endpoint(address: str, allowed: Collection[str]) -> str:
    """Loopback, or an origin that the settings name: a service key alone must not point the router anywhere."""
    found = origin(address)
    parts = urlsplit(address) if found is not None else None
    plain = address.isascii() and address.isprintable() and " " not in address and "\\" not in address
    if not plain or found is None or parts is None or parts.query or parts.fragment:
        raise Unacceptable("endpoint must be an address like http://127.0.0.1:8406.")
    if parts.hostname not in _LOCAL and found not in {origin(each) for each in allowed}:
        raise Unacceptable(
            f"endpoint {found} is neither on this machine nor named in providers.webai.allowed_endpoints.",
            forbidden=True,
        )
    return address.rstrip("/")


class Holds(Protocol):
    """The part of `router.accounts.health.Health` that is told who cannot serve."""

    def hold(self, account: str, state: State, cause: str) -> None: ...

    def unhold(self, account: str) -> None: ...

    def forget(self, account: str) -> None: ...


class Announced:
    """All services that are known. holds: is told which cannot serve. changed: called after what they offer changed.
    key: what to call them with."""

    def __init__(self, holds: Holds, changed: Callable[[], None], key: Callable[[], Secret]) -> None:
        self.key = key
        self._holds = holds
        self._changed = changed
        self._known: dict[tuple[str, str], Announcement] = {}
        self._dirty = False
        self._gone: list[tuple[str, str]] = []

    def take(self, said: Announcement, now: float) -> None:
        """What a service says. One that is over already leaves. Raises `Unacceptable` where there are too many."""
        at = (said.service, said.name)
        before = self._known.get(at)
        if before is None and len(self._known) >= MOST:
            raise Unacceptable(f"there are {MOST} services already", forbidden=True)
        self._known[at] = said
        self._dirty = True
        if said.expires_at <= now:
            self.tick(now)
            return
        account = account_id(said)
        if said.ready:
            self._holds.unhold(account)
            if before is not None and not before.ready:
                self._holds.forget(account)  # what calls have met while it could not answer says nothing now
        else:
            self._holds.hold(account, said.state(), " ".join(said.causes))
        if before is None or _offer(before) != _offer(said):
            self._changed()

    def tick(self, now: float) -> None:
        """Forget who has been silent for too long."""
        gone = [at for at, said in self._known.items() if said.expires_at <= now]
        for at in gone:
            self._holds.unhold(account_id(self._known.pop(at)))
        if gone:
            self._gone += gone
            self._dirty = True
            self._changed()

    def load(self, said: Iterable[Announcement], now: float) -> None:
        """Take over what the process before this one knew; what was said here meanwhile is newer."""
        for each in said:
            if (each.service, each.name) not in self._known and each.expires_at > now:
                self.take(each, now)

    def dirty(self) -> Changes | None:
        """What to write down, where something has changed since the last time."""
        if not self._dirty:
            return None
        self._dirty = False
        gone, self._gone = tuple(self._gone), []
        return Changes(tuple(self.current()), gone)

    def current(self) -> list[Announcement]:
        """By name."""
        return sorted(self._known.values(), key=lambda said: (said.service, said.name))

    def for_a_person(self) -> list[tuple[str, str, Within]]:
        """Accounts within services that nothing but a person can bring back: account and provider of the service, and
        which it is."""
        return [
            (account_id(said), SERVICES[said.service], each) for said in self.current() for each in said.for_a_person()
        ]

    def connected(self) -> Mapping[str, Connected]:
        """By provider."""
        found: dict[str, list[Announcement]] = {}
        for said in self.current():
            found.setdefault(SERVICES[said.service], []).append(said)
        return {provider: self._of(offering) for provider, offering in found.items()}

    def _of(self, offering: list[Announcement]) -> Connected:
        key = self.key()
        accounts = tuple(
            Account(
                id=account_id(said),
                provider=SERVICES[said.service],
                label=said.name,
                secret=key,
                facts={"endpoint": said.endpoint},
            )
            for said in offering
        )
        return Connected(accounts, tuple(sorted({model for said in offering for model in said.models})))

    def load_of(self, account: str) -> float | None:
        """How busy the service of an account is: 1 is all that it can work on at once. None: it is not known."""
        said = next((each for each in self._known.values() if account_id(each) == account), None)
        return said.busy / said.capacity if said is not None else None


def account_id(said: Announcement) -> str:
    """Stable over restarts of the service: ``webai/desk``."""
    return f"{SERVICES[said.service]}/{said.name}"


def _offer(said: Announcement) -> tuple[str, tuple[str, ...]]:
    return said.endpoint, said.models


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise Unacceptable(f"{name} must be a text.")
    return value.strip()


def _texts(body: Mapping[str, Any], name: str, most: int) -> tuple[str, ...]:
    value = body.get(name) or []
    if not isinstance(value, list) or len(value) > most or not all(isinstance(each, str) for each in value):
        raise Unacceptable(f"{name} must be a list of at most {most} texts.")
    return tuple(each[:300] for each in value)


def _flag(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Unacceptable(f"{name} must be true or false.")
    return value


def _number(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise Unacceptable(f"{name} must be a number from 0 to 1000000.")
    return value
