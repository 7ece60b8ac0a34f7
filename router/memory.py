"""What survives a restart: client keys, the health of accounts, stored answers. Opened behind the start, not before it.

Importing the database layer takes a third of the time that the whole start may take, so `router.app` imports this
module on a thread of its own when the server already answers, or at once when a key must be looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from router.access.keys import ClientKey
from router.access.stored import Change, change_stored, rotate_stored, stored_keys, to_stored
from router.accounts.affinity import MOST, TTL
from router.accounts.health_row import HealthRow
from router.accounts.owners import OwnerRow
from router.accounts.sessions import LONGEST
from router.accounts.sessions import MOST as CONVERSATIONS
from router.accounts.tally import Tally
from router.clock import Clock
from router.relay.announced import Announcement, Changes
from router.settings.schema import StoredResponses
from router.state import owner_rows, tables
from router.state.announcement_rows import forget_announcements, load_announcements, save_announcements
from router.state.client_keys import add_key, revoke_key
from router.state.consents import Consent, accept, accepted
from router.state.database import Connection
from router.state.health_rows import load_health, save_health
from router.state.ledger_reader import LedgerReader
from router.state.login_flows import LoginFlows
from router.state.responses import ResponseStore
from router.state.store import StateStore
from router.state.tally_rows import add_tallies, load_tallies
from router.state.usage_reports import ended_since, known_calls, newest_row, sums_of_keys
from router.state.usage_rows import add_calls, prune_calls
from router.usage.entries import Closed
from router.usage.key_use import Past, Reading, Sums
from router.usage.periods import MINUTE, starts
from router.vault.cipher import Vault, vault_key

WRITE_WITHIN = 60.0
"""Seconds that a thread waits for the writer."""


class Memory:
    """The open database of one router process."""

    def __init__(self, state_dir: Path, database: Path, clock: Clock, kept: StoredResponses) -> None:
        """database: migrated. kept: whether and how long answers are stored. Raises `OSError`."""
        self._store = StateStore(database)
        self._clock = clock
        vault = Vault(vault_key(state_dir / "vault.key"))
        self.usage = LedgerReader(database)
        self.flows = LoginFlows(self._store, vault)
        self.responses: ResponseStore | None = None
        if kept.enabled:
            self.responses = ResponseStore(self._store, vault, clock, ttl=kept.ttl, max_bytes=kept.max_bytes)

    def keys(self) -> tuple[ClientKey, ...]:
        """Every key of the database."""
        return self._store.read_now(stored_keys)

    async def add_key(self, key: ClientKey) -> None:
        """Store a new key. Raises `ValueError` where a key in use has its name."""
        stored = to_stored(key, self._clock.wall())
        await self._store.write(lambda connection: add_key(connection, stored))

    async def change_key(self, key_id: str, change: Change) -> ClientKey | None:
        """Change a key as the database has it now. None where none in use has this id. Raises as `change` does."""
        return await self._store.write(lambda connection: change_stored(connection, key_id, change))

    async def rotate_key(self, old: str, digest: str) -> ClientKey | None:
        """Give the key `old` the text of this digest. None where it is not in use."""
        return await self._store.write(lambda connection: rotate_stored(connection, old, digest))

    async def revoke_key(self, id_or_name: str) -> Sequence[str]:
        """Revoke a key; the ids that were revoked: one, or none."""
        return await self._store.write(lambda connection: revoke_key(connection, id_or_name, self._clock.wall()))

    def health(self) -> list[HealthRow]:
        """What was known of accounts and targets when the last process stopped."""
        return self._store.read_now(load_health)

    def save_health(self, rows: Iterable[HealthRow]) -> None:
        """Keep changed rows, behind the requests."""
        kept = list(rows)
        if kept:
            self._store.submit(lambda connection: save_health(connection, kept))

    def affinity(self, within: float = TTL) -> list[OwnerRow]:
        """Which account made the opaque items that clients may bring back. within: seconds since their last use."""
        since = self._clock.wall() - within
        return self._store.read_now(lambda connection: owner_rows.load(connection, tables.affinity, MOST, since))

    def save_affinity(self, rows: Iterable[OwnerRow]) -> None:
        """Keep changed rows, behind the requests."""
        kept = list(rows)
        if kept:
            self._store.submit(lambda connection: owner_rows.save(connection, tables.affinity, kept))

    def sessions(self, within: float = LONGEST) -> list[OwnerRow]:
        """Which account serves which conversation. within: seconds since its last call."""
        since = self._clock.wall() - within
        return self._store.read_now(
            lambda connection: owner_rows.load(connection, tables.sessions, CONVERSATIONS, since)
        )

    def save_sessions(self, rows: Iterable[OwnerRow]) -> None:
        """Keep changed rows, behind the requests."""
        kept = list(rows)
        if kept:
            self._store.submit(lambda connection: owner_rows.save(connection, tables.sessions, kept))

    def key_sums(self, *, minute: bool = False) -> Reading:
        """What each key has used today and this month (UTC). minute: with the calls that ended in the last minute, as
        far as they took no longer than ten."""
        now = self._clock.wall()
        since, began = now - MINUTE, now - 11 * MINUTE

        def read(connection: Connection) -> Reading:  # all of it at one moment
            found = sums_of_keys(connection, *starts(now))
            ended = ended_since(connection, began, since) if minute else {}
            keys = {
                key: Sums((each[0], each[1]), (each[2], each[3]), tuple([Past(*call) for call in ended.get(key, ())]))
                for key, each in found.items()
            }
            # A long call of last month has ended in this minute of a new one: its tokens count for the minute still.
            keys |= {
                key: Sums(minute=tuple([Past(*call) for call in calls]))
                for key, calls in ended.items()
                if key not in keys
            }
            return Reading(now, keys, newest_row(connection))

        return self._store.read_now(read)

    def known_calls(self, ids: Sequence[str], newest: int) -> frozenset[str]:
        """Which of these calls were in the ledger when `newest` was the newest row."""
        return self._store.read_now(lambda connection: known_calls(connection, ids, newest)) if ids else frozenset()

    def tallies(self) -> list[Tally]:
        """What accounts have done before."""
        return self._store.read_now(load_tallies)

    def add_tallies(self, rows: Iterable[Tally]) -> None:
        """Add to what accounts have done, behind the requests."""
        kept = list(rows)
        if kept:
            self._store.submit(lambda connection: add_tallies(connection, kept))

    def add_calls(self, rows: Sequence[Closed]) -> None:
        """Write calls that are over, and wait until they are there. Call it on a thread. Raises what prevents it."""
        done = self._store.submit(lambda connection: add_calls(connection, rows))
        if done is None:
            raise RuntimeError("its queue is full or closed")
        done.result(WRITE_WITHIN)

    def prune_calls(self, before: float, most: int) -> int:
        """Remove calls from before a Unix time, at most so many. Call it on a thread."""
        done = self._store.submit(lambda connection: prune_calls(connection, before, most))
        return 0 if done is None else done.result(WRITE_WITHIN)

    def announcements(self) -> list[Announcement]:
        """The services that told of themselves and are still good."""
        now = self._clock.wall()
        return self._store.read_now(lambda connection: load_announcements(connection, now))

    def save_announcements(self, changes: Changes | None) -> None:
        """Keep what services say, behind the requests."""
        if changes is not None:
            self._store.submit(lambda connection: save_announcements(connection, changes))

    def accepted(self) -> frozenset[str]:
        """The providers whose caveat was accepted."""
        return self._store.read_now(accepted)

    async def accept(self, provider: str, by: str, caveat: str) -> None:
        """Write down that a caveat was accepted. by: name of the key."""
        consent = Consent(provider=provider, by=by, caveat=caveat, at=self._clock.wall())
        await self._store.write(lambda connection: accept(connection, consent))

    async def sweep(self) -> None:
        """Remove what is too old to be of use. Call it now and then."""
        now = self._clock.wall()
        await self._store.write(lambda connection: owner_rows.prune(connection, tables.affinity, now - TTL, MOST))
        await self._store.write(
            lambda connection: owner_rows.prune(connection, tables.sessions, now - LONGEST, CONVERSATIONS)
        )
        await self._store.write(lambda connection: forget_announcements(connection, now))
        if self.responses is not None:
            await self.responses.sweep()

    def close(self) -> None:
        """Write what waits."""
        self._store.close()
