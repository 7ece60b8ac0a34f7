"""The makers of opaque items across restarts: rows that `Affinity.dirty` gives and `Affinity.load` takes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from router.accounts.affinity import AffinityRow
from router.state import owner_rows
from router.state.tables import affinity


def save_affinity(connection: Connection, rows: Iterable[AffinityRow]) -> None:
    """Write `rows`; of one that is newer in the database (another process wrote it) nothing is changed."""
    owner_rows.save(connection, affinity, [(row.digest, row.account, row.at) for row in rows])


def load_affinity(connection: Connection, most: int, since: float = 0.0) -> list[AffinityRow]:
    """At most so many rows, those that were used last. since: Unix time, of none that was used before."""
    found = owner_rows.load(connection, affinity, most, since)
    return [AffinityRow(digest=digest, account=account, at=at) for digest, account, at in found]


def prune_affinity(connection: Connection, before: float, most: int) -> int:
    """Forget rows that were last used before this Unix time, and the oldest beyond `most`. Returns how many."""
    return owner_rows.prune(connection, affinity, before, most)
