from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from router.accounts.health_row import HealthRow
from router.state.client_keys import StoredKey, add_key, list_keys, revoke_key, usable_keys
from router.state.health_rows import load_health, save_health
from router.state.store import StateStore


def row(at: float, state: str = "cooling", strikes: int = 1, key: str = "") -> HealthRow:
    return HealthRow(
        account="openai/1", scope="account", key=key, state=state, until=at + 60, strikes=strikes, cause="429", at=at
    )


def stored(name: str, digest: str, **facts: object) -> StoredKey:
    return StoredKey(**{"id": f"key_{name}", "name": name, "digest": digest, "created_at": 1.0} | facts)  # type: ignore[arg-type]


async def test_work_is_written_and_read_back(store: StateStore) -> None:
    await store.write(lambda connection: save_health(connection, [row(10.0)]))
    assert await store.read(load_health) == [row(10.0)]


async def test_a_newer_row_of_another_process_is_kept(store: StateStore) -> None:
    await store.write(lambda connection: save_health(connection, [row(20.0, strikes=5)]))
    await store.write(lambda connection: save_health(connection, [row(10.0), row(11.0, key="m")]))
    rows = await store.read(load_health)
    assert [(found.key, found.strikes) for found in rows] == [("m", 1), ("", 5)]
    await store.write(lambda connection: save_health(connection, [row(15.0, state="ready")]))
    assert len(await store.read(load_health)) == 2
    await store.write(lambda connection: save_health(connection, [row(30.0, state="ready")]))
    assert [found.key for found in await store.read(load_health)] == ["m"]


async def test_failing_work_is_undone_alone(store: StateStore) -> None:
    gate = threading.Event()

    def wait(connection: Connection) -> None:
        assert gate.wait(5)

    def fails(connection: Connection) -> None:
        save_health(connection, [row(1.0, key="bad")])
        raise KeyError("no")

    store.submit(wait)
    good = store.submit(lambda connection: save_health(connection, [row(1.0, key="good")]))
    bad = store.submit(fails)
    gate.set()
    assert good is not None and bad is not None
    assert good.result(5) is None
    with pytest.raises(KeyError):
        bad.result(5)
    assert [found.key for found in await store.read(load_health)] == ["good"]


async def test_a_full_queue_drops_counts_and_never_waits(database: Path) -> None:
    store = StateStore(database, waiting=2)
    started, gate = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        started.set()
        assert gate.wait(5)

    store.submit(hold)
    assert started.wait(5)
    accepted = [store.submit(lambda connection: None) is not None for _ in range(4)]
    assert accepted == [True, True, False, False] and store.dropped == 2
    with pytest.raises(RuntimeError, match="does not keep up"):
        await store.write(lambda connection: None)
    gate.set()
    store.close()


async def test_close_writes_what_waits_and_refuses_what_comes_later(database: Path) -> None:
    store = StateStore(database, batch=3)
    for number in range(20):
        store.submit(lambda connection, key=str(number): save_health(connection, [row(1.0, key=key)]))
    store.close()
    store.close()
    assert store.submit(lambda connection: None) is None
    again = StateStore(database)
    assert len(again.read_now(load_health)) == 20
    again.close()


def test_keys_are_stored_listed_and_revoked(store: StateStore) -> None:
    def steps(connection: Connection) -> None:
        add_key(connection, stored("a", "d1"))
        add_key(connection, stored("b", "d2", expires_at=50.0, scopes=("management", "client")))
        add_key(connection, stored("c", "d3", scopes=("service",)))

    done = store.submit(steps)
    assert done is not None
    done.result(5)
    assert [key.name for key in store.read_now(list_keys)] == ["a", "b", "c"]
    assert store.read_now(lambda connection: usable_keys(connection, 10.0)) == 2
    assert store.read_now(lambda connection: usable_keys(connection, 60.0)) == 1
    assert store.read_now(lambda connection: usable_keys(connection, 10.0, "service")) == 1
    revoked = store.submit(lambda connection: revoke_key(connection, "a", 7.0))
    assert revoked is not None and revoked.result(5) == ["key_a"]
    assert store.read_now(lambda connection: usable_keys(connection, 60.0)) == 0
    assert store.read_now(list_keys)[0].revoked_at == 7.0


async def test_what_work_refuses_is_no_failure_of_the_database(
    store: StateStore, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(connection: Connection) -> None:
        raise ValueError("that name is taken")

    with pytest.raises(ValueError, match="taken"):
        await store.write(refuses)
    assert caplog.text == ""


def test_a_name_in_use_is_refused_and_free_again_after_revocation(store: StateStore) -> None:
    def add(digest: str, key_id: str) -> None:
        done = store.submit(lambda connection: add_key(connection, stored("a", digest, id=key_id)))
        assert done is not None
        done.result(5)

    add("d1", "k1")
    with pytest.raises(ValueError, match="already a key named 'a'"):
        add("d2", "k2")
    done = store.submit(lambda connection: revoke_key(connection, "a", 2.0))
    assert done is not None and done.result(5) == ["k1"]
    add("d2", "k2")
