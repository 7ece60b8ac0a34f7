from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.access.keys import ClientKey, KeyRing, digest, generate, key_id
from router.access.limits import KeyLimits
from router.access.sources import file_keys, settings_keys
from router.access.stored import stored_keys
from router.clock import FakeClock
from router.secret import Secret
from router.settings.auth import KeyRights
from router.settings.load import load
from router.state.client_keys import StoredKey, add_key, revoke_key
from router.state.migrate import migrate
from router.state.store import StateStore

RAW = Secret("sk-sy-one")


def client_key(raw: str = "sk-sy-one", **facts: object) -> ClientKey:
    hexadecimal = digest(Secret(raw))
    return ClientKey(**{"id": key_id(hexadecimal), "name": "a", "digest": hexadecimal} | facts)  # type: ignore[arg-type]


def test_generated_keys_have_the_prefix_and_256_bits() -> None:
    keys = {generate().reveal() for _ in range(50)}
    assert len(keys) == 50
    assert all(re.fullmatch(r"sk-sy-[A-Za-z0-9_-]{43}", key) for key in keys)


def test_the_id_of_a_key_tells_nothing_that_opens_anything() -> None:
    assert key_id(digest(RAW)) not in digest(RAW) and digest(RAW)[:16] not in key_id(digest(RAW))


@pytest.mark.parametrize("presented", ["", "sk-sy-on", "sk-sy-one ", "SK-SY-ONE", "x" * 5000, "\udc80", "' OR 1=1 --"])
def test_only_the_whole_key_is_accepted(presented: str) -> None:
    ring = KeyRing([client_key()], FakeClock())
    assert ring.verify(RAW) is not None
    assert ring.verify(Secret(presented)) is None


def test_expired_and_revoked_keys_are_refused() -> None:
    clock = FakeClock(100.0)
    ring = KeyRing([client_key(expires_at=110.0), client_key("two", revoked_at=5.0)], clock)
    assert ring.verify(RAW) is not None
    assert ring.verify(Secret("two")) is None
    clock.advance(10)
    assert ring.verify(RAW) is None


def test_a_key_given_twice_has_both_scopes_and_is_revoked_by_either() -> None:
    ring = KeyRing([client_key(), client_key(scopes=("management",))], FakeClock())
    found = ring.verify(RAW)
    assert found is not None and found.scopes == ("client", "management")
    ring.replace_fixed([client_key(), client_key(revoked_at=1.0)])
    assert ring.verify(RAW) is None


def test_of_a_key_given_twice_the_narrower_rights_and_limits_count() -> None:
    wide = client_key(rights=KeyRights(models=("gpt-*",)), limits=KeyLimits(requests_per_minute=9, usd_per_day=5))
    other = client_key(
        source="database",
        rights=KeyRights(models=("claude-*",), ips=("10.0.0.1",)),
        limits=KeyLimits(requests_per_minute=4, soft=0.5),
    )
    found = KeyRing([wide, other], FakeClock()).verify(RAW)
    assert found is not None
    assert found.rights == KeyRights(models=("gpt-*",), ips=("10.0.0.1",))  # the settings have the last word
    assert found.limits == KeyLimits(requests_per_minute=4, usd_per_day=5, soft=0.5)
    found = KeyRing([client_key(), replace(other, disabled=True)], FakeClock()).verify(RAW)
    assert found is None


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "usable"),
        ({"disabled": True}, "disabled"),
        ({"expires_at": 5.0}, "expired"),
        ({"expires_at": 5.0, "disabled": True}, "disabled"),
        ({"revoked_at": 5.0, "disabled": True}, "revoked"),
    ],
)
def test_why_a_key_does_not_count(facts: dict[str, Any], state: str) -> None:
    key = client_key(**facts)
    assert (key.state(9.0), key.usable(9.0)) == (state, state == "usable")


