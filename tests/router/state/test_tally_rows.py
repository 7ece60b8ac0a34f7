"""What accounts have done, in the database."""

from __future__ import annotations

from router.accounts.tally import Tally
from router.state.store import StateStore
from router.state.tally_rows import add_tallies, load_tallies

FIRST = Tally(account="p/a", calls=3, failures=1, input_tokens=10, output_tokens=5, last_used_at=7.0)
FAILED = Tally(account="p/a", calls=1, failures=1, last_used_at=9.0, last_error="timeout: silence", last_error_at=9.0)


async def test_what_two_processes_count_adds_up(store: StateStore) -> None:
    await store.write(lambda connection: add_tallies(connection, [FIRST, Tally(account="p/b", calls=1)]))
    await store.write(lambda connection: add_tallies(connection, [FAILED]))
    await store.write(lambda connection: add_tallies(connection, [FIRST]))
    rows = {row.account: row for row in await store.read(load_tallies)}
    assert rows["p/a"] == Tally(
        account="p/a",
        calls=7,
        failures=3,
        input_tokens=20,
        output_tokens=10,
        last_used_at=7.0,
        last_error="timeout: silence",
        last_error_at=9.0,
    )
    assert rows["p/b"].calls == 1
