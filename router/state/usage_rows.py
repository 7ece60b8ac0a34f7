"""Calls and their attempts in the database: written once, whoever writes them, and removed when they are old."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.dialects.sqlite import dialect, insert
from sqlalchemy.exc import OperationalError

from router.state.tables import attempts, calls
from router.usage.entries import Attempt, Closed, Tokens

_log = logging.getLogger("switchyard.usage")
_TOKENS = frozenset(Tokens.__struct_fields__)


def _statement(table: Table) -> str:
    """The insertion as the driver takes it: there are many rows, and the library would look at each value of each."""
    return str(insert(table).on_conflict_do_nothing().compile(dialect=dialect()))


def _values(names: Iterable[str]) -> Callable[[Closed | Attempt], tuple[Any, ...]]:
    return attrgetter(*(f"tokens.{name}" if name in _TOKENS else name for name in names))


_ADD_CALL, _ADD_ATTEMPT = _statement(calls), _statement(attempts)
_OF_CALL = _values(calls.c.keys())
_OF_ATTEMPT = _values(attempts.c.keys()[3:])
"""Behind the call's id, the attempt's number and the call's time."""


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
    connection.exec_driver_sql(_ADD_CALL, [_OF_CALL(row) for row in rows])
    made = [(row.id, number, row.at, *_OF_ATTEMPT(each)) for row in rows for number, each in enumerate(row.attempts)]
    if made:
        connection.exec_driver_sql(_ADD_ATTEMPT, made)


def prune_calls(connection: Connection, before: float, most: int) -> int:
    """Remove calls that began before a Unix time, at most so many, the oldest first. Gives how many there were."""
    oldest = select(calls.c.id).where(calls.c.at < before).order_by(calls.c.at).limit(most)
    ids = list(connection.execute(oldest).scalars())
    for at in range(0, len(ids), 250):  # an old SQLite takes 999 values
        some = ids[at : at + 250]
        connection.execute(delete(attempts).where(attempts.c.call_id.in_(some)))
        connection.execute(delete(calls).where(calls.c.id.in_(some)))
    return len(ids)
