from __future__ import annotations

from router.accounts.affinity import AffinityRow
from router.accounts.health_row import HealthRow
from router.state.affinity_rows import load_affinity, prune_affinity, save_affinity
from router.state.health_rows import load_health, save_health
from router.state.store import StateStore


def row(name: str, at: float, account: str = "p/a") -> AffinityRow:
    return AffinityRow(digest=name, account=account, at=at)


async def test_rows_come_back_newest_first_and_an_older_write_changes_nothing(store: StateStore) -> None:
    await store.write(lambda connection: save_affinity(connection, [row("x", 5.0), row("y", 1.0)]))
    await store.write(lambda connection: save_affinity(connection, [row("x", 4.0, "p/b"), row("y", 9.0, "p/b")]))
    await store.write(lambda connection: save_affinity(connection, []))
    assert await store.read(lambda connection: load_affinity(connection, 10)) == [row("y", 9.0, "p/b"), row("x", 5.0)]
    assert await store.read(lambda connection: load_affinity(connection, 1)) == [row("y", 9.0, "p/b")]


async def test_old_rows_and_the_oldest_beyond_the_bound_are_pruned(store: StateStore) -> None:
    rows = [row(str(at), float(at)) for at in range(10)]
    await store.write(lambda connection: save_affinity(connection, rows))
    assert await store.write(lambda connection: prune_affinity(connection, 3.0, 5)) == 5
    left = await store.read(lambda connection: load_affinity(connection, 100))
    assert [each.digest for each in left] == ["9", "8", "7", "6", "5"]
    assert await store.write(lambda connection: prune_affinity(connection, 0.0, 5)) == 0


async def test_a_hint_of_the_provider_survives_a_restart(store: StateStore) -> None:
    rows = [
        HealthRow(account=name, scope="account", key="", state="cooling", until=9.0, strikes=1, cause="c", at=1.0,
                  hinted=hinted)
        for name, hinted in (("p/a", True), ("p/b", False))
    ]  # fmt: skip
    await store.write(lambda connection: save_health(connection, rows))
    assert sorted(await store.read(load_health), key=lambda each: each.account) == rows
