"""Where keys come from: the settings, generated files, the database."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sqlalchemy import Connection

from router.access.keys import SCOPES, ClientKey, Scope, digest, generate, key_id
from router.secret import Secret
from router.settings.schema import Settings
from router.state.client_keys import StoredKey, list_keys


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


def ensure_key_files(folder: Path, scopes: Iterable[Scope] = SCOPES) -> dict[Scope, Secret]:
    """Generate the keys that are missing, each in a file of mode 0600. Returns the new ones, to be shown once."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: dict[Scope, Secret] = {}
    for scope in scopes:
        path = folder / f"{scope}.key"
        if path.exists() and path.stat().st_size > 0:
            continue
        key = generate()
        if _write_new(path, key):
            made[scope] = key
    return made


def _write_new(path: Path, key: Secret) -> bool:
    """False where another process was first. An empty file, left by a crash, is replaced."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(key.reveal() + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        if path.exists() and path.stat().st_size == 0:
            path.unlink()
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        return True
    finally:
        temporary.unlink()


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


def data_version(path: Path) -> Callable[[], int]:
    """A function that gives SQLite's ``data_version`` on a connection of its own: it changes when anybody else writes.

    Costs some microseconds (https://www.sqlite.org/pragma.html#pragma_data_version).
    """
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)

    def version() -> int:
        return int(connection.execute("PRAGMA data_version").fetchone()[0])

    return version
