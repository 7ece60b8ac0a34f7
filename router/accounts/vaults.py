"""What can be done to the encryption of a folder of accounts and of its profiles: look, encrypt, decrypt, exchange the
key.

Each may be killed at any point: every file is readable at every moment, and running it again finishes it. Files of
other programs stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct

from router.accounts.documents import read_document
from router.accounts.stores.files import FileStore, sealed
from router.accounts.stores.folder import Entry
from router.accounts.unusable import Unusable
from router.vault.cipher import Locked
from router.vault.keys import VARIABLE, AccountVault
from router.vault.profiles import ProfileFiles


class Status(Struct, frozen=True, kw_only=True):
    """sealing: whether new writes are encrypted. key: where it comes from. rotating: a rotation was interrupted. The
    rest are ids of accounts, ``profile NAME`` for profiles, or names of files where nobody can tell."""

    folder: str
    sealing: bool
    key: str
    rotating: bool
    sealed: tuple[str, ...]
    plain: tuple[str, ...]
    found: tuple[str, ...]
    locked: tuple[str, ...]


class Done(Struct, frozen=True, kw_only=True):
    """changed: ids of accounts, and ``profile NAME``, whose files were written. left: names of files that could not be,
    with the reason."""

    changed: tuple[str, ...]
    left: tuple[tuple[str, str], ...]


Work: TypeAlias = Callable[[FileStore, AccountVault, ProfileFiles], Done]
"""`encrypt`, `decrypt` or `rotate`."""
_UNREADABLE = (FileNotFoundError, ValueError, Locked)


def status(store: FileStore, vault: AccountVault, profiles: ProfileFiles) -> Status:
    """How things are; changes nothing. Raises `OSError`."""
    entries = store.entries()
    ours = [entry for entry in entries if entry.ours]
    good = [entry for entry in ours if entry.credential is not None]
    there = vault.key_path.exists()
    key = VARIABLE if vault.master is not None else str(vault.key_path) if there else "none yet"
    shown = {_shown(name): _profile_state(profiles, name) for name in profiles.names()}
    return Status(
        folder=str(store.folder),
        sealing=vault.sealing,
        key=key,
        rotating=vault.next_path.exists(),
        sealed=(*(entry.account for entry in good if sealed(entry)), *_with(shown, "sealed")),
        plain=(*(entry.account for entry in good if not sealed(entry)), *_with(shown, "plain")),
        found=tuple(entry.account for entry in entries if not entry.ours and entry.credential is not None),
        locked=(*(entry.account or entry.name for entry in ours if _locked(entry)), *_with(shown, "locked")),
    )


def encrypt(store: FileStore, vault: AccountVault, profiles: ProfileFiles) -> Done:
    """Encrypt our plain files, and everything that is written from now on. Raises `OSError`."""
    vault.set_sealing(True)
    done = _rewrite(store, lambda entry: not sealed(entry))
    return _and_profiles(done, vault, profiles, lambda name: not profiles.is_sealed(name))


def decrypt(store: FileStore, vault: AccountVault, profiles: ProfileFiles) -> Done:
    """The reverse. Raises `OSError`."""
    vault.set_sealing(False)
    return _and_profiles(_rewrite(store, sealed), vault, profiles, profiles.is_sealed)


def rotate(store: FileStore, vault: AccountVault, profiles: ProfileFiles) -> Done:
    """Write all encrypted files with a new key, and forget the old one once no file needs it. Raises `OSError`.

    With a key from the environment the operator has exchanged it there; then the files are written with that one.
    """
    with store.writing():
        vault.begin_rotation()
    done = _rewrite(store, lambda entry: sealed(entry) and not _newest(entry, vault))
    done = _and_profiles(done, vault, profiles, lambda name: not profiles.is_newest(name))
    with store.writing():  # from here nobody writes, so what is checked stays so
        for entry in _ours(store):
            if sealed(entry) and not _newest(entry, vault):
                store.rewrite(entry)
        _rewrite_profiles(profiles, lambda name: not profiles.is_newest(name))
        vault.finish_rotation()
    return done


def _rewrite(store: FileStore, wanted: Callable[[Entry], bool]) -> Done:
    """Write the wanted ones of our files again, each when no renewal of its account is under way."""
    changed: list[str] = []
    for account in [entry.account for entry in _ours(store) if wanted(entry)]:
        with store.lock(account), store.writing():
            entry = next((one for one in _ours(store) if one.account == account), None)
            if entry is not None and wanted(entry):
                store.rewrite(entry)
                changed.append(account)
    left = [(entry.name, entry.trouble.reason) for entry in store.entries() if entry.ours and entry.trouble is not None]
    return Done(changed=tuple(changed), left=tuple(left))


def _and_profiles(done: Done, vault: AccountVault, profiles: ProfileFiles, wanted: Callable[[str], bool]) -> Done:
    """`done`, and the wanted profiles written again too."""
    with vault.writing():
        changed, left = _rewrite_profiles(profiles, wanted)
    return Done(changed=(*done.changed, *changed), left=(*done.left, *left))


def _rewrite_profiles(profiles: ProfileFiles, wanted: Callable[[str], bool]) -> tuple[list[str], list[tuple[str, str]]]:
    """Under `AccountVault.writing`: nobody writes a profile meanwhile."""
    changed: list[str] = []
    left: list[tuple[str, str]] = []
    for name in profiles.names():
        try:
            if wanted(name):
                profiles.rewrite(name)
                changed.append(_shown(name))
        except _UNREADABLE as error:
            left.append((_shown(name), f"cannot be read: {error}"))
    return changed, left


def _profile_state(profiles: ProfileFiles, name: str) -> str:
    """``sealed``, ``plain``, or ``locked`` where nobody can read it."""
    try:
        kind = "sealed" if profiles.is_sealed(name) else "plain"
        profiles.read(name)
    except (OSError, *_UNREADABLE):
        return "locked"
    return kind


def _with(shown: Mapping[str, str], kind: str) -> tuple[str, ...]:
    return tuple(name for name, is_ in shown.items() if is_ == kind)


def _shown(profile: str) -> str:
    return f"profile {profile}"


def _ours(store: FileStore) -> list[Entry]:
    return [entry for entry in store.entries() if entry.ours and entry.credential is not None]


def _newest(entry: Entry, vault: AccountVault) -> bool:
    """Whether an encrypted file opens with the key that is written with now."""
    try:
        read_document(entry.name, entry.text, vault.open_newest)
    except Unusable:
        return False
    return True


def _locked(entry: Entry) -> bool:
    return entry.trouble is not None and entry.trouble.problem == "locked"
