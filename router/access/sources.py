"""Keys of the settings and of generated files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from router.access.keys import SCOPES, ClientKey, digest, key_id
from router.access.limits import limits_in_dollars
from router.secret import Secret
from router.settings.schema import Settings


def settings_keys(settings: Settings) -> Iterator[ClientKey]:
    """The keys of ``auth.keys``, and the management key of ``auth.management``."""
    for entry in settings.auth.keys:
        hexadecimal = entry.fingerprint
        expires = entry.expires.timestamp() if entry.expires is not None else None
        yield ClientKey(
            id=key_id(hexadecimal),
            name=entry.name,
            digest=hexadecimal,
            scopes=(entry.scope,),
            expires_at=expires,
            disabled=entry.disabled,
            concurrency=entry.concurrency,
            queue=entry.queue,
            priority=entry.priority,
            limits=limits_in_dollars(entry.limits),
            rights=entry.rights,
        )
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
