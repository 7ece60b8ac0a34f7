"""Sign-ins in progress, in the database, so that the process that replaces this one goes on with them.

What coordinates processes is in columns; everything else is one document, sealed.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select, update

from router.accounts.login.flows import OPEN, Flow, from_document, to_document
from router.state.store import StateStore
from router.state.tables import login_flows
from router.vault.cipher import Locked, Vault

_log = logging.getLogger("switchyard.state")


class LoginFlows:
    """A `FlowStore` over one database."""

    def __init__(self, store: StateStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._unreadable: set[str] = set()

    async def put(self, flow: Flow) -> None:
        await self._store.write(lambda connection: connection.execute(insert(login_flows).values(self._row(flow))))

    async def get(self, login_id: str) -> Flow | None:
        query = select(login_flows).where(login_flows.c.id == login_id)
        row = await self._store.read(lambda connection: connection.execute(query).first())
        return self._flow(row) if row is not None else None

    async def all(self) -> list[Flow]:
        query = select(login_flows).order_by(login_flows.c.created_at, login_flows.c.id)
        rows = await self._store.read(lambda connection: connection.execute(query).all())
        return [flow for flow in map(self._flow, rows) if flow is not None]

    async def swap(self, old: Flow, new: Flow) -> Flow | None:
        made = replace(new, version=old.version + 1)
        mine = (login_flows.c.id == old.id) & (login_flows.c.version == old.version)

        def work(connection: Connection) -> bool:
            return connection.execute(update(login_flows).where(mine).values(self._row(made))).rowcount == 1

        return made if await self._store.write(work) else None

    async def beat(self, owner: str, now: float) -> None:
        await self._each(owner, {"beat_at": now})

    async def release(self, owner: str) -> None:
        await self._each(owner, {"owner": ""})

    async def sweep(self, before: float) -> None:
        old = delete(login_flows).where(login_flows.c.expires_at < before)
        await self._store.write(lambda connection: connection.execute(old))

    async def _each(self, owner: str, values: dict[str, Any]) -> None:
        mine = (login_flows.c.owner == owner) & login_flows.c.state.in_(OPEN)
        await self._store.write(lambda connection: connection.execute(update(login_flows).where(mine).values(values)))

    def _row(self, flow: Flow) -> dict[str, Any]:
        return {
            "id": flow.id,
            "state": flow.state,
            "created_at": flow.created_at,
            "expires_at": flow.expires_at,
            "owner": flow.owner,
            "beat_at": flow.beat_at,
            "version": flow.version,
            "document": self._vault.seal(to_document(flow), _place(flow.id)),
        }

    def _flow(self, row: Any) -> Flow | None:
        """A row; None where this process cannot read it (another key, or a version that writes it otherwise)."""
        try:
            flow = from_document(self._vault.open(row.document, _place(row.id)))
        except (Locked, msgspec.MsgspecError) as error:
            if row.id not in self._unreadable:
                self._unreadable.add(row.id)
                _log.warning("the sign-in %s cannot be read: %s", row.id, type(error).__name__)
            return None
        return replace(flow, owner=row.owner, beat_at=row.beat_at, version=row.version)


def _place(login_id: str) -> str:
    return f"login\0{login_id}"
