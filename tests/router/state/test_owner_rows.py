"""The makers of opaque items, and the accounts of conversations, in the database."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from router.accounts.owners import OwnerRow
from router.state import tables
from router.state.owner_rows import load, prune, save
from router.state.store import StateStore


def row(name: str, at: float, account: str = "p/a") -> OwnerRow:
    return OwnerRow(digest=name, account=account, at=at)


@pytest.fixture(params=["affinity", "sessions"])
def table(request: pytest.FixtureRequest) -> Table:
    return tables.metadata.tables[request.param]


async def test_rows_come_back_newest_first_and_an_older_write_changes_nothing(store: StateStore, table: Table) -> None:
    await store.write(lambda connection: save(connection, table, [row("x", 5.0), row("y", 1.0)]))
    await store.write(lambda connection: save(connection, table, [row("x", 4.0, "p/b"), row("y", 9.0, "p/b")]))
    await store.write(lambda connection: save(connection, table, []))
    assert await store.read(lambda connection: load(connection, table, 10)) == [row("y", 9.0, "p/b"), row("x", 5.0)]
    assert await store.read(lambda connection: load(connection, table, 1)) == [row("y", 9.0, "p/b")]
    assert await store.read(lambda connection: load(connection, table, 10, 7.0)) == [row("y", 9.0, "p/b")]


async def test_old_rows_and_the_oldest_beyond_the_bound_are_pruned(store: StateStore, table: Table) -> None:
    rows = [row(str(at), float(at)) for at in range(10)]
    await store.write(lambda connection: save(connection, table, rows))
    assert await store.write(lambda connection: prune(connection, table, 2.0, 100)) == 2
    assert await store.write(lambda connection: prune(connection, table, 3.0, 5)) == 3
    left = await store.read(lambda connection: load(connection, table, 100))
    assert [each.digest for each in left] == ["9", "8", "7", "6", "5"]
    assert await store.write(lambda connection: prune(connection, table, 0.0, 5)) == 0
    assert await store.write(lambda connection: prune(connection, table, 0.0, 3)) == 2


async def test_each_kind_has_rows_of_its_own(store: StateStore, table: Table) -> None:
    other = tables.sessions if table is tables.affinity else tables.affinity
    await store.write(lambda connection: save(connection, table, [row("x", 5.0)]))
    assert await store.read(lambda connection: load(connection, other, 10)) == []
