"""Keys of this gateway over the management API: list, create, revoke. A new key is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from router.access.keys import ClientKey, KeyRing, Scope, digest, generate, key_id
from router.api.manage.operation import Asked, Operation, Refused
from router.clock import Clock


class Store(Protocol):
    """The database of keys (`router.memory.Memory`)."""

    async def add_key(self, key: ClientKey) -> None: ...

    async def revoke_key(self, id_or_name: str) -> Sequence[str]: ...


class Key(Struct, frozen=True):
    """One key, never its text. source: where it is kept; only those of the database can be revoked here. Times: Unix
    seconds."""

    id: str
    name: str
    scopes: list[Scope]
    source: Literal["settings", "file", "database"]
    state: Literal["usable", "expired", "revoked"]
    expires_at: float | None


class Keys(Struct, frozen=True):
    keys: list[Key]


class Wanted(Struct, forbid_unknown_fields=True):
    """expires_in: seconds from now; without it the key does not expire."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$")]
    scope: Scope = "client"
    expires_in: Annotated[float, Meta(gt=0, le=315_360_000)] | None = None


class Made(Struct, frozen=True):
    """key: the text itself, which is shown this once."""

    id: str
    name: str
    key: str


class KeyDesk:
    """store: the database, None while it is not open."""

    def __init__(self, ring: KeyRing, store: Callable[[], Store | None], clock: Clock) -> None:
        self._ring = ring
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
                method="DELETE", path="/keys/{id}", need="admin", name="key_revoke", handler=self.revoke,
                summary="Revoke a key of the database: new calls with it are refused within a second.", audited=True,
            ),
        ]  # fmt: skip

    async def all(self, asked: Asked) -> Keys:
        now = self._clock.wall()
        return Keys([_shown(key, now) for key in self._all()])

    async def create(self, asked: Asked) -> Made:
        wanted: Wanted = asked.body
        secret = generate()
        hexadecimal = digest(secret)
        until = self._clock.wall() + wanted.expires_in if wanted.expires_in is not None else None
        key = ClientKey(
            id=key_id(hexadecimal),
            name=wanted.name,
            digest=hexadecimal,
            scopes=(wanted.scope,),
            expires_at=until,
            source="database",
        )
        try:
            await self._open().add_key(key)
        except ValueError as problem:
            raise Refused(409, f"{problem}.") from None
        await asyncio.to_thread(self._ring.renew)
        return Made(key.id, key.name, secret.reveal())

    async def revoke(self, asked: Asked) -> None:
        wanted = asked.path["id"]
        known = next((key for key in self._all() if key.id == wanted), None)
        if known is not None and known.source != "database":
            where = "the settings" if known.source == "settings" else "a file in state/keys"
            raise Refused(409, f"{known.name!r} is a key of {where}: remove it there.")
        if not await self._open().revoke_key(wanted):
            raise Refused(404, f"No key in use has the id {wanted[:100]!r}.")
        await asyncio.to_thread(self._ring.renew)

    def _all(self) -> Sequence[ClientKey]:
        return self._ring.keys()

    def _open(self) -> Store:
        store = self._store()
        if store is None:
            raise Refused(503, "There is no database yet. Run `make up`, or wait a moment after a start.")
        return store


def _shown(key: ClientKey, now: float) -> Key:
    state: Literal["usable", "expired", "revoked"] = "usable"
    if not key.usable(now):
        state = "revoked" if key.revoked_at is not None else "expired"
    return Key(key.id, key.name, list(key.scopes), key.source, state, key.expires_at)
