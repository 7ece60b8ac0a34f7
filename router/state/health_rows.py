"""The health of accounts across restarts: rows that `Health.dirty` gives and `Health.load` takes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from router.accounts.health_row import HealthRow
from router.state.tables import health

_FIELDS = ("account", "scope", "key", "state", "until", "strikes", "cause", "at", "hinted")


def save_health(connection: Connection, rows: Iterable[HealthRow]) -> None:
    """Write `rows`; of one that is newer in the database (another process wrote it) nothing is changed.

    A row in state ``ready`` is removed: it says nothing that a missing one does not.
    """
    for row in rows:
        values = {name: getattr(row, name) for name in _FIELDS}
        mine = (health.c.account == row.account) & (health.c.scope == row.scope) & (health.c.key == row.key)
        if row.state == "ready":
            connection.execute(delete(health).where(mine, health.c.at <= row.at))
            continue
        statement = insert(health).values(values)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account", "scope", "key"], set_=values, where=health.c.at <= statement.excluded.at
            )
        )


def load_health(connection: Connection) -> list[HealthRow]:
    """Every row."""
    columns = [health.c[name] for name in _FIELDS]
    return [HealthRow(**row._mapping) for row in connection.execute(select(*columns).order_by(health.c.at))]
