"""Keys of this gateway over the management API: list, create, revoke. A new key is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from router.access.keys import ClientKey, KeyRing, Scope, digest, generate, key_id
from router.access.limits import MICRO, KeyLimits, limits_in_dollars
from router.api.manage.operation import Asked, Operation, Refused
from router.call import Priority
from router.clock import Clock
from router.secret import Secret
from router.usage.budgets import Budgets

Count: TypeAlias = Annotated[int, Meta(ge=1, le=10**15)]
Dollars: TypeAlias = Annotated[float, Meta(gt=0, le=10**9)]


class Store(Protocol):
    """The database of keys (`router.memory.Memory`)."""

    async def add_key(self, key: ClientKey) -> None: ...

    async def revoke_key(self, id_or_name: str) -> Sequence[str]: ...

    async def change_key(self, key: ClientKey) -> bool: ...

    async def rotate_key(self, old: str, key: ClientKey) -> bool: ...


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may use; days and months are those of UTC. soft: the share from which it is told."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    tokens_per_day: Count | None = None
    tokens_per_month: Count | None = None
    usd_per_day: Dollars | None = None
    usd_per_month: Dollars | None = None
    soft: Annotated[float, Meta(gt=0, le=1)] = 0.8


class Key(Struct, frozen=True):
    """One key, never its text. source: where it is kept; only those of the database can be changed here. Times: Unix
    seconds. used: of each limit, running calls included."""

    id: str
    name: str
    scopes: list[Scope]
    source: Literal["settings", "file", "database"]
    state: Literal["usable", "expired", "revoked"]
    expires_at: float | None
    concurrency: int | None
    priority: Priority
    limits: Limits | None
    used: dict[str, float]


class Keys(Struct, frozen=True):
    keys: list[Key]


class Wanted(Struct, forbid_unknown_fields=True):
    """expires_in: seconds from now; without it the key does not expire."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
    scope: Scope = "client"
    expires_in: Annotated[float, Meta(gt=0, le=315_360_000)] | None = None
    limits: Limits | None = None


class Changed(Struct, forbid_unknown_fields=True):
    """What is given is changed. expires_in: seconds from now, null for never. limits: all of them, null for none."""

    expires_in: Annotated[float, Meta(gt=0, le=315360000)] | UnsetType | None = UNSET
    limits: Limits | UnsetType | None = UNSET


class Made(Struct, frozen=True):
    """key: the text itself, which is shown this once."""

    id: str
    name: str
    key: str


