"""Keys of this gateway: how they are made, and the ring that knows them by digest.

A presented key is looked up by its SHA-256: the time of a lookup says nothing about the keys. Keys have 256 random
bits, so that a plain digest is enough (no guessing through a stolen list).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import replace

from router.access.limits import KeyLimits, lower_limits
from router.call import Priority
from router.clock import Clock
from router.secret import Secret
from router.settings.auth import KeyRights
from router.settings.auth import Scope as Scope
from router.settings.key_rights import changed_rights
from router.settings.provider_names import ProviderNames

SCOPES: tuple[Scope, ...] = get_args(Scope)
State: TypeAlias = Literal["usable", "disabled", "expired", "revoked"]
PREFIX = "sk-sy-"
_LONGEST = 1024


class ClientKey(Struct, frozen=True, kw_only=True):
    """A key that is known here. id: stable and no secret, for records. digest: SHA-256 in hexadecimal. expires_at,
    revoked_at: Unix seconds. disabled: refused for the time being. source: settings, file or database. concurrency:
    calls at once, None for any number. queue: calls that may wait beyond them. priority: who goes first where calls
    wait. limits: what it may use. rights: what it may do, None for everything."""

    id: str
    name: str
    digest: str
    scopes: tuple[Scope, ...] = ("client",)
    expires_at: float | None = None
    revoked_at: float | None = None
    disabled: bool = False
    source: Literal["settings", "file", "database"] = "settings"
    concurrency: int | None = None
    queue: int = 0
    priority: Priority = "interactive"
    limits: KeyLimits | None = None
    rights: KeyRights | None = None

    def usable(self, now: float) -> bool:
        """Whether the key counts at `now` (Unix seconds)."""
        return not self.disabled and self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def state(self, now: float) -> State:
        """The same, with the reason why it does not count."""
        if self.usable(now):
            return "usable"
        return "revoked" if self.revoked_at is not None else "disabled" if self.disabled else "expired"


def generate(random: Callable[[int], bytes] = secrets.token_bytes) -> Secret:
    """A new key: ``sk-sy-`` and 43 characters that are safe in URLs (32 random bytes)."""
    return Secret(PREFIX + base64.urlsafe_b64encode(random(32)).decode().rstrip("="))


def digest(key: Secret) -> str:
    """SHA-256 of the key in hexadecimal: what is stored in its place."""
    return sha256(key.reveal().encode("utf-8", "surrogatepass")).hexdigest()


def key_id(digest_hex: str) -> str:
    """The id of a key, made of its digest: for records and lists, no use to anybody who wants to call."""
    return "key_" + sha256(b"switchyard key id\0" + digest_hex.encode()).hexdigest()[:16]


def with_rights(key: ClientKey, given: Mapping[str, Any], names: ProviderNames) -> ClientKey:
    """A key with changed rights. given: see `changed_rights`. Raises `ValueError` with every mistake by its place."""
    if "client" not in key.scopes:
        raise ValueError(
            f"rights are for keys with the scope client; one with the scope {key.scopes[0]} calls no models."
        )
    return replace(key, rights=changed_rights(key.rights, given, names))


def double_roles(keys: Iterable[ClientKey]) -> Iterator[str]:
    """A sentence for each key that is given for calls and for management too: whoever may call may then manage."""
    known = tuple(keys)
    clients = {key.digest: key for key in known if "client" in key.scopes}
    for key in known:
        client = clients.get(key.digest)
        if "management" in key.scopes and client is not None:
            yield (
                f"the client key {client.name!r} ({client.source}) is the management key {key.name!r} ({key.source}) "
                "too: whoever may call may also manage. Give management a key of its own."
            )


class KeyRing:
    """All keys in one table by digest. Replaced as a whole; a lookup sees one state or the other, never a mixture.

    database: reads the database's keys, at most once a second: in `refresh` and `look`, and after a miss in
    `verify_fresh`. `told` gets every key, one for each digest, as soon as one of them is another.
    """

    def __init__(
        self,
        fixed: Iterable[ClientKey],
        clock: Clock,
        *,
        database: Callable[[], Iterable[ClientKey]] = tuple,
        every: float = 1.0,
    ) -> None:
        self._clock = clock
        self._database = database
        self._every = every
        self._looked: float | None = None
        self._fixed = tuple(fixed)
        self._stored: tuple[ClientKey, ...] = ()
        self._by_digest: Mapping[str, ClientKey] = {}
        self._reads = self._newest = 0
        self.told: Callable[[Iterable[ClientKey]], None] = lambda keys: None
        self._index()

    def replace_fixed(self, keys: Iterable[ClientKey]) -> None:
        """Take over the keys of changed settings or files."""
        self._fixed = tuple(keys)
        self._index()

    def verify(self, presented: Secret) -> ClientKey | None:
        """The key in use that was presented, None where it is unknown, expired or revoked."""
        if len(presented.reveal()) > _LONGEST:
            return None
        wanted = digest(presented)
        known = self._by_digest.get(wanted)
        if known is None or not hmac.compare_digest(known.digest, wanted) or not known.usable(self._clock.wall()):
            return None
        return known

    def by_id(self, key_id: str) -> ClientKey | None:
        """The key in use with this id."""
        now = self._clock.wall()
        return next((key for key in self._by_digest.values() if key.id == key_id and key.usable(now)), None)

    def verify_fresh(self, presented: Secret) -> ClientKey | None:
        """As `verify`; a miss looks into the database, so that a key made a moment ago works. May read from disk."""
        found = self.verify(presented)
        return found if found is not None or not self.refresh() else self.verify(presented)

    def refresh(self) -> bool:
        """Read the database's keys again, at most every so many seconds. True where they were read.

        Also to be called periodically: a revoked key is no miss.
        """
        if not self._due():
            return False
        self._take(self._number(), tuple(self._database()))
        return True

    async def look(self, *, at_once: bool = False) -> None:
        """As `refresh`, with the disk on another thread. at_once: one has changed."""
        if at_once or self._due():
            number = self._number()
            self._take(number, tuple(await asyncio.to_thread(self._database)))

    def known(self) -> Iterable[ClientKey]:
        """Every key, one for each digest."""
        return self._by_digest.values()

    def keys(self) -> tuple[ClientKey, ...]:
        """Every key, for lists."""
        return (*self._fixed, *self._stored)

    def _due(self) -> bool:
        now = self._clock.monotonic()
        return self._looked is None or now - self._looked >= self._every

    def _number(self) -> int:
        """Of a read that begins now."""
        self._looked = self._clock.monotonic()
        self._reads += 1
        return self._reads

    def _take(self, number: int, stored: tuple[ClientKey, ...]) -> None:
        """What a read gave; nothing, where one that began later was quicker."""
        if number > self._newest:
            self._newest = number
            self._stored = stored
            self._index()

    def _index(self) -> None:
        """One digest given twice: its scopes add up, revoked anywhere is revoked, and the tighter limit counts."""
        table: dict[str, ClientKey] = {}
        for key in self.keys():
            table[key.digest] = _both(table[key.digest], key) if key.digest in table else key
        before, self._by_digest = self._by_digest, table
        if before != table:
            self.told(table.values())


def _both(first: ClientKey, second: ClientKey) -> ClientKey:
    revoked = first.revoked_at if first.revoked_at is not None else second.revoked_at
    expires = [key.expires_at for key in (first, second) if key.expires_at is not None]
    limited = [key for key in (first, second) if key.concurrency is not None]
    tighter = min(limited, key=lambda key: (key.concurrency or 0, key.queue), default=first)
    return ClientKey(
        id=first.id,
        name=first.name,
        digest=first.digest,
        scopes=tuple(dict.fromkeys((*first.scopes, *second.scopes))),
        expires_at=min(expires) if expires else None,
        revoked_at=revoked,
        disabled=first.disabled or second.disabled,
        source=first.source,
        concurrency=tighter.concurrency,
        queue=tighter.queue,
        priority="batch" if "batch" in (first.priority, second.priority) else "interactive",
        limits=lower_limits(first.limits, second.limits),
        rights=_rights_of_both(first.rights, second.rights),
    )


def _rights_of_both(first: KeyRights | None, second: KeyRights | None) -> KeyRights | None:
    """Where both say something about the same, the first counts: the settings."""
    if first is None or second is None:
        return first or second
    given = {name: getattr(first, name) for name in KeyRights.model_fields}
    own = {name: value for name, value in given.items() if value != KeyRights.model_fields[name].default}
    return second.model_copy(update=own)
