"""Keys of the database: as the ring has them, and how they are changed there. Needs a transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from router.access.keys import SCOPES, ClientKey
from router.access.limits import KeyLimits
from router.call import PRIORITIES
from router.settings.auth import KeyRights
from router.settings.key_rights import wrong_patterns
from router.state.client_keys import StoredKey, change_digest, change_key, find_key, list_keys
from router.state.database import Connection

Change: TypeAlias = Callable[[ClientKey], ClientKey]
"""Gives a key as it is to be. May raise `ValueError`: then nothing has changed."""


def from_stored(key: StoredKey) -> ClientKey:
    """A row of the database as a key of the ring. One whose rights or limits cannot be read is disabled: it must not
    have all."""
    try:
        rights, limits, disabled = _rights(key.rights), _limits(key.limits), key.disabled
    except ValueError:
        rights, limits, disabled = None, None, True
    return ClientKey(
        id=key.id,
        name=key.name,
        digest=key.digest,
        scopes=tuple(scope for scope in SCOPES if scope in key.scopes),
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        disabled=disabled,
        source="database",
        concurrency=key.concurrency,
        queue=key.queue,
        priority=next((known for known in PRIORITIES if known == key.priority), "interactive"),
        limits=limits,
        rights=rights,
    )


def to_stored(key: ClientKey, now: float) -> StoredKey:
    """A key of the ring as a row. now: when it is made."""
    return StoredKey(
        id=key.id,
        name=key.name,
        digest=key.digest,
        scopes=key.scopes,
        created_at=now,
        expires_at=key.expires_at,
        concurrency=key.concurrency,
        queue=key.queue,
        priority=key.priority,
        limits=msgspec.json.encode(key.limits).decode() if key.limits is not None else "",
        rights=key.rights.model_dump_json(exclude_defaults=True) if key.rights is not None else "",
        disabled=key.disabled,
    )


def stored_keys(connection: Connection) -> tuple[ClientKey, ...]:
    """Every key of the database, revoked ones too."""
    return tuple(from_stored(key) for key in list_keys(connection))


def change_stored(connection: Connection, id_or_name: str, change: Change) -> ClientKey | None:
    """Change a key as it stands there now, whatever others made of it a moment ago. None where none in use has this id
    or name. Raises what `change` raises."""
    row = find_key(connection, id_or_name)
    if row is None:
        return None
    changed = _written(change(from_stored(row)), row, row.created_at)
    change_key(connection, changed)
    return from_stored(changed)


def rotate_stored(connection: Connection, id_or_name: str, digest: str) -> ClientKey | None:
    """Give a key another text, whose digest this is; the old one is unknown from then on. All else stays, its id too:
    what it has used of its limits is not forgotten. None where none in use has this id or name."""
    row = find_key(connection, id_or_name)
    if row is None:
        return None
    change_digest(connection, row.id, digest)
    return from_stored(replace(row, digest=digest))


def _written(key: ClientKey, before: StoredKey, now: float) -> StoredKey:
    """A key as a row. Rights and limits that did not change stay as they stand there, also where they cannot be read:
    who enables such a key must not give it all."""
    stored, known = to_stored(key, now), from_stored(before)
    if key.rights == known.rights:
        stored = replace(stored, rights=before.rights)
    return replace(stored, limits=before.limits) if key.limits == known.limits else stored


def _limits(text: str) -> KeyLimits | None:
    """Raises `ValueError` for those that mean nothing here, as ones of a newer version may."""
    if not text:
        return None
    try:
        made = msgspec.json.decode(text, type=KeyLimits)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ValueError("the limits of a key cannot be read") from error
    return None if made.nothing else made


@lru_cache(maxsize=1024)
def _rights(text: str) -> KeyRights | None:
    """Raises `ValueError` for those that mean nothing here. Every key is read again every other second, and after a
    call with an unknown one: reading its rights takes ten times as long as all the rest."""
    if not text:
        return None
    try:
        rights = KeyRights.model_validate_json(text)
    except ValidationError as error:
        raise ValueError("the rights of a key cannot be read") from error
    for mistake in wrong_patterns(rights):
        raise ValueError(str(mistake))
    return rights
