"""The account store as a renewal uses it: on threads, under its lock, and with what is in memory only laid over it.

In memory only is an access that is made anew at any time (`Renewed.persist`), and, while a disk fails, what a provider
gave and could not be written. Waiting for a lock has threads of its own, so that no write ever waits behind a lock that
only this write would free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.renewal import Renewed
from router.accounts.stores.base import AccountStore
from router.secret import Secret

_log = logging.getLogger("switchyard.accounts")
T = TypeVar("T")
_PAUSES = (0.2, 1.0, 3.0)
"""Seconds between tries to write what a provider gave, before it stays in memory."""


class Kept(Struct, frozen=True):
    """What became of a renewal. credential: None where the account is gone. unsaved: why it is in memory only."""

    credential: Credential | None
    unsaved: str = ""


class _Given(Struct, frozen=True, kw_only=True):
    """What a provider gave for the refresh token `used`, at `at` (Unix seconds). unsaved: see `Kept`."""

    used: Secret
    renewed: Renewed
    at: float
    unsaved: str = ""


class Shelf:
    """One store. pause: waits so many seconds."""

    def __init__(self, store: AccountStore, pause: Callable[[float], Awaitable[None]]) -> None:
        self._store = store
        self._pause = pause
        self._locks = ThreadPoolExecutor(8, "accounts-lock")
        self._disk = ThreadPoolExecutor(4, "accounts-disk")
        self._memory: dict[str, _Given] = {}

    @asynccontextmanager
    async def locked(self, account: str, within: float) -> AsyncIterator[None]:
        """Hold the lock of an account among all processes. Raises `TimeoutError` after `within` seconds, `OSError`."""
        lock = self._store.lock(account, within)
        entering = asyncio.get_running_loop().run_in_executor(self._locks, lock.__enter__)
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(lambda done: _leave(done, lambda: lock.__exit__(None, None, None)))
            raise
        try:
            yield
        finally:
            await self._on_disk(lambda: lock.__exit__(None, None, None))

    async def read(self, account: str) -> Credential | None:
        """As it is now; what could not be written before is tried once more. Raises `OSError`."""
        return await self._on_disk(lambda: self._read(account))

    async def rehearse(self, account: str) -> Credential | None:
        """Write what is stored once more, to know that writing works before something comes that must be written.
        Raises `OSError`."""

        def rewrite() -> Credential | None:
            stored = self._store.read(account)
            if stored is not None:
                self._store.save(stored)
            return stored

        return await self._on_disk(rewrite)

    async def keep(self, stored: Credential, renewed: Renewed, at: float) -> Kept:
        """Save what the provider gave for `stored`, before it returns. What cannot be saved is not lost while this
        process lives. at: Unix time at which it was asked for."""
        given = _Given(used=stored.refresh, renewed=renewed, at=at)
        if not renewed.persist and renewed.refresh is None:
            self._memory[stored.id] = given
            return Kept(_applied(stored, given))
        self._memory.pop(stored.id, None)
        problem = ""
        for wait in (*_PAUSES, None):
            try:
                return Kept(await self._on_disk(lambda: self._write(stored, given)))
            except Exception as error:  # whatever it is, the token in hand exists nowhere else
                problem = getattr(error, "strerror", None) or type(error).__name__
                _log.error("the renewed %s cannot be written: %s", stored.id, problem)
            if wait is not None:
                await self._pause(wait)
        self._memory[stored.id] = replace(given, unsaved=problem)
        return Kept(_applied(stored, given), problem)

    def unsaved(self, account: str) -> str:
        """Why the newest token of an account is in memory only, "" where all is well."""
        given = self._memory.get(account)
        return given.unsaved if given is not None else ""

    def forget(self, account: str) -> None:
        """Drop what is in memory only and may be made again."""
        if not self.unsaved(account):
            self._memory.pop(account, None)

    def close(self) -> None:
        """Take no more work."""
        self._locks.shutdown(wait=False, cancel_futures=True)
        self._disk.shutdown(wait=False)

    def _read(self, account: str) -> Credential | None:
        stored = self._store.read(account)
        given = self._memory.get(account)
        if given is None:
            return stored
        if stored is None or stored.refresh != given.used:  # deleted, or signed in anew
            self._memory.pop(account, None)
            return stored
        if given.unsaved:
            try:
                written = self._write(stored, given)
            except OSError:
                return _applied(stored, given)
            self._memory.pop(account, None)
            return written
        return _applied(stored, given)

    def _write(self, stored: Credential, given: _Given) -> Credential | None:
        """Over what is stored now, so that what the operator changed meanwhile stays. Where the account has another
        token by now, that is the newer one; where it has another name, it is found by its token."""
        current = self._store.read(stored.id)
        if current is None or current.refresh != given.used:
            current = self._renamed(given.used, stored.provider) or current
        if current is None or current.refresh != given.used or current.owner != "ours":
            return current
        made = _applied(current, given)
        self._store.save(made)
        return made

    def _renamed(self, used: Secret, provider: str) -> Credential | None:
        ours = (one for one in self._store.load().credentials if one.owner == "ours" and one.provider == provider)
        return next((one for one in ours if one.refresh == used), None)

    async def _on_disk(self, work: Callable[[], T]) -> T:
        """Runs `work` on a thread. Whoever is cancelled still waits for its end, so that a lock outlives the write."""
        running = asyncio.get_running_loop().run_in_executor(self._disk, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise


def _applied(stored: Credential, given: _Given) -> Credential:
    renewed = given.renewed
    return replace(
        stored,
        access=renewed.access,
        refresh=renewed.refresh or stored.refresh,
        expires_at=renewed.expires_at,
        issued_at=given.at,
        facts={**stored.facts, **renewed.facts},
        secrets={**stored.secrets, **renewed.secrets},
    )


def _leave(entering: asyncio.Future[None], leave: Callable[[], object]) -> None:
    """Whoever wanted a lock has gone, and it comes all the same."""
    if not entering.cancelled() and entering.exception() is None:
        leave()
