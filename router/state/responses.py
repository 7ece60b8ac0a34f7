"""Answers stored for ``previous_response_id``: encrypted, for the same client key alone, bounded in age and size."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from router.clock import Clock
from router.state.store import StateStore
from router.state.tables import responses
from router.vault.cipher import Locked, Vault

_log = logging.getLogger("switchyard.state")


class StoredResponse(Struct, frozen=True, kw_only=True):
    """One stored answer. account: which made it, so that its opaque items go back there. body: as it was put."""

    id: str
    account: str
    created_at: float
    body: bytes


class ResponseStore:
    """Puts and gets answers. Writes go behind the request; what still waits is answered from memory."""

    def __init__(self, store: StateStore, vault: Vault, clock: Clock, *, ttl: float, max_bytes: int) -> None:
        """ttl: seconds an answer lives. max_bytes: of all bodies together; the oldest go first. 0 stores nothing."""
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._waiting: dict[tuple[str, str], StoredResponse] = {}

    def put(self, response_id: str, key_id: str, account: str, body: bytes) -> bool:
        """Store an answer of this client key. False where it cannot be stored (too large, or writes do not keep up)."""
        if len(body) > self._max_bytes:
            return False
        now = self._clock.wall()
        stored = StoredResponse(id=response_id, account=account, created_at=now, body=body)
        self._waiting[response_id, key_id] = stored
        done = self._store.submit(self._insert(stored, key_id, now + self._ttl))
        if done is None:
            self._forget(stored, key_id)
            return False
        done.add_done_callback(lambda _: self._forget(stored, key_id))
        return True

    def _insert(self, stored: StoredResponse, key_id: str, expires_at: float) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            sealed = self._vault.seal(stored.body, _place(stored.id, key_id))
            values = {
                "id": stored.id,
                "key_id": key_id,
                "account": stored.account,
                "created_at": stored.created_at,
                "expires_at": expires_at,
                "size": len(sealed),
                "body": sealed,
            }
            statement = insert(responses).values(values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id", "key_id"], set_=values))

        return work

    def _forget(self, stored: StoredResponse, key_id: str) -> None:
        """Memory keeps an answer until it is committed, not longer. Called by the writer thread."""
        if self._waiting.get((stored.id, key_id)) is stored:
            self._waiting.pop((stored.id, key_id), None)

    async def get(self, response_id: str, key_id: str) -> StoredResponse | None:
        """The answer with this id that this client key was given; None where there is none, or no more."""
        now = self._clock.wall()
        waiting = self._waiting.get((response_id, key_id))
        if waiting is not None and waiting.created_at + self._ttl > now:
            return waiting
        query = select(responses).where(
            responses.c.id == response_id, responses.c.key_id == key_id, responses.c.expires_at > now
        )
        row = await self._store.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        try:
            body = self._vault.open(row.body, _place(response_id, key_id))
        except Locked as error:
            _log.warning("the stored response %s is locked: %s", response_id, error)
            return None
        return StoredResponse(id=row.id, account=row.account, created_at=row.created_at, body=body)

    async def delete(self, response_id: str, key_id: str) -> bool:
        """Forget one answer of this client key. False where there was none."""
        waited = self._waiting.pop((response_id, key_id), None) is not None
        mine = delete(responses).where(responses.c.id == response_id, responses.c.key_id == key_id)
        removed = await self._store.write(lambda connection: connection.execute(mine).rowcount)
        return waited or removed > 0

    async def sweep(self) -> int:
        """Remove what is too old, then the oldest until the rest fits. Returns how many went. Call it now and then."""
        now = self._clock.wall()
        return await self._store.write(lambda connection: _remove(connection, now, self._max_bytes))


def _place(response_id: str, key_id: str) -> str:
    return f"{key_id}\0{response_id}"


def _remove(connection: Connection, now: float, max_bytes: int) -> int:
    removed = connection.execute(delete(responses).where(responses.c.expires_at <= now)).rowcount
    total = connection.execute(select(func.coalesce(func.sum(responses.c.size), 0))).scalar_one()
    if total <= max_bytes:
        return removed
    for row in connection.execute(
        select(responses.c.id, responses.c.key_id, responses.c.size).order_by(responses.c.created_at)
    ).all():
        if total <= max_bytes:
            break
        mine = (responses.c.id == row.id) & (responses.c.key_id == row.key_id)
        removed += connection.execute(delete(responses).where(mine)).rowcount
        total -= row.size
    return removed
