"""What an account store can do. The first one keeps files (`router.accounts.stores.files`); others follow.

Everything here blocks on a disk or a network, so the keeper calls it on a thread.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from router.accounts.credential import Credential

Problem: TypeAlias = Literal["corrupt", "locked", "unreadable", "duplicate"]
"""corrupt: moved aside if it is ours, else left. locked: cannot be decrypted with this key, left in place. unreadable:
no right to read it, or no plain file, or written by a newer version. duplicate: holds the same tokens as another of
ours, which would be renewed twice."""


class Trouble(Struct, frozen=True):
    """One stored thing that cannot be used. name: of the file. account: its id, "" where nobody can tell."""

    name: str
    problem: Problem
    reason: str
    account: str = ""


class Contents(Struct, frozen=True):
    """All that a store holds at one moment, in a stable order. Ids of accounts are unique."""

    credentials: tuple[Credential, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class AccountStore(Protocol):
    """Keeps credentials. Every write is atomic: whoever reads sees the old one or the new one."""

    def load(self) -> Contents:
        """Everything. Corrupt things are put aside and reported."""
        ...

    def read(self, account: str) -> Credential | None:
        """One account as it is stored now, by id; None where it is gone. Raises `OSError`."""
        ...

    def save(self, credential: Credential) -> None:
        """Write one of ours; fsynced when this returns. Raises `OSError`, and `ValueError` for one that is not ours.
        Whoever changes what is stored does so between `lock`, `read` and `save`, or another's change is lost."""
        ...

    def delete(self, account: str) -> bool:
        """Remove one of ours; False where there is none. Takes the account's lock itself."""
        ...

    def rename(self, account: str, label: str) -> Credential:
        """Give one of ours another label. Raises `KeyError` (no account) and `ValueError` (label taken or wrong).
        Takes the account's lock itself, so that no renewal under the old label is under way."""
        ...

    def lock(self, account: str, within: float = 60.0) -> AbstractContextManager[None]:
        """Exclusive among all processes that use this store. Raises `TimeoutError` after `within` seconds."""
        ...

    def version(self) -> object:
        """Changes when somebody else has written: compared with the one taken before the last `load`, cheap enough for
        every second. Writing an account that is there already does not change it for the store that wrote."""
        ...
