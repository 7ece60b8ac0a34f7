"""Keys of the database."""

from __future__ import annotations

import msgspec

from router.access.keys import SCOPES, ClientKey
from router.access.limits import KeyLimits
from router.call import PRIORITIES
from router.state.client_keys import StoredKey, list_keys
from router.state.database import Connection


def from_stored(key: StoredKey) -> ClientKey:
    """A row of the database as a key of the ring."""
    return ClientKey(
        id=key.id,
        name=key.name,
        digest=key.digest,
        scopes=tuple(scope for scope in SCOPES if scope in key.scopes),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        source="database",
        concurrency=key.concurrency,
        queue=key.queue,
        priority=next((known for known in PRIORITIES if known == key.priority), "interactive"),
        limits=_limits(key.limits),
    )


def _limits(text: str) -> KeyLimits | None:
    """Those of a newer version that mean nothing here are left out."""
    if not text:
        return None
    try:
        made = msgspec.json.decode(text, type=KeyLimits)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return None if made.nothing else made


def stored_keys(connection: Connection) -> tuple[ClientKey, ...]:
    """Every key of the database, revoked ones too."""
    return tuple(from_stored(key) for key in list_keys(connection))
