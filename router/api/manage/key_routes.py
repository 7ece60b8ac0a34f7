"""Keys of this gateway over the management API: list, create, change, rotate, revoke. A new key is shown once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from router.access.keys import ClientKey, KeyRing, digest, generate, key_id, with_rights
from router.api.manage.key_shapes import LARGEST, Changed, Key, Keys, Made, Wanted, given_limits, given_rights, shown
from router.api.manage.operation import Asked, Link, Operation, Refused
from router.clock import Clock
from router.settings.provider_names import ProviderNames
from router.usage.budgets import Budgets


class Store(Protocol):
    """The database of keys (`router.memory.Memory`)."""

    async def add_key(self, key: ClientKey) -> None: ...

    async def revoke_key(self, id_or_name: str) -> Sequence[str]: ...

    async def change_key(self, key_id: str, change: Callable[[ClientKey], ClientKey]) -> ClientKey | None: ...

    async def rotate_key(self, old: str, digest: str) -> ClientKey | None: ...


class KeyDesk:
    """store: the database, None while it is not open. names: of the providers that rights may name."""

    def __init__(
        self,
        ring: KeyRing,
        budgets: Budgets,
        store: Callable[[], Store | None],
        names: Callable[[], ProviderNames],
        clock: Clock,
    ) -> None:
        self._ring = ring
        self._budgets = budgets
        self._store = store
        self._names = names
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
                size=LARGEST,
                next=[Link(name, {"id": "/id"}) for name in ("key_change", "key_rotate", "key_revoke")],
            ),
            Operation(
                method="PATCH", path="/keys/{id}", need="admin", name="key_change", body=Changed, answer=Key,
                handler=self.change, audited=True, size=LARGEST,
                summary="Change a key of the database: when it ends, what it may use and do, whether it is refused.",
            ),
            Operation(
                method="POST", path="/keys/{id}/rotate", need="admin", name="key_rotate", answer=Made,
                handler=self.rotate, audited=True,
                summary="Give a key of the database a new text; the old one ends at once. Nothing else differs.",
            ),
            Operation(
                method="DELETE", path="/keys/{id}", need="admin", name="key_revoke", handler=self.revoke,
                summary="Revoke a key of the database: new calls with it are refused within a second.", audited=True,
            ),
        ]  # fmt: skip

    async def all(self, asked: Asked) -> Keys:
        keys = self._all()
        await self._budgets.look(keys)
        return Keys([self._shown(key) for key in keys])

    async def create(self, asked: Asked) -> Made:
        wanted: Wanted = asked.body
        secret = generate()
        hexadecimal = digest(secret)
        key = ClientKey(
            id=key_id(hexadecimal),
            name=wanted.name,
            digest=hexadecimal,
            scopes=(wanted.scope,),
            expires_at=self._until(wanted.expires_in),
            source="database",
            concurrency=wanted.concurrency,
            queue=wanted.queue,
            priority=wanted.priority,
            limits=given_limits(wanted.limits),
        )
        if wanted.rights is not None:
            key = self._with_rights(key, given_rights(wanted.rights))
        try:
            await self._open().add_key(key)
        except ValueError as problem:
            raise Refused(409, f"{problem}.", {"name": str(problem)}) from None
        await self._ring.look(at_once=True)
        return Made(key.id, key.name, secret.reveal())

    async def change(self, asked: Asked) -> Key:
        wanted: Changed = asked.body
        known = self._own(asked.path["id"])
        key = await self._open().change_key(known.id, lambda key: self._changed(key, wanted))
        if key is None:
            raise _gone(known.id)
        await self._ring.look(at_once=True)
        return self._shown(key)

    async def rotate(self, asked: Asked) -> Made:
        old, secret = self._own(asked.path["id"]), generate()
        key = await self._open().rotate_key(old.id, digest(secret))
        if key is None:
            raise _gone(old.id)
        await self._ring.look(at_once=True)
        return Made(key.id, key.name, secret.reveal())

    async def revoke(self, asked: Asked) -> None:
        key = self._own(asked.path["id"])
        if not await self._open().revoke_key(key.id):
            raise _gone(key.id)
        await self._ring.look(at_once=True)

    def _changed(self, key: ClientKey, wanted: Changed) -> ClientKey:
        """The key after a change. Raises `Refused`."""
        if wanted.expires_in is not UNSET:
            key = replace(key, expires_at=self._until(wanted.expires_in))
        if wanted.limits is not UNSET:
            key = replace(key, limits=given_limits(wanted.limits))
        if wanted.rights is not UNSET:
            key = self._with_rights(key, given_rights(wanted.rights))
        plain = {name: getattr(wanted, name) for name in ("concurrency", "queue", "priority", "disabled")}
        return replace(key, **{name: value for name, value in plain.items() if value is not UNSET})

    def _with_rights(self, key: ClientKey, given: dict[str, Any]) -> ClientKey:
        try:
            return with_rights(key, given, self._names())
        except ValueError as problem:
            raise Refused(400, f"The body does not fit: {problem}") from None

    def _until(self, seconds: float | None) -> float | None:
        return None if seconds is None else self._clock.wall() + seconds

    def _own(self, wanted: str) -> ClientKey:
        """A key of the database that is in use. Raises `Refused`."""
        known = next((key for key in self._all() if key.id == wanted and key.revoked_at is None), None)
        if known is None:
            raise _gone(wanted)
        if known.source != "database":
            where = "the settings" if known.source == "settings" else "a file in state/keys"
            raise Refused(409, f"{known.name!r} is a key of {where}: change or remove it there.")
        return known

    def _shown(self, key: ClientKey) -> Key:
        return shown(key, self._clock.wall(), self._budgets.used(key), self._budgets.resets(key))

    def _all(self) -> Sequence[ClientKey]:
        return self._ring.keys()

    def _open(self) -> Store:
        store = self._store()
        if store is None:
            raise Refused(503, "There is no database yet. Run `make up`, or wait a moment after a start.")
        return store


def _gone(wanted: str) -> Refused:
    return Refused(404, f"No key in use has the id {wanted[:100]!r}.")
