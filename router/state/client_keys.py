"""Client keys in the database: digests only, never the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select, update

from router.state.tables import client_keys


class StoredKey(Struct, frozen=True, kw_only=True):
    """One row. digest: SHA-256 in hexadecimal. Times: Unix seconds; expires_at None: never, revoked_at None: in use.
    concurrency None: any number of calls at once. limits: `router.access.limits.KeyLimits` as JSON, "" for none.
    rights: `router.settings.auth.KeyRights` as JSON, "" for all."""

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...] = ("client",)
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    concurrency: int | None = None
    queue: int = 0
    priority: str = "interactive"
    limits: str = ""
    rights: str = ""
    disabled: bool = False


def add_key(connection: Connection, key: StoredKey) -> None:
    """Store a key. Raises `ValueError` where a key in use has its name."""
    taken = select(client_keys.c.id).where(client_keys.c.name == key.name, client_keys.c.revoked_at.is_(None))
    if connection.execute(taken).first() is not None:
        raise ValueError(f"there is already a key named {key.name!r}; revoke it first or choose another name")
    connection.execute(
        insert(client_keys).values(
            id=key.id,
            name=key.name,
            digest=key.digest,
            scopes=" ".join(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            concurrency=key.concurrency,
            queue=key.queue,
            priority=key.priority,
            limits=key.limits,
            rights=key.rights,
            disabled=key.disabled,
        )
    )


def list_keys(connection: Connection) -> list[StoredKey]:
    """Every key, revoked ones too, the oldest first."""
    rows = connection.execute(select(client_keys).order_by(client_keys.c.created_at, client_keys.c.id))
    return [_stored(row) for row in rows]


def find_key(connection: Connection, id_or_name: str) -> StoredKey | None:
    """The key with this id or name that is not revoked."""
    row = connection.execute(select(client_keys).where(_mine(id_or_name))).first()
    return None if row is None else _stored(row)


def revoke_key(connection: Connection, id_or_name: str, now: float) -> Sequence[str]:
    """Revoke the key in use with this id or name. Returns the ids that were revoked: one, or none."""
    mine = _mine(id_or_name)
    ids = [str(row.id) for row in connection.execute(select(client_keys.c.id).where(mine))]
    connection.execute(update(client_keys).where(client_keys.c.id.in_(ids)).values(revoked_at=now))
    return ids


def change_key(connection: Connection, key: StoredKey) -> None:
    """Write what may be changed of a key that is there: all but what it is known by, and its scopes."""
    values = {name: getattr(key, name) for name in _CHANGEABLE}
    connection.execute(update(client_keys).where(client_keys.c.id == key.id).values(**values))


def change_digest(connection: Connection, key_id: str, digest: str) -> None:
    """Write the digest of another text for a key that is there."""
    connection.execute(update(client_keys).where(client_keys.c.id == key_id).values(digest=digest))


_CHANGEABLE = ("expires_at", "concurrency", "queue", "priority", "limits", "rights", "disabled")


def usable_keys(connection: Connection, now: float, scope: str = "client") -> int:
    """How many keys of `scope` are neither revoked, disabled nor expired at `now`."""
    alive = or_(client_keys.c.expires_at.is_(None), client_keys.c.expires_at > now)
    scoped = (" " + client_keys.c.scopes + " ").contains(f" {scope} ", autoescape=True)
    counts = (client_keys.c.revoked_at.is_(None), client_keys.c.disabled.is_(False), alive, scoped)
    return int(connection.execute(select(func.count()).select_from(client_keys).where(*counts)).scalar_one())


def _mine(id_or_name: str) -> ColumnElement[bool]:
    named = or_(client_keys.c.id == id_or_name, client_keys.c.name == id_or_name)
    return named & client_keys.c.revoked_at.is_(None)


def _stored(row: Row[Any]) -> StoredKey:
    return StoredKey(**{**row._mapping, "scopes": tuple(row.scopes.split())})
