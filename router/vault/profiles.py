"""Signed-in browsers on disk: one file each, encrypted as account files are. Shared by router and services.

Where nothing is encrypted, a file is Playwright's storage state (https://playwright.dev/docs/auth). Else it is
``{"switchyard": 1, "profile": NAME, "sealed": base64}`` of the same bytes, encrypted for this name, so that one
person's session cannot be put in the place of another's.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path
from typing import Any

import msgspec

from router.vault.cipher import Locked
from router.vault.disk import Disk, private_folder
from router.vault.keys import AccountVault
from router.wire import codec

FOLDER = "auth_profiles"
"""In the folder of the accounts."""
DEFAULT = "default"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
OTHERS = "webai-"
"""Profiles of another service in the same folder begin so."""
_ODD = re.compile(r"[^a-z0-9._-]+")
_PREFIX = "aistudio-"
_COOKIE = frozenset({"name", "value", "domain"})


class ProfileFiles:
    """The profiles of one folder. vault: None writes plain files and opens no encrypted one."""

    def __init__(self, folder: Path, vault: AccountVault | None, *, disk: Disk | None = None) -> None:
        self.folder = folder
        self._vault = vault
        self._disk = disk if disk is not None else Disk()

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted(path.stem for path in self.folder.glob("*.json") if NAME.fullmatch(path.stem))

    def path(self, name: str) -> Path:
        """Raises `ValueError` for what is no name."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is no name of a profile")
        return self.folder / f"{name}.json"

    def read(self, name: str) -> bytes:
        """The storage state. Raises `OSError`, `Locked`, and `ValueError` for a damaged file."""
        data = self.path(name).read_bytes()
        sealed = _sealed(data)
        if sealed is None:
            return data
        if self._vault is None:
            raise Locked("it is encrypted, and there is no key here")
        return self._vault.open(sealed, _place(name))

    def write(self, name: str, state: bytes) -> None:
        """Write a profile whole or not at all, readable by its owner only. Raises `OSError`."""
        path = self.path(name)
        if self._vault is None:
            self._put(path, state)
            return
        with self._vault.writing():
            self._put(path, self._written(name, state))

    def rewrite(self, name: str) -> None:
        """Write a file again as `write` would. Under `AccountVault.writing`. Raises as `read`."""
        self._put(self.path(name), self._written(name, self.read(name)))

    def is_sealed(self, name: str) -> bool:
        """Whether a file is encrypted. Raises `OSError` and `ValueError`."""
        return _sealed(self.path(name).read_bytes()) is not None

    def is_newest(self, name: str) -> bool:
        """Whether an encrypted file opens with the key that is written with now. Raises as `read`."""
        sealed = _sealed(self.path(name).read_bytes())
        try:
            if sealed is not None and self._vault is not None:
                self._vault.open_newest(sealed, _place(name))
        except Locked:
            return False
        return True

    def _written(self, name: str, state: bytes) -> bytes:
        if self._vault is None or not self._vault.sealing:
            return state
        sealed = self._vault.seal(state, _place(name))
        document = {"switchyard": 1, "profile": name, "sealed": base64.b64encode(sealed).decode()}
        return msgspec.json.format(codec.dumps(document), indent=2) + b"\n"

    def _put(self, path: Path, data: bytes) -> None:
        private_folder(path.parent)
        self._disk.put(path, data)


def profile_name(file: str) -> str:
    """The name that the profile in a file called `file` gets: ``aistudio-Work.json`` is ``work``."""
    kept = _ODD.sub("-", file.lower().removesuffix(".json").removeprefix(_PREFIX)).lstrip("-._")
    return kept[:63] or DEFAULT


def storage_state(held: Any) -> dict[str, Any] | None:
    """A storage state of `held`, which is one, or a list of cookies; None for anything else."""
    if isinstance(held, dict) and _cookies(held.get("cookies")) and isinstance(held.get("origins", []), list):
        return held
    return {"cookies": held, "origins": []} if held and _cookies(held) else None


def _cookies(held: Any) -> bool:
    return isinstance(held, list) and all(isinstance(each, dict) and set(each) >= _COOKIE for each in held)


def _sealed(data: bytes) -> bytes | None:
    """The encrypted part of a file, None where it is plain. Raises `ValueError`."""
    if b'"sealed"' not in data[:400]:
        return None
    document = codec.loads(data)
    if not isinstance(document, dict) or "switchyard" not in document:
        return None
    try:
        return base64.b64decode(document["sealed"], validate=True)
    except (binascii.Error, TypeError):
        raise ValueError('it has a damaged "sealed" part') from None


def _place(name: str) -> str:
    return f"profile {name}"