class KeyDesk:
    """store: the database, None while it is not open."""

    def __init__(self, ring: KeyRing, budgets: Budgets, store: Callable[[], Store | None], clock: Clock) -> None:
        self._ring = ring
        self._budgets = budgets
        self._store = store
        self._clock = clock

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/keys", need="operator", name="keys", answer=Keys, handler=self.all,
                summary="Every key: of the settings, of the generated files, of the database.",
            ),
            Operation(
                method="POST", path="/keys", need="admin", name="key_create", body=Wanted, answer=Made,
                handler=self.create, summary="Make a key. Its text is in the answer and nowhere else.", audited=True,
            ),
            Operation(
                method="PATCH", path="/keys/{id}", need="admin", name="key_change", body=Changed, answer=Key,
                handler=self.change, summary="Change when a key of the database ends, or what it may use.",
                audited=True,
            ),
            Operation(
                method="POST", path="/keys/{id}/rotate", need="admin", name="key_rotate", answer=Made,
                handler=self.rotate, summary="Put a new key in the place of one of the database, which ends at once.",
                audited=True,
            ),
            Operation(
                method="DELETE", path="/keys/{id}", need="admin", name="key_revoke", handler=self.revoke,
                summary="Revoke a key of the database: new calls with it are refused within a second.", audited=True,
            ),
        ]  # fmt: skip

    async def all(self, asked: Asked) -> Keys:
        return Keys([self._shown(key) for key in self._all()])

    async def create(self, asked: Asked) -> Made:
        wanted: Wanted = asked.body
        until = self._clock.wall() + wanted.expires_in if wanted.expires_in is not None else None
        key, secret = _made(wanted.name, (wanted.scope,), until, _limits(wanted.limits))
        try:
            await self._open().add_key(key)
        except ValueError as problem:
            raise Refused(409, f"{problem}.") from None
        await asyncio.to_thread(self._ring.renew)
        return Made(key.id, key.name, secret.reveal())

    async def change(self, asked: Asked) -> Key:
        wanted: Changed = asked.body
        key = self._own(asked.path["id"])
        if wanted.expires_in is not UNSET:
            until = self._clock.wall() + wanted.expires_in if wanted.expires_in is not None else None
            key = replace(key, expires_at=until)
        if wanted.limits is not UNSET:
            key = replace(key, limits=_limits(wanted.limits))
        if not await self._open().change_key(key):
            raise Refused(404, f"No key in use has the id {key.id!r}.")
        await asyncio.to_thread(self._ring.renew)
        return self._shown(key)

    async def rotate(self, asked: Asked) -> Made:
        old = self._own(asked.path["id"])
        key, secret = _made(old.name, old.scopes, old.expires_at, old.limits)
        key = replace(key, concurrency=old.concurrency, queue=old.queue, priority=old.priority)
        if not await self._open().rotate_key(old.id, key):
            raise Refused(404, f"No key in use has the id {old.id!r}.")
        await asyncio.to_thread(self._ring.renew)
        return Made(key.id, key.name, secret.reveal())

    async def revoke(self, asked: Asked) -> None:
        key = self._own(asked.path["id"])
        if not await self._open().revoke_key(key.id):
            raise Refused(404, f"No key in use has the id {key.id!r}.")
        await asyncio.to_thread(self._ring.renew)

    def _own(self, wanted: str) -> ClientKey:
        """A key of the database that is in use. Raises `Refused`."""
        known = next((key for key in self._all() if key.id == wanted and key.revoked_at is None), None)
        if known is None:
            raise Refused(404, f"No key in use has the id {wanted[:100]!r}.")
        if known.source != "database":
            where = "the settings" if known.source == "settings" else "a file in state/keys"
            raise Refused(409, f"{known.name!r} is a key of {where}: change or remove it there.")
        return known

    def _shown(self, key: ClientKey) -> Key:
        state: Literal["usable", "expired", "revoked"] = "usable"
        if not key.usable(self._clock.wall()):
            state = "revoked" if key.revoked_at is not None else "expired"
        used = self._budgets.used(key)
        return Key(
            id=key.id,
            name=key.name,
            scopes=list(key.scopes),
            source=key.source,
            state=state,
            expires_at=key.expires_at,
            concurrency=key.concurrency,
            priority=key.priority,
            limits=_told(key.limits),
            used={name: value / MICRO if name.startswith("usd") else float(value) for name, value in used.items()},
        )

    def _all(self) -> Sequence[ClientKey]:
        return self._ring.keys()

    def _open(self) -> Store:
        store = self._store()
        if store is None:
            raise Refused(503, "There is no database yet. Run `make up`, or wait a moment after a start.")
        return store


def _made(
    name: str, scopes: tuple[Scope, ...], until: float | None, limits: KeyLimits | None
) -> tuple[ClientKey, Secret]:
    secret = generate()
    hexadecimal = digest(secret)
    key = ClientKey(
        id=key_id(hexadecimal),
        name=name,
        digest=hexadecimal,
        scopes=scopes,
        expires_at=until,
        source="database",
        limits=limits,
    )
    return key, secret


def _limits(wanted: Limits | None) -> KeyLimits | None:
    return None if wanted is None else limits_in_dollars(wanted)


def _told(limits: KeyLimits | None) -> Limits | None:
    if limits is None:
        return None
    return Limits(
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        tokens_per_day=limits.tokens_per_day,
        tokens_per_month=limits.tokens_per_month,
        usd_per_day=None if limits.usd_per_day is None else limits.usd_per_day / MICRO,
        usd_per_month=None if limits.usd_per_month is None else limits.usd_per_month / MICRO,
        soft=limits.soft,
    )
