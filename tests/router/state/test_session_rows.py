"""The accounts of conversations in the database."""

from __future__ import annotations

from router.accounts.sessions import SessionRow
from router.state.session_rows import load_sessions, prune_sessions, save_sessions


def row(digest: str, account: str, at: float) -> SessionRow:
    return SessionRow(digest=digest, account=account, at=at)


async def test_rows_come_back_newest_first_and_an_older_write_changes_nothing(store) -> None:
    await store.write(lambda one: save_sessions(one, [row("aa", "p/a", 10.0), row("bb", "p/b", 20.0)]))
    await store.write(lambda one: save_sessions(one, [row("aa", "p/c", 30.0), row("bb", "p/c", 5.0)]))
    await store.write(lambda one: save_sessions(one, []))
    assert await store.read(lambda one: load_sessions(one, 10)) == [row("aa", "p/c", 30.0), row("bb", "p/b", 20.0)]
    assert await store.read(lambda one: load_sessions(one, 1)) == [row("aa", "p/c", 30.0)]
    assert await store.read(lambda one: load_sessions(one, 10, 25.0)) == [row("aa", "p/c", 30.0)]


async def test_what_is_old_or_too_much_is_forgotten(store) -> None:
    await store.write(lambda one: save_sessions(one, [row(f"{at:02}", "p/a", float(at)) for at in range(10)]))
    assert await store.write(lambda one: prune_sessions(one, 2.0, 100)) == 2
    assert await store.write(lambda one: prune_sessions(one, 0.0, 3)) == 5
    assert [each.digest for each in await store.read(lambda one: load_sessions(one, 100))] == ["09", "08", "07"]
