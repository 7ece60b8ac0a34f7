"""Which account something belongs to, across restarts: rows of `tables.affinity` and `tables.sessions`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects.sqlite import insert

from router.accounts.owners import OwnerRow


def save(connection: Connection, table: Table, rows: Iterable[OwnerRow]) -> None:
    """Write `rows`; of one that is newer in the database (another process wrote it) nothing is changed."""
    values = [{"digest": row.digest, "account": row.account, "at": row.at} for row in rows]
    if not values:
        return
    statement = insert(table)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["digest"], set_={"account": new.account, "at": new.at}, where=table.c.at <= new.at
        ),
        values,
    )


def load(connection: Connection, table: Table, most: int, since: float = 0.0) -> list[OwnerRow]:
    """At most so many rows, those that were used last. since: Unix time, of none that was used before."""
    columns = select(table.c.digest, table.c.account, table.c.at)
    query = columns.where(table.c.at >= since).order_by(table.c.at.desc()).limit(most)
    return [OwnerRow(digest=row.digest, account=row.account, at=row.at) for row in connection.execute(query)]


def prune(connection: Connection, table: Table, before: float, most: int) -> int:
    """Forget rows that were last used before this Unix time, and the oldest beyond `most`. Returns how many."""
    removed = connection.execute(delete(table).where(table.c.at < before)).rowcount
    edge = connection.execute(select(table.c.at).order_by(table.c.at.desc()).offset(most).limit(1)).scalar()
    if edge is not None:
        removed += connection.execute(delete(table).where(table.c.at <= edge)).rowcount
    return removed