async def test_an_older_look_at_the_database_does_not_undo_a_newer_one() -> None:
    begun, goes_on, seen = threading.Event(), threading.Event(), [client_key()]
    narrow = KeyRights(models=("gpt-*",))

    def database() -> list[ClientKey]:
        found = list(seen)
        if found[0].rights is None:
            begun.set()
            assert goes_on.wait(5)
        return found

    ring = KeyRing([], FakeClock(), database=database)
    told: list[Any] = []
    ring.told = lambda keys: told.append([key.rights for key in keys])
    async with asyncio.TaskGroup() as group:
        group.create_task(ring.look())
        assert await asyncio.to_thread(begun.wait, 5)
        seen[0] = client_key(rights=narrow)
        await ring.look()
        assert told == []  # somebody looks just now
        await ring.look(at_once=True)
        goes_on.set()
    found = ring.verify(RAW)
    assert found is not None and found.rights == narrow
    await ring.look(at_once=True)
    assert told == [[narrow]]  # once, although it was read three times


def test_of_a_key_given_twice_the_tighter_limit_counts() -> None:
    loose, tight = client_key(concurrency=5, queue=9), client_key(concurrency=2, queue=1, priority="batch")
    for keys in ([client_key(), loose, tight], [tight, client_key(), loose]):
        found = KeyRing(keys, FakeClock()).verify(RAW)
        assert found is not None and (found.concurrency, found.queue, found.priority) == (2, 1, "batch")
    free = KeyRing([client_key(), client_key()], FakeClock()).verify(RAW)
    assert free is not None and (free.concurrency, free.queue, free.priority) == (None, 0, "interactive")


def test_a_key_made_by_another_process_works_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "switchyard.sqlite"
    migrate(path)
    router, other = StateStore(path), StateStore(path)
    clock = FakeClock()
    ring = KeyRing([], clock, database=lambda: router.read_now(stored_keys))
    assert ring.verify_fresh(RAW) is None
    row = StoredKey(id="k", name="new", digest=digest(RAW), created_at=1.0)
    done = other.submit(lambda connection: add_key(connection, row))
    assert done is not None
    done.result(5)
    assert ring.verify_fresh(RAW) is None  # looked less than a second ago
    clock.advance(1)
    found = ring.verify_fresh(RAW)
    assert found is not None and (found.name, found.source) == ("new", "database")
    revoked = other.submit(lambda connection: revoke_key(connection, "new", clock.now))
    assert revoked is not None and revoked.result(5) == ["k"]
    clock.advance(1)
    assert ring.refresh()
    assert ring.verify(RAW) is None
    router.close()
    other.close()


def test_misses_look_into_the_database_at_most_once_a_second() -> None:
    looks: list[int] = []
    clock = FakeClock()

    def database() -> list[ClientKey]:
        looks.append(1)
        return []

    ring = KeyRing([], clock, database=database)
    for _ in range(100):
        assert ring.verify_fresh(Secret("guess")) is None
    assert len(looks) == 1


def test_keys_of_the_settings_and_the_management_key() -> None:
    text = f"""
auth:
  keys:
    - {{name: plain, key: sk-sy-0123456789abcdef, expires: 2030-01-31}}
    - {{name: hashed, digest: "{digest(RAW)}", concurrency: 3, queue: 4, priority: batch}}
  management: {{key: manage-0123456789abcdef}}
"""
    ring = KeyRing(settings_keys(load(text, {}, lambda path: "").settings), FakeClock())
    plain = ring.verify(Secret("sk-sy-0123456789abcdef"))
    assert plain is not None and plain.name == "plain" and plain.expires_at == 1_896_134_399.999999
    hashed = ring.verify(RAW)
    assert hashed is not None and hashed.scopes == ("client",)
    assert (hashed.concurrency, hashed.queue, hashed.priority) == (3, 4, "batch")
    management = ring.verify(Secret("manage-0123456789abcdef"))
    assert management is not None and management.scopes == ("management",)


def test_generated_key_files_open_what_their_name_says(tmp_path: Path) -> None:
    raw = {scope: f"sk-sy-{scope}-0123456789" for scope in ("client", "management")}
    for scope, key in raw.items():
        (tmp_path / f"{scope}.key").write_text(key + "\n")
    (tmp_path / "service.key").write_text("")
    ring = KeyRing(file_keys(tmp_path), FakeClock())
    for scope, key in raw.items():
        found = ring.verify(Secret(key))
        assert found is not None and found.scopes == (scope,) and found.source == "file"
    assert ring.verify(Secret("")) is None and len(ring.keys()) == 2
