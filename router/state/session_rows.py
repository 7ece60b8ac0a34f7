"""The accounts of conversations across restarts: rows that `Sessions.dirty` gives and `Sessions.load` takes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from router.accounts.sessions import SessionRow
from router.state import owner_rows
from router.state.tables import sessions


def save_sessions(connection: Connection, rows: Iterable[SessionRow]) -> None:
    """Write `rows`; of one that is newer in the database (another process wrote it) nothing is changed."""
    owner_rows.save(connection, sessions, [(row.digest, row.account, row.at) for row in rows])


def load_sessions(connection: Connection, most: int, since: float = 0.0) -> list[SessionRow]:
    """At most so many rows, those that were used last. since: Unix time, of none that was used before."""
    found = owner_rows.load(connection, sessions, most, since)
    return [SessionRow(digest=digest, account=account, at=at) for digest, account, at in found]


def prune_sessions(connection: Connection, before: float, most: int) -> int:
    """Forget rows that were last used before this Unix time, and the oldest beyond `most`. Returns how many."""
    return owner_rows.prune(connection, sessions, before, most)
