"""What lies in a folder of account files at one moment: each file read, none changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.documents import Crypt, read_document
from router.accounts.labels import SUFFIX
from router.accounts.stores.base import Problem, Trouble
from router.accounts.twins import Named, settle
from router.accounts.unusable import Kind, Unusable
from router.vault.disk import Odd, Signature, read_bounded

_PROBLEMS: dict[Kind, Problem] = {"corrupt": "corrupt", "locked": "locked", "newer": "unreadable"}


class Entry(Struct, frozen=True, kw_only=True):
    """One file. credential or trouble, or neither where it is no account. ours: it has our marker. movable: it is
    corrupt, and nobody's but ours. text: as read."""

    name: str
    credential: Credential | None = None
    trouble: Trouble | None = None
    ours: bool = False
    movable: bool = False
    text: bytes = b""
    signature: Signature | None = None

    def __repr__(self) -> str:
        return f"Entry({self.name})"  # the text holds tokens

    @property
    def account(self) -> str:
        """The id that it is known under, "" where nobody can tell."""
        if self.credential is not None:
            return self.credential.id
        return self.trouble.account if self.trouble is not None else ""


def read_folder(folder: Path, open_sealed: Crypt | None) -> list[Entry]:
    """Every ``*.json`` of `folder` in the order of names, with ids that are unique; those that are no account are left
    out. A missing folder is an empty one. Raises `OSError` where the folder cannot be listed."""
    entries = [entry for name in _names(folder) if (entry := _read(folder, name, open_sealed)) is not None]
    settled = settle(Named(entry.name, entry.credential) for entry in entries if entry.credential is not None)
    kept = {one.name: one.credential for one in settled.kept}
    duplicates = {one.name: (one.credential.id, first) for one, first in settled.duplicates}
    return [shown for entry in entries if (shown := _shown(entry, kept, duplicates)) is not None]


def _shown(entry: Entry, kept: dict[str, Credential], duplicates: dict[str, tuple[str, str]]) -> Entry | None:
    if entry.credential is None:
        return entry
    if entry.name in kept:
        return replace(entry, credential=kept[entry.name])
    if entry.name in duplicates:
        account, first = duplicates[entry.name]
        reason = f"holds the tokens of {first} once more; delete one of the two"
        return replace(entry, credential=None, trouble=Trouble(entry.name, "duplicate", reason, account))
    return None  # another program's, and we own its account


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return sorted(one.name for one in found if is_candidate(one.name))
    except FileNotFoundError:
        return []


def is_candidate(name: str) -> bool:
    """Whether a name is looked at."""
    return name.endswith(SUFFIX) and not name.startswith(".")


def _read(folder: Path, name: str, open_sealed: Crypt | None) -> Entry | None:
    try:
        text, signature = read_bounded(folder / name)
    except FileNotFoundError:
        return None
    except Odd as error:
        return Entry(name=name, trouble=Trouble(name, "unreadable", str(error)))
    try:
        credential = read_document(name, text, open_sealed)
    except Unusable as error:
        if error.kind == "nothing":
            return None
        trouble = Trouble(name, _PROBLEMS[error.kind], error.reason, error.account)
        movable = error.kind == "corrupt" and (error.ours or error.named)
        return Entry(name=name, trouble=trouble, ours=error.ours, movable=movable, text=text, signature=signature)
    return Entry(name=name, credential=credential, ours=credential.owner == "ours", text=text, signature=signature)


def signatures(folder: Path) -> Iterator[tuple[str, Signature]]:
    """The names and signatures of all that `read_folder` would look at; links are not followed."""
    try:
        with os.scandir(folder) as found:
            for one in found:
                if is_candidate(one.name):
                    try:
                        facts = one.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    yield one.name, (facts.st_size, facts.st_mtime_ns, facts.st_ino)
    except FileNotFoundError:
        return
