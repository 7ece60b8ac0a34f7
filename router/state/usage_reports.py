"""What the ledger has, added up: read by the command line, while the router runs and when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Table, case, desc, func, literal, literal_column, select

from router.state.tables import attempts, calls
from router.usage.entries import LOST
from router.usage.lines import KINDS, MOST_SESSIONS, By, Line

_AT_ONCE = 500
"""Ids in one question: an old SQLite takes 999 values."""


class DayOfModel(Struct, frozen=True, kw_only=True):
    """One model on one day (UTC), as an invoice has it. input: caches included. output: reasoning included."""

    day: str
    model: str
    input: int = 0
    output: int = 0
    cost: int = 0
    unknown: int = 0
    estimated: int = 0


def report(connection: Connection, by: By, since: float, until: float, session: str = "") -> list[Line]:
    """One line for each key, model, day (UTC), account, provider or session; the dearest first, days in order. Of
    sessions the dearest `MOST_SESSIONS`. session: only calls of this one.

    Keys, days and sessions are added up from calls; the others from attempts, as each may have been made elsewhere.
    """
    if by in ("key", "day", "session"):
        name = {"key": calls.c.key_name, "session": calls.c.session, "day": _day(calls)}[by]
        counts = [func.count().label("calls"), literal(0).label("attempts")]
        source = calls
    else:
        at, provider = attempts.c, attempts.c.provider
        name = {"model": provider + "/" + at.model, "account": at.account, "provider": provider}[by]
        counts = [func.count(func.distinct(at.call_id)).label("calls"), func.count().label("attempts")]
        source = attempts
    query = (
        select(name.label("name"), *counts, *_sums(source))
        .where(*_here(source, since, until, session))
        .group_by("name")
        .order_by("name")
    )
    if by == "session":
        dearest: list[ColumnElement[Any]] = [desc(each) for each in ("cost", "worth")]
        query = query.order_by(None).order_by(*dearest, "name").limit(MOST_SESSIONS)
    lines = [Line(**row._mapping) for row in connection.execute(query)]
    return lines if by == "day" else sorted(lines, key=lambda line: (-line.cost, -line.worth, line.name))


def sums_of_keys(connection: Connection, day: float, month: float) -> dict[str, tuple[int, int, int, int]]:
    """For each key its tokens and micro-USD since `day`, and since `month`, both in Unix seconds."""
    tokens = sum((calls.c[name] for name in KINDS[1:]), calls.c[KINDS[0]])
    today = calls.c.at >= day

    def summed(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.sum(value), 0)

    query = (
        select(
            calls.c.key_id,
            summed(case((today, tokens), else_=0)),
            summed(case((today, calls.c.cost), else_=0)),
            summed(tokens),
            summed(calls.c.cost),
        )
        .where(calls.c.at >= month)
        .group_by(calls.c.key_id)
    )
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in connection.execute(query)}


def newest_row(connection: Connection) -> int:
    """The number of the newest row; those that come later have higher ones."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(rowid), 0) FROM calls").scalar_one())


def known_calls(connection: Connection, ids: Sequence[str], newest: int) -> frozenset[str]:
    """Which of these calls were there when `newest` was the newest row."""
    found: set[str] = set()
    early = literal_column("calls.rowid") <= newest
    for at in range(0, len(ids), _AT_ONCE):
        some = ids[at : at + _AT_ONCE]
        found.update(connection.execute(select(calls.c.id).where(calls.c.id.in_(some), early)).scalars())
    return frozenset(found)


def ended_since(connection: Connection, began: float, ended: float) -> dict[str, list[tuple[str, float, float, int]]]:
    """For each key its calls that asked anybody, began since `began` and ended since `ended` (Unix seconds): their ids,
    when they began, when they ended, and their tokens."""
    tokens = sum((calls.c[name] for name in KINDS[1:]), calls.c[KINDS[0]])
    end = calls.c.at + calls.c.total
    query = select(calls.c.key_id, calls.c.id, calls.c.at, end, tokens).where(
        calls.c.at >= began, end > ended, calls.c.provider != ""
    )
    found: dict[str, list[tuple[str, float, float, int]]] = {}
    for key, call, at, over, used in connection.execute(query.order_by(calls.c.at)):
        found.setdefault(key, []).append((str(call), float(at), float(over), int(used)))
    return found


def total(connection: Connection, since: float, until: float, session: str = "") -> Line:
    """Everything together. session: only calls of this one."""
    here = _here(calls, since, until, session)
    query = select(literal("total").label("name"), func.count().label("calls"), *_sums(calls)).where(*here)
    made = connection.execute(
        select(func.count()).select_from(attempts).where(*_here(attempts, since, until, session))
    ).scalar_one()
    return Line(attempts=made, **connection.execute(query).one()._mapping)


def days_of_models(connection: Connection, since: float, until: float, provider: str | None) -> list[DayOfModel]:
    """What an invoice would have. provider: only this one's."""
    at = attempts.c
    query = (
        select(
            _day(attempts).label("day"),
            at.model.label("model"),
            func.sum(at.fresh_input + at.cache_read + at.cache_write_5m + at.cache_write_1h).label("input"),
            func.sum(at.output + at.reasoning).label("output"),
            func.coalesce(func.sum(at.cost), 0).label("cost"),
            _count(has_unknown(attempts), "unknown"),
            _count(at.estimated, "estimated"),
        )
        .where(at.at >= since, at.at < until)
        .group_by("day", "model")
        .order_by("day", "model")
    )
    if provider is not None:
        query = query.where(at.provider == provider)
    return [DayOfModel(**row._mapping) for row in connection.execute(query)]


def newest_calls(connection: Connection, most: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The newest calls with their attempts, the newest first."""
    rows = connection.execute(select(calls).order_by(calls.c.at.desc(), calls.c.id.desc()).limit(most))
    found = {row.id: (dict(row._mapping), list[dict[str, Any]]()) for row in rows}
    if found:
        since = min(call["at"] for call, _ in found.values())
        for each in connection.execute(select(attempts).where(attempts.c.at >= since).order_by(attempts.c.number)):
            if each.call_id in found:
                found[each.call_id][1].append(dict(each._mapping))
    return list(found.values())


def has_unknown(table: Table) -> ColumnElement[bool]:
    """Whether the cost of a row, or a part of it, is what nobody knows."""
    return table.c.cost.is_(None) | (table.c.unpriced != "")


def _here(table: Table, since: float, until: float, session: str) -> list[ColumnElement[bool]]:
    """The rows of a time, and of one session where one is named."""
    here = [table.c.at >= since, table.c.at < until]
    if session:
        own = select(calls.c.id).where(calls.c.session == session)
        here.append(calls.c.session == session if table is calls else table.c.call_id.in_(own))
    return here


def _day(table: Table) -> ColumnElement[str]:
    return func.date(table.c.at, "unixepoch")


def _sums(table: Table) -> list[ColumnElement[Any]]:
    summed = [func.coalesce(func.sum(table.c[name]), 0).label(name) for name in (*KINDS, "cost", "worth")]
    return [
        *summed,
        _count(has_unknown(table), "unknown"),
        _count(table.c.estimated, "estimated"),
        _count(table.c.outcome == LOST, "lost"),
    ]


def _count(condition: ColumnElement[bool], name: str) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)
