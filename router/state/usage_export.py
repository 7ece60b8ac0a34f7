"""Every call of the ledger, a few at a time: for exports of any length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from router.state.tables import attempts, calls
from router.usage.export import Exported, Fitting

COLUMNS: tuple[str, ...] = tuple(calls.c.keys())
"""Of a call, in their order."""
AT_ONCE = 200
After: TypeAlias = tuple[float, str]
"""Time and id of the call before."""


def every_call(connection: Connection, since: float, until: float, fitting: Fitting) -> Iterator[Exported]:
    """Each call with its attempts, in order of time."""
    after: After | None = None
    while True:
        found = some_calls(connection, since, until, fitting, after)
        yield from found
        if len(found) < AT_ONCE:
            return
        after = place(found)


def place(found: list[Exported]) -> After:
    """Where the next ones begin."""
    return found[-1][0]["at"], found[-1][0]["id"]


def some_calls(
    connection: Connection, since: float, until: float, fitting: Fitting, after: After | None
) -> list[Exported]:
    """At most `AT_ONCE` of them, those behind ``after``; fewer are the last."""
    at, name = after or (since, "")
    later = (calls.c.at > at) | ((calls.c.at == at) & (calls.c.id > name))
    query = select(calls).where(later, calls.c.at < until, *_fits(fitting))
    rows = [dict(row._mapping) for row in connection.execute(query.order_by(calls.c.at, calls.c.id).limit(AT_ONCE))]
    made: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
    own = select(attempts).where(attempts.c.call_id.in_(made)).order_by(attempts.c.number)
    for each in connection.execute(own):
        facts = dict(each._mapping)
        made[facts.pop("call_id")].append(facts)
    return [(row, made[row["id"]]) for row in rows]


def _fits(fitting: Fitting) -> Iterator[ColumnElement[bool]]:
    own = attempts.c.call_id == calls.c.id
    if fitting.key:
        yield or_(calls.c.key_name == fitting.key, calls.c.key_id == fitting.key)
    if fitting.session:
        yield calls.c.session == fitting.session
    if fitting.provider:
        yield or_(calls.c.provider == fitting.provider, exists().where(own, attempts.c.provider == fitting.provider))
    if fitting.model:
        tried = or_(attempts.c.model == fitting.model, attempts.c.provider + "/" + attempts.c.model == fitting.model)
        yield or_(calls.c.asked == fitting.model, calls.c.model == fitting.model, exists().where(own, tried))
