"""The ledger over time: calls, tokens, costs and times to the first word, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, case, cast, func, select

from router.state.tables import calls
from router.state.usage_reports import has_unknown
from router.usage.lines import Step

_FINE = ("", "ok", "cancelled")
_QUANTILES = (50, 95)


def series(connection: Connection, since: float, until: float, step: float) -> list[Step]:
    """One entry for each step from `since` to `until`, also where nothing happened."""
    number = cast((calls.c.at - since) / step, Integer)
    here = (calls.c.at >= since, calls.c.at < until)
    found = {row["number"]: row for row in _sums(connection, number, here)}
    waited = {row["number"]: row for row in _waits(connection, number, here)}
    steps = max(0, -int(-(until - since) // step))
    return [
        Step(
            at=since + at * step,
            **{name: value for name, value in found.get(at, {}).items() if name != "number"},
            **{name: value for name, value in waited.get(at, {}).items() if name != "number"},
        )
        for at in range(steps)
    ]


def _sums(connection: Connection, number: ColumnElement[int], here: Any) -> Iterator[dict[str, Any]]:
    of = calls.c
    query = (
        select(
            number.label("number"),
            func.count().label("calls"),
            _count(of.outcome.not_in(_FINE), "failed"),
            func.sum(of.fresh_input + of.cache_read + of.cache_write_5m + of.cache_write_1h).label("input"),
            func.sum(of.output + of.reasoning).label("output"),
            func.coalesce(func.sum(of.cost), 0).label("cost"),
            _count(has_unknown(calls), "unknown"),
        )
        .where(*here)
        .group_by("number")
    )
    return (dict(row._mapping) for row in connection.execute(query))


def _waits(connection: Connection, number: ColumnElement[int], here: Any) -> Iterator[dict[str, Any]]:
    """Quantiles by rank, so that no list of all times ever comes into memory."""
    ranked = (
        select(
            number.label("number"),
            calls.c.first_token.label("wait"),
            func.row_number().over(partition_by=number, order_by=calls.c.first_token).label("rank"),
            func.count().over(partition_by=number).label("many"),
        )
        .where(*here, calls.c.first_token.is_not(None))
        .subquery()
    )
    at_rank = [
        func.min(case((ranked.c.rank * 100 >= ranked.c.many * percent, ranked.c.wait))).label(f"p{percent}")
        for percent in _QUANTILES
    ]
    query: Select[Any] = select(ranked.c.number, *at_rank).group_by(ranked.c.number)
    return (dict(row._mapping) for row in connection.execute(query))


def _count(condition: ColumnElement[bool], name: str) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).label(name)
