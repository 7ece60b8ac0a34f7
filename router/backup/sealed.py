"""An encrypted stream: a passphrase, a key made from it by scrypt, and AES-GCM over pieces.

Pieces are numbered and the last one is marked (the STREAM construction, https://eprint.iacr.org/2015/189), so that a
file that was cut, reordered or changed anywhere does not open.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

MAGIC = b"SWITCHYARD-BACKUP-1\n"
PIECE = 1024 * 1024
SHORTEST = 10
"""Characters of a passphrase: the file holds every key and sign-in."""
_SALT, _PREFIX, _TAG = 16, 7, 16
_WORK = 2**15
"""scrypt's N, with r = 8 and p = 1: 32 MiB and about a tenth of a second, as RFC 7914 has it for files."""


class CannotOpen(ValueError):
    """The passphrase is another one, or the file is damaged: the two look alike."""


def _key(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=_WORK, r=8, p=1).derive(passphrase.encode()))


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, last)


class Writer:
    """A file to write to, whose bytes go encrypted into `target`. Close it: only then is it whole."""

    def __init__(self, target: BinaryIO, passphrase: str, random: Callable[[int], bytes] = os.urandom) -> None:
        salt, self._prefix = random(_SALT), random(_PREFIX)
        self._target = target
        self._cipher = _key(passphrase, salt)
        self._held = bytearray()
        self._number = 0
        target.write(MAGIC + salt + self._prefix)

    def write(self, data: bytes) -> int:
        self._held += data
        while len(self._held) > PIECE:  # one piece at least is kept for the end
            self._put(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(data)

    def close(self) -> None:
        self._put(bytes(self._held), last=True)
        self._held.clear()

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._prefix, self._number, last=last), piece, MAGIC))
        self._number += 1


def opened(source: BinaryIO, passphrase: str) -> Iterator[bytes]:
    """The pieces of what was written. Raises `CannotOpen`; what came before is not to be used then."""
    head = source.read(len(MAGIC) + _SALT + _PREFIX)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + _SALT + _PREFIX:
        raise CannotOpen("this is no backup of Switchyard")
    salt, prefix = head[len(MAGIC) : -_PREFIX], head[-_PREFIX:]
    cipher, number = _key(passphrase, salt), 0
    piece = source.read(PIECE + _TAG)
    while True:
        following = source.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=not following), piece, MAGIC)
        except InvalidTag:
            raise CannotOpen("the passphrase is another one, or the file is damaged") from None
        if not following:
            return
        piece, number = following, number + 1
