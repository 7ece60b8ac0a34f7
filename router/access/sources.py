"""Where keys come from: the settings, generated files, the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from router.access.keys import SCOPES, ClientKey, digest, key_id
from router.secret import Secret
from router.settings.schema import Settings
from router.state.client_keys import StoredKey, list_keys
from router.state.database import Connection


def settings_keys(settings: Settings) -> Iterator[ClientKey]:
    """The keys of ``auth.keys``, and the management key of ``auth.management``."""
    for entry in settings.auth.keys:
        hexadecimal = entry.digest or digest(entry.key or Secret(""))
        expires = entry.expires.timestamp() if entry.expires is not None else None
        yield ClientKey(id=key_id(hexadecimal), name=entry.name, digest=hexadecimal, expires_at=expires)
    if settings.auth.management.key is not None:
        hexadecimal = digest(settings.auth.management.key)
        yield ClientKey(id=key_id(hexadecimal), name="management", digest=hexadecimal, scopes=("management",))


def file_keys(folder: Path) -> Iterator[ClientKey]:
    """The generated keys: ``client.key``, ``management.key``, ``service.key`` in `folder`. Missing ones are left out.

    Raises `OSError` where one cannot be read.
    """
    for scope in SCOPES:
        path = folder / f"{scope}.key"
        if path.exists() and (text := path.read_text(encoding="utf-8").strip()):
            hexadecimal = digest(Secret(text))
            yield ClientKey(id=key_id(hexadecimal), name=scope, digest=hexadecimal, scopes=(scope,), source="file")


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
    )


def stored_keys(connection: Connection) -> tuple[ClientKey, ...]:
    """Every key of the database, revoked ones too."""
    return tuple(from_stored(key) for key in list_keys(connection))
