"""The key that account files and profiles are encrypted with: from ``SWITCHYARD_MASTER_KEY``, else from a file beside
them."""

from __future__ import annotations

import base64
import binascii
import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from router.vault.cipher import Locked, Vault, vault_key
from router.vault.disk import Disk, private_folder, writing

VARIABLE = "SWITCHYARD_MASTER_KEY"
OLD_VARIABLE = "SWITCHYARD_OLD_MASTER_KEY"
KEY_FILE = ".switchyard-vault.key"
NEXT_FILE = ".switchyard-vault.key.next"
PLAIN_FILE = ".switchyard-plain"
"""Says that nothing is to be encrypted here: ``switchyard vault decrypt`` makes it, ``encrypt`` removes it."""
_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class WrongKey(ValueError):
    """A key in the environment that is none. The message says what to do and quotes nothing."""


class AccountVault:
    """Seals and opens the secret parts of the account files of one folder.

    Everybody who writes holds the folder's lock (`writing`), so that a key is never exchanged under a write.
    """

    def __init__(
        self,
        folder: Path,
        master: bytes | None = None,
        older: tuple[bytes, ...] = (),
        *,
        disk: Disk | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """master: the key of the environment, which wins over the file. older: further ones that only open."""
        self.folder = folder
        self.master = master
        self._older = older
        self._disk = disk if disk is not None else Disk()
        self._random = random
        self._known: list[bytes] = []

    @property
    def key_path(self) -> Path:
        return self.folder / KEY_FILE

    @property
    def next_path(self) -> Path:
        """The key that a rotation under way goes over to; there only meanwhile."""
        return self.folder / NEXT_FILE

    @property
    def sealing(self) -> bool:
        """Whether what is written now is to be encrypted."""
        return not (self.folder / PLAIN_FILE).exists()

    def set_sealing(self, on: bool) -> None:
        """Say for all processes whether what is written from now on is encrypted. Raises `OSError`."""
        path = self.folder / PLAIN_FILE
        if on and path.exists():
            self._disk.remove(path)
        elif not on and not path.exists():
            private_folder(self.folder)
            self._disk.put(path, b"switchyard vault decrypt was run here\n")

    def seal(self, plain: bytes, name: str) -> bytes:
        """`plain` encrypted for `name` with the newest key, which is made where there is none. Raises `OSError`."""
        return self._vault(self.newest()).seal(plain, name)

    def open(self, sealed: bytes, name: str) -> bytes:
        """What was sealed for `name` with any key that is known here. Raises `Locked`."""
        try:
            return self._try(self._known, sealed, name)
        except Locked:
            self._known = list(self._keys())  # another process may have changed them
        if not self._known:
            raise Locked(f"its key is missing: restore {self.key_path}, or set {VARIABLE}")
        return self._try(self._known, sealed, name)

    def open_newest(self, sealed: bytes, name: str) -> bytes:
        """What was sealed with the very key that `seal` takes. Raises `Locked` and `OSError`."""
        return self._vault(self.newest()).open(sealed, name)

    def newest(self) -> bytes:
        """The key that is sealed with. A key file that somebody deleted comes back from memory. Raises `OSError`."""
        if self.master is not None:
            return self.master
        if self.next_path.exists():
            return self._made(self.next_path)
        if not self.key_path.exists() and self._known:
            private_folder(self.folder)
            self._disk.put(self.key_path, self._known[0], new=True)
        return self._made(self.key_path)

    def writing(self) -> AbstractContextManager[None]:
        """As `router.vault.disk.writing`, of this folder."""
        return writing(self.folder)

    def begin_rotation(self) -> None:
        """Make the next key, unless an interrupted rotation left one. From now on `seal` takes it. Raises `OSError`."""
        if self.master is None:
            self._made(self.key_path)
            self._made(self.next_path)

    def finish_rotation(self) -> None:
        """The next key becomes the key, and the old one is gone. Raises `OSError`."""
        if self.master is None and self.next_path.exists():  # else another process was quicker
            self._disk.move(self.next_path, self.key_path)
            self._known = list(self._keys())

    def _made(self, path: Path) -> bytes:
        """The key at `path`, made where it is missing."""
        private_folder(self.folder)
        there = path.exists()
        try:
            key = vault_key(path, self._random)
        except ValueError:
            raise OSError(errno.EINVAL, "holds no vault key; restore it from a backup", str(path)) from None
        if not there:
            self._disk.sync(self.folder)
            self._known = list(self._keys())
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return key

    def _keys(self) -> Iterator[bytes]:
        """All keys that may have sealed something, the likeliest first."""
        if self.master is not None:
            yield self.master
        for path in (self.key_path, self.next_path):
            try:
                key = path.read_bytes()
            except OSError:
                continue
            if len(key) == _BYTES:
                yield key
        yield from self._older

    def _try(self, keys: list[bytes], sealed: bytes, name: str) -> bytes:
        failure = Locked("there is no key")
        for key in keys:
            try:
                return self._vault(key).open(sealed, name)
            except Locked as error:
                failure = error
        raise failure

    def _vault(self, key: bytes) -> Vault:
        return Vault(key, self._random)


def account_vault(folder: Path, environ: Mapping[str, str], *, disk: Disk | None = None) -> AccountVault:
    """The vault of `folder`. Nothing is read or made yet. Raises `WrongKey`."""
    master = environ.get(VARIABLE, "").strip()
    older = [text for text in environ.get(OLD_VARIABLE, "").split(",") if text.strip()]
    return AccountVault(
        folder,
        read_key(master, VARIABLE) if master else None,
        tuple(read_key(text, OLD_VARIABLE) for text in older),
        disk=disk,
    )


def read_key(text: str, variable: str) -> bytes:
    """A key as 64 hexadecimal digits or as base64. Raises `WrongKey`."""
    text = text.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    try:
        key = base64.b64decode(text.translate({45: "+", 95: "/"}) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise WrongKey(
            f"{variable} is no key: it must be {_BYTES} bytes as 64 hexadecimal digits or as base64, and what it holds "
            f"has {len(text)} characters. A good one comes from: openssl rand -hex {_BYTES}"
        )
    return key
