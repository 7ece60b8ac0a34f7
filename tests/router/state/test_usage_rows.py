"""Calls in the database: once each, and none keeps the others back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from router.state.database import reading
from router.state.store import StateStore
from router.state.tables import attempts, calls
from router.state.usage_rows import add_calls, prune_calls
from router.usage.entries import Attempt, Closed, Tokens


def call(number: int, cost: int | None = 5, output: int = 1) -> Closed:
    made = Attempt(provider="p", model="m", account="a", outcome="ok", tokens=Tokens(output=output), cost=cost)
    return Closed(id=f"r{number}", at=float(number), attempts=(made, made), tokens=Tokens(output=output), cost=cost)


async def test_a_call_is_added_once_with_its_attempts(store: StateStore) -> None:
    await store.write(lambda connection: add_calls(connection, []))
    await store.write(lambda connection: add_calls(connection, [call(1), call(2)]))
    await store.write(lambda connection: add_calls(connection, [call(2, cost=9), call(3)]))
    rows = await store.read(lambda connection: connection.execute(select(calls.c.id, calls.c.cost)).fetchall())
    assert [tuple(row) for row in rows] == [("r1", 5), ("r2", 5), ("r3", 5)]
    made = await store.read(lambda connection: connection.execute(select(attempts.c.number)).scalars().all())
    assert sorted(made) == [0, 0, 0, 1, 1, 1]


async def test_a_call_that_cannot_be_a_row_is_told_and_the_others_are_kept(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.write(lambda connection: add_calls(connection, [call(1), call(2, output=2**70), call(3)]))
    found = await store.read(lambda connection: connection.execute(select(calls.c.id)).scalars().all())
    assert found == ["r1", "r3"]
    assert "the call r2 cannot be kept" in caplog.text


async def test_old_calls_go_with_their_attempts_the_oldest_first(store: StateStore) -> None:
    await store.write(lambda connection: add_calls(connection, [call(number) for number in range(700)]))
    assert await store.write(lambda connection: prune_calls(connection, 600.0, 400)) == 400
    assert await store.write(lambda connection: prune_calls(connection, 600.0, 400)) == 200
    assert await store.write(lambda connection: prune_calls(connection, 600.0, 400)) == 0
    for table in (calls, attempts):
        oldest = await store.read(lambda connection, at=table.c.at: min(connection.execute(select(at)).scalars()))  # type: ignore[misc]
        assert oldest == 600.0


async def test_who_only_reads_cannot_write_and_makes_no_database(store: StateStore, tmp_path: Path) -> None:
    await store.write(lambda connection: add_calls(connection, [call(1)]))
    with reading(store.path) as connection:
        assert connection.execute(select(calls.c.id)).scalars().all() == ["r1"]
        with pytest.raises(OperationalError, match="readonly"):
            prune_calls(connection, 9.0, 1)
    with pytest.raises(OperationalError), reading(tmp_path / "odd #name?.sqlite") as connection:
        connection.execute(select(calls.c.id))
    assert not (tmp_path / "odd #name?.sqlite").exists()
