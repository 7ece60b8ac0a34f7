from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from router.clock import FakeClock
from router.state.responses import ResponseStore
from router.state.store import StateStore
from router.state.tables import responses
from router.vault.cipher import Locked, Vault, vault_key


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kept(store: StateStore, clock: FakeClock) -> ResponseStore:
    return ResponseStore(store, Vault(b"k" * 32), clock, ttl=100.0, max_bytes=1000)


async def flushed(store: StateStore) -> None:
    await store.write(lambda connection: None)


async def test_an_answer_is_found_at_once_and_after_it_is_written(kept: ResponseStore, store: StateStore) -> None:
    assert kept.put("resp_1", "key_a", "openai/1", b"the answer")
    first = await kept.get("resp_1", "key_a")
    await flushed(store)
    second = await kept.get("resp_1", "key_a")
    assert first == second
    assert second is not None and (second.body, second.account) == (b"the answer", "openai/1")


async def test_another_client_key_never_sees_it(kept: ResponseStore, store: StateStore) -> None:
    kept.put("resp_1", "key_a", "openai/1", b"mine")
    assert await kept.get("resp_1", "key_b") is None
    await flushed(store)
    assert await kept.get("resp_1", "key_b") is None
    assert not await kept.delete("resp_1", "key_b")
    assert await kept.get("resp_1", "key_a") is not None


async def test_the_database_holds_no_plain_text(kept: ResponseStore, store: StateStore, database: Path) -> None:
    kept.put("resp_1", "key_a", "openai/1", b"canary-text-of-a-conversation")
    await flushed(store)
    for path in database.parent.glob("switchyard.sqlite*"):
        assert b"canary-text" not in path.read_bytes(), path


async def test_answers_expire(kept: ResponseStore, store: StateStore, clock: FakeClock) -> None:
    kept.put("resp_1", "key_a", "a", b"x")
    await flushed(store)
    clock.advance(100)
    assert await kept.get("resp_1", "key_a") is None
    assert await kept.sweep() == 1
    assert await store.read(lambda connection: connection.execute(select(responses.c.id)).all()) == []


async def test_the_oldest_go_when_there_is_no_room(kept: ResponseStore, clock: FakeClock) -> None:
    for number in range(5):
        clock.advance(1)
        assert kept.put(f"resp_{number}", "key_a", "a", b"x" * 300)
    assert await kept.sweep() == 2
    assert [await kept.get(f"resp_{number}", "key_a") is not None for number in range(5)] == [False] * 2 + [True] * 3


async def test_what_is_larger_than_all_room_is_not_stored(kept: ResponseStore) -> None:
    assert not kept.put("resp_1", "key_a", "a", b"x" * 1001)
    assert await kept.get("resp_1", "key_a") is None


async def test_a_forgotten_answer_is_gone(kept: ResponseStore) -> None:
    kept.put("resp_1", "key_a", "a", b"x")
    assert await kept.delete("resp_1", "key_a")
    assert await kept.get("resp_1", "key_a") is None
    assert not await kept.delete("resp_1", "key_a")


async def test_an_answer_of_another_vault_is_locked_not_an_error(
    kept: ResponseStore, store: StateStore, clock: FakeClock
) -> None:
    kept.put("resp_1", "key_a", "a", b"x")
    await flushed(store)
    other = ResponseStore(store, Vault(b"o" * 32), clock, ttl=100.0, max_bytes=1000)
    assert await other.get("resp_1", "key_a") is None


def test_what_is_sealed_for_one_name_does_not_open_for_another() -> None:
    vault = Vault(b"k" * 32)
    sealed = vault.seal(b"text", "a")
    assert vault.open(sealed, "a") == b"text"
    assert sealed != vault.seal(b"text", "a")
    for wrong in (sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1]), b"", b"\x02" + sealed[1:]):
        with pytest.raises(Locked):
            vault.open(wrong, "a")
    with pytest.raises(Locked):
        vault.open(sealed, "b")


def test_the_vault_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "state" / "vault.key"
    key = vault_key(path)
    assert len(key) == 32 and vault_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["vault.key"]
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="holds no vault key"):
        vault_key(path)
