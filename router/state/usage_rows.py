"""Calls and their attempts in the database: written once, whoever writes them, and removed when they are old."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import OperationalError

from router.state.tables import attempts, calls
from router.usage.entries import Attempt, Closed

_log = logging.getLogger("switchyard.usage")
_OF_CALL = tuple(
    column.name for column in calls.c if column.name in Closed.__struct_fields__ and column.name != "attempts"
)
_OF_ATTEMPT = tuple(column.name for column in attempts.c if column.name in Attempt.__struct_fields__)


def add_calls(connection: Connection, rows: Sequence[Closed]) -> None:
    """Add calls; one whose id is known stays as it is. One that cannot be a row is told and left out, so that it does
    not keep the others back. Raises what keeps all of them out."""
    if not rows:
        return
    try:
        with connection.begin_nested():
            _add(connection, rows)
    except OperationalError:
        raise
    except Exception as error:
        if len(rows) == 1:
            _log.error("the call %s cannot be kept in the ledger: %s", rows[0].id, type(error).__name__)
            return
        for row in rows:
            add_calls(connection, [row])


def _add(connection: Connection, rows: Sequence[Closed]) -> None:
    connection.execute(insert(calls).on_conflict_do_nothing(), [_call(row) for row in rows])
    made = [_attempt(row, number, each) for row in rows for number, each in enumerate(row.attempts)]
    if made:
        connection.execute(insert(attempts).on_conflict_do_nothing(), made)


def prune_calls(connection: Connection, before: float, most: int) -> int:
    """Remove calls that began before a Unix time, at most so many, the oldest first. Gives how many there were."""
    oldest = select(calls.c.id).where(calls.c.at < before).order_by(calls.c.at).limit(most)
    ids = list(connection.execute(oldest).scalars())
    for at in range(0, len(ids), 250):  # an old SQLite takes 999 values
        some = ids[at : at + 250]
        connection.execute(delete(attempts).where(attempts.c.call_id.in_(some)))
        connection.execute(delete(calls).where(calls.c.id.in_(some)))
    return len(ids)


def _call(row: Closed) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _OF_CALL} | _tokens(row)


def _attempt(row: Closed, number: int, made: Attempt) -> dict[str, Any]:
    facts = {name: getattr(made, name) for name in _OF_ATTEMPT}
    return {"call_id": row.id, "number": number, "at": row.at, **facts, **_tokens(made)}


def _tokens(row: Closed | Attempt) -> dict[str, int]:
    return {name: getattr(row.tokens, name) for name in row.tokens.__struct_fields__}
