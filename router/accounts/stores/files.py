"""Accounts in a folder, one JSON file each; the folder may be another program's too, whose files are never touched.

Every write is made under the folder's lock, in a temporary file that takes the place of the old one. Nothing is kept
between calls but what tells our own writes from others', so any number of processes may use one folder.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.documents import is_sealed, write_document
from router.accounts.labels import DEFAULT, SUFFIX, file_name, label_problem
from router.accounts.stores.base import Contents, Trouble
from router.accounts.stores.folder import Entry, read_folder, signatures
from router.clock import Clock
from router.settings.presets import shipped_presets
from router.settings.provider_names import SIGN_INS, by_key
from router.vault.cipher import KEY_TEMPORARY
from router.vault.disk import LOCKS, TEMPORARY, Disk, Signature, locked, private_folder, signature, writing
from router.vault.keys import AccountVault

_log = logging.getLogger("switchyard.accounts")
_YOUNG = 60.0
"""Seconds for which a damaged file without our marker may still be in the middle of being written by its owner."""
_ABANDONED = 3600.0
"""Seconds after which a temporary file is one that a crash left."""
_ASIDE = "was damaged and moved aside; put it right and give it its name back, or delete it"


class FileStore:
    """An `AccountStore` over a folder. Safe to call from several threads."""

    def __init__(self, folder: Path, vault: AccountVault | None, clock: Clock, *, disk: Disk | None = None) -> None:
        """vault: None writes plain files and opens no encrypted one."""
        self.folder = folder
        self._vault = vault
        self._clock = clock
        self._disk = disk if disk is not None else Disk()
        self._mine: dict[str, tuple[Signature, Signature]] = {}
        self._guard = Lock()
        self._look_again: float | None = None

    def load(self) -> Contents:
        """As `AccountStore.load`. Raises `OSError` where the folder cannot be read."""
        self._look_again = None
        self._sweep()
        entries = self.entries()
        credentials = [entry.credential for entry in entries if entry.credential is not None]
        earlier = [Trouble(path.name, "corrupt", _ASIDE) for path in self.folder.glob(f"*{SUFFIX}.corrupt-*")]
        troubles = [*earlier, *(self._set_aside(entry) for entry in entries if entry.trouble is not None)]
        return Contents(
            tuple(sorted(credentials, key=lambda one: one.id)),
            tuple(sorted((one for one in troubles if one is not None), key=lambda one: one.name)),
        )

    def read(self, account: str) -> Credential | None:
        """As `AccountStore.read`: None too where the file is locked or damaged."""
        credentials = (entry.credential for entry in self.entries())
        return next((one for one in credentials if one is not None and one.id == account), None)

    def save(self, credential: Credential) -> None:
        """As `AccountStore.save`. Raises `TimeoutError`, an `OSError`, where another process does not stop writing."""
        _check(credential)
        with self.writing():
            entry = self._find(credential.id)
            if entry is not None and entry.credential is None:  # locked or twice there: what it holds may be wanted
                self._move_aside(entry.name, "replaced")
                entry = None
            if entry is None:
                self._create(credential)
            else:
                self._replace(entry, self._written(credential))

    def delete(self, account: str) -> bool:
        """As `AccountStore.delete`, and for one that is locked. Raises `OSError`."""
        with self.lock(account), self.writing():
            entry = self._find(account)
            if entry is None:
                return False
            self._disk.remove(self.folder / entry.name)
            return True

    def rename(self, account: str, label: str) -> Credential:
        """As `AccountStore.rename`. Raises `OSError`."""
        problem = label_problem(label)
        if problem is not None:
            raise ValueError(f"{label!r} cannot be the label: {problem}")
        with self.lock(account), self.writing():
            entries = self.entries()
            entry = next((one for one in entries if one.account == account and one.ours), None)
            if entry is None or entry.credential is None:
                raise KeyError(account)
            renamed = replace(entry.credential, label=label)
            if renamed.id == account:
                return renamed
            if any(other.account.casefold() == renamed.id.casefold() and other is not entry for other in entries):
                raise ValueError(f"there is an account {renamed.id} already")
            # The file says who it is; what it is called comes second, so that a crash between leaves one account.
            self._replace(entry, self._written(renamed))
            if entry.name != file_name(renamed.provider, label):
                self._disk.move(self.folder / entry.name, self._free_path(renamed))
            return renamed

    @contextmanager
    def lock(self, account: str, within: float = 60.0) -> Iterator[None]:
        """As `AccountStore.lock`. Not reentrant, and not to be asked for while `writing` is held."""
        provider, _, label = account.partition("/")
        name = file_name(provider, label or DEFAULT).removesuffix(SUFFIX)
        with locked(self._locks() / f"{name}.lock", within):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Nobody else changes a file of this folder meanwhile. Short: no network under it."""
        with writing(self.folder):
            yield

    def version(self) -> object:
        """As `AccountStore.version`."""
        with self._guard:
            mine = dict(self._mine)
        seen: set[tuple[str, Signature]] = set()
        for name, now in signatures(self.folder):
            written, before = mine.get(name, (now, now))
            seen.add((name, before if written == now else now))
        again = self._look_again is not None and self._clock.wall() >= self._look_again
        keys = () if self._vault is None else (self._vault.key_path, self._vault.next_path)
        return frozenset(seen), tuple(map(_signature, keys)), again

    def entries(self) -> list[Entry]:
        """Every file that is an account or should be one; nothing is moved. For the vault's commands."""
        return read_folder(self.folder, self._vault.open if self._vault is not None else None)

    def rewrite(self, entry: Entry) -> None:
        """Write one of ours again, as `writing` demands: encrypted, with the newest key, or plain. Under `writing`."""
        if entry.credential is not None:
            self._replace(entry, self._written(entry.credential))

    def _locks(self) -> Path:
        private_folder(self.folder)
        private_folder(self.folder / LOCKS)
        return self.folder / LOCKS

    def _find(self, account: str) -> Entry | None:
        """Our file of an account: the one that can be read, else one that cannot."""
        found = [entry for entry in self.entries() if entry.ours and entry.account == account]
        return next((entry for entry in found if entry.credential is not None), found[0] if found else None)

    def _written(self, credential: Credential) -> bytes:
        sealing = self._vault is not None and self._vault.sealing
        return write_document(credential, self._vault.seal if self._vault is not None and sealing else None)

    def _create(self, credential: Credential) -> None:
        data = self._written(credential)
        for _ in range(100):
            with suppress(FileExistsError):  # another program was quicker
                self._disk.put(self._free_path(credential), data, new=True)
                return
        raise FileExistsError(f"every file name for {credential.id} is taken in {self.folder}")

    def _free_path(self, credential: Credential) -> Path:
        """Where a file of this account may lie: another program may have the name that it should have."""
        for number in range(1000):
            more = "" if number == 0 else ".switchyard" if number == 1 else f".switchyard-{number}"
            path = self.folder / file_name(credential.provider, credential.label, more)
            if not path.exists() and not path.is_symlink():
                return path
        raise FileExistsError(f"every file name for {credential.id} is taken in {self.folder}")

    def _replace(self, entry: Entry, data: bytes) -> None:
        """Our own write is no news: `version` goes on showing what it showed before."""
        path = self.folder / entry.name
        before = signature(path.lstat())
        written = self._disk.put(path, data)
        with self._guard:
            ours, shown = self._mine.get(entry.name, (before, before))
            self._mine[entry.name] = written, shown if ours == before else before

    def _set_aside(self, entry: Entry) -> Trouble | None:
        """Move a corrupt file of ours out of the way. None where it is in order meanwhile."""
        trouble = entry.trouble
        if trouble is None or not entry.movable:
            return trouble
        try:
            if not entry.ours and self._young(entry):
                return Trouble(trouble.name, "corrupt", f"{trouble.reason}; it was left for now", trouble.account)
            with self.writing():
                facts = (self.folder / entry.name).lstat()
                if signature(facts) != entry.signature:
                    return None
                moved = self._move_aside(entry.name, "corrupt")
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = f"{trouble.reason}, and cannot be moved aside: {error.strerror or type(error).__name__}"
            return Trouble(trouble.name, "corrupt", reason, trouble.account)
        _log.error("the account file %s %s; it was moved aside to %s", trouble.name, trouble.reason, moved)
        return Trouble(trouble.name, "corrupt", f"{trouble.reason}; it was moved aside to {moved}", trouble.account)

    def _young(self, entry: Entry) -> bool:
        """Whether a file without our marker was changed just now; then `version` changes when it is old enough."""
        if entry.signature is None:
            return False
        old_at = entry.signature[1] / 1e9 + _YOUNG
        if self._clock.wall() >= old_at:
            return False
        self._look_again = old_at if self._look_again is None else min(self._look_again, old_at)
        return True

    def _move_aside(self, name: str, why: str) -> str:
        """Give a file a name that nobody reads. Under `writing`."""
        number = 1
        while (self.folder / f"{name}.{why}-{number}").exists():
            number += 1
        self._disk.move(self.folder / name, self.folder / f"{name}.{why}-{number}")
        return f"{name}.{why}-{number}"

    def _sweep(self) -> None:
        """Remove temporary files that crashes left; those of the vault's key may hold the key."""
        for pattern in (f"{TEMPORARY}*.tmp", f"{KEY_TEMPORARY}*"):
            for path in self.folder.glob(pattern):
                with suppress(OSError):
                    if path.lstat().st_mtime + _ABANDONED < self._clock.wall():
                        path.unlink()


def _signature(path: Path) -> Signature | None:
    try:
        return signature(path.stat())
    except OSError:
        return None


def sealed(entry: Entry) -> bool:
    """Whether a file of ours is encrypted."""
    with suppress(ValueError):
        return is_sealed(entry.text)
    return False


def _check(credential: Credential) -> None:
    if credential.owner != "ours":
        raise ValueError(f"{credential.id} belongs to another program; import it first")
    if credential.provider not in SIGN_INS and credential.provider not in by_key(shipped_presets()):
        raise ValueError(f"{credential.provider!r} is no provider that people sign in to, or whose keys are kept here")
    if (problem := label_problem(credential.label)) is not None:
        raise ValueError(f"{credential.id!r} cannot be stored: {problem}")
