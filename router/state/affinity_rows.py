"""The makers of opaque items across restarts: rows that `Affinity.dirty` gives and `Affinity.load` takes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from router.accounts.affinity import AffinityRow
from router.state.tables import affinity


def save_affinity(connection: Connection, rows: Iterable[AffinityRow]) -> None:
    """Write `rows`; of one that is newer in the database (another process wrote it) nothing is changed."""
    values = [{"digest": row.digest, "account": row.account, "at": row.at} for row in rows]
    if not values:
        return
    statement = insert(affinity)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["digest"], set_={"account": new.account, "at": new.at}, where=affinity.c.at <= new.at
        ),
        values,
    )


def load_affinity(connection: Connection, most: int, since: float = 0.0) -> list[AffinityRow]:
    """At most so many rows, those that were used last. since: Unix time, of none that was used before."""
    columns = select(affinity.c.digest, affinity.c.account, affinity.c.at)
    query = columns.where(affinity.c.at >= since).order_by(affinity.c.at.desc()).limit(most)
    return [AffinityRow(digest=row.digest, account=row.account, at=row.at) for row in connection.execute(query)]


def prune_affinity(connection: Connection, before: float, most: int) -> int:
    """Forget rows that were last used before this Unix time, and the oldest beyond `most`. Returns how many."""
    removed = connection.execute(delete(affinity).where(affinity.c.at < before)).rowcount
    edge = connection.execute(select(affinity.c.at).order_by(affinity.c.at.desc()).offset(most).limit(1)).scalar()
    if edge is not None:
        removed += connection.execute(delete(affinity).where(affinity.c.at <= edge)).rowcount
    return removed
