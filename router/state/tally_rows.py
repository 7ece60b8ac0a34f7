"""What accounts have done, across restarts: rows that `Tallies.fresh` gives and `Tallies.load` takes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from router.accounts.tally import Tally
from router.state.tables import account_tallies

_COUNTS = ("calls", "failures", "input_tokens", "output_tokens")
_FIELDS = ("account", *_COUNTS, "last_used_at", "last_error", "last_error_at")


def add_tallies(connection: Connection, rows: Iterable[Tally]) -> None:
    """Add `rows` to what is stored: two processes that overlap count into the same rows."""
    for row in rows:
        statement = insert(account_tallies).values({name: getattr(row, name) for name in _FIELDS})
        new, old = statement.excluded, account_tallies.c
        changes = {name: old[name] + new[name] for name in _COUNTS}
        changes |= {name: func.coalesce(new[name], old[name]) for name in ("last_used_at", "last_error_at")}
        changes["last_error"] = func.coalesce(func.nullif(new.last_error, ""), old.last_error)
        connection.execute(statement.on_conflict_do_update(index_elements=["account"], set_=changes))


def load_tallies(connection: Connection) -> list[Tally]:
    """Every row."""
    columns = [account_tallies.c[name] for name in _FIELDS]
    return [Tally(**row._mapping) for row in connection.execute(select(*columns))]
