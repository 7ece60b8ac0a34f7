"""Encryption of what the database stores of conversations: AES-256-GCM with a key in a file of mode 0600."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE = 12
_KEY = 32
KEY_TEMPORARY = ".vault-"
"""How files begin in which a key is made; a crash may leave one."""


class Locked(Exception):
    """What was stored cannot be decrypted with this key: another key wrote it, or it was changed."""


class Vault:
    """Seals and opens bytes. Each is bound to a name, so that one cannot be put in the place of another."""

    def __init__(self, key: bytes, random: Callable[[int], bytes] = os.urandom) -> None:
        """key: 32 bytes. random: gives so many unpredictable bytes."""
        if len(key) != _KEY:
            raise ValueError(f"the vault key must have {_KEY} bytes, not {len(key)}")
        self._cipher = AESGCM(key)
        self._random = random

    def seal(self, plain: bytes, name: str) -> bytes:
        """`plain` encrypted for `name`."""
        nonce = self._random(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, name.encode("utf-8", "surrogatepass"))

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed for `name`. Raises `Locked`."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE:
            raise Locked("it was written in another format")
        nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, text, name.encode("utf-8", "surrogatepass"))
        except InvalidTag:
            raise Locked("it was written with another key, or it was changed") from None


def vault_key(path: Path, random: Callable[[int], bytes] = os.urandom) -> bytes:
    """The key in the file at `path`, which is made (mode 0600) where it is missing; of two processes that make it at
    once, one wins and both use its key. Raises `OSError`, and `ValueError` where the file holds no key."""
    if not path.exists():
        _create(path, random(_KEY))
    key = path.read_bytes()
    if len(key) != _KEY:
        raise ValueError(f"{path} holds no vault key of {_KEY} bytes")
    return key


def _create(path: Path, key: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=KEY_TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o600)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
