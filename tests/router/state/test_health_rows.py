"""What is known of accounts, in the database."""

from __future__ import annotations

from router.accounts.health_row import HealthRow
from router.state.health_rows import load_health, save_health
from router.state.store import StateStore


async def test_a_hint_of_the_provider_survives_a_restart(store: StateStore) -> None:
    rows = [
        HealthRow(account=name, scope="account", key="", state="cooling", until=9.0, strikes=1, cause="c", at=1.0,
                  hinted=hinted)
        for name, hinted in (("p/a", True), ("p/b", False))
    ]  # fmt: skip
    await store.write(lambda connection: save_health(connection, rows))
    assert sorted(await store.read(load_health), key=lambda each: each.account) == rows
