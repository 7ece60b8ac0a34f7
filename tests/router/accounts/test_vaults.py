from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TypeAlias

import pytest

from router.accounts import vaults
from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import FakeClock
from router.secret import Secret
from router.vault.disk import Disk
from router.vault.keys import KEY_FILE, NEXT_FILE, PLAIN_FILE, AccountVault
from router.vault.profiles import ProfileFiles
from tests.router.accounts.samples import SAMPLES, text
from tests.router.accounts.stores.crashing import each_step

CLOCK = FakeClock(4_000_000_000.0)


Place: TypeAlias = tuple[FileStore, AccountVault, ProfileFiles]


def place(folder: Path, disk: Disk | None = None, master: bytes | None = None) -> Place:
    vault = AccountVault(folder, master, disk=disk)
    profiles = ProfileFiles(folder / "auth_profiles", vault, disk=disk)
    return FileStore(folder, vault, CLOCK, disk=disk), vault, profiles


def fill(folder: Path) -> set[str]:
    """Three accounts of ours and one of another program."""
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    (folder / SAMPLES["kimi"][0]).write_bytes(text("kimi"))
    store, _, profiles = place(folder)
    profiles.write("work", b"canary-session")
    for label in ("a", "b", "c"):
        store.save(Credential(provider="claude-oauth", label=label, refresh=Secret(f"canary-{label}")))
    return {f"claude-oauth/{label}" for label in "abc"} | {"kimi-oauth/1730000000000"}


def all_there(folder: Path, ids: set[str]) -> bool:
    """Whether every account can be read by a process that starts now, with its token."""
    found = place(folder)[0].load()
    tokens = {one.refresh.reveal() for one in found.credentials if one.owner == "ours"}
    kept = place(folder)[2].read("work") == b"canary-session"
    return {one.id for one in found.credentials} == ids and not found.troubles and len(tokens) == 3 and kept


def plain_files(folder: Path) -> set[str]:
    files = [*folder.glob("claude-oauth-*.json"), *folder.glob("auth_profiles/*.json")]
    return {path.name for path in files if b"canary" in path.read_bytes()}


def test_decrypt_and_encrypt_turn_our_files_round_and_hold_for_new_ones(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    store, vault, profiles = place(tmp_path)
    theirs = (tmp_path / SAMPLES["kimi"][0]).read_bytes()
    done = vaults.decrypt(store, vault, profiles)
    assert done.changed == ("claude-oauth/a", "claude-oauth/b", "claude-oauth/c", "profile work") and done.left == ()
    place(tmp_path)[0].save(Credential(provider="claude-oauth", label="d", refresh=Secret("canary-d")))
    assert len(plain_files(tmp_path)) == 5
    assert vaults.decrypt(store, vault, profiles).changed == ()
    done = vaults.encrypt(store, vault, profiles)
    assert len(done.changed) == 5 and plain_files(tmp_path) == set()
    place(tmp_path)[0].delete("claude-oauth/d")
    assert all_there(tmp_path, ids) and (tmp_path / SAMPLES["kimi"][0]).read_bytes() == theirs


def test_rotate_writes_all_with_a_new_key_and_forgets_the_old_one(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    old = (tmp_path / KEY_FILE).read_bytes()
    running, _, _ = place(tmp_path)
    assert len(running.load().credentials) == 4
    store, vault, profiles = place(tmp_path)
    assert len(vaults.rotate(store, vault, profiles).changed) == 4
    assert (tmp_path / KEY_FILE).read_bytes() != old and not (tmp_path / NEXT_FILE).exists()
    assert all_there(tmp_path, ids)
    assert len(running.load().credentials) == 4  # a process that knew the old key goes on
    running.save(Credential(provider="claude-oauth", label="a", refresh=Secret("canary-new")))
    assert all_there(tmp_path, ids)


def test_plain_files_stay_plain_when_the_key_is_exchanged(tmp_path: Path) -> None:
    fill(tmp_path)
    store, vault, profiles = place(tmp_path)
    vaults.decrypt(store, vault, profiles)
    assert vaults.rotate(store, vault, profiles).changed == () and len(plain_files(tmp_path)) == 4


def test_a_file_that_is_locked_is_left_and_named(tmp_path: Path) -> None:
    fill(tmp_path)
    key = (tmp_path / KEY_FILE).read_bytes()
    (tmp_path / KEY_FILE).write_bytes(b"o" * 32)
    store, vault, profiles = place(tmp_path)
    store.save(Credential(provider="claude-oauth", label="d", refresh=Secret("canary-d")))
    before = (tmp_path / "claude-oauth-a.json").read_bytes()
    done = vaults.rotate(store, vault, profiles)
    assert done.changed == ("claude-oauth/d",)
    assert [name for name, _ in done.left] == [*(f"claude-oauth-{label}.json" for label in "abc"), "profile work"]
    assert (tmp_path / "claude-oauth-a.json").read_bytes() == before
    (tmp_path / KEY_FILE).write_bytes(key)
    assert len(place(tmp_path)[0].load().credentials) == 4


@pytest.mark.parametrize("work", [vaults.rotate, vaults.encrypt, vaults.decrypt])
def test_killed_at_any_step_everything_is_readable_and_a_second_run_finishes(tmp_path: Path, work: vaults.Work) -> None:
    ids: set[str] = set()

    def before() -> None:
        ids.update(fill(tmp_path))
        if work is vaults.encrypt:
            vaults.decrypt(*place(tmp_path))

    def after(at: int) -> None:
        assert all_there(tmp_path, ids), f"after a death at step {at}"
        store, vault, profiles = place(tmp_path)
        work(store, vault, profiles)
        assert all_there(tmp_path, ids) and not (tmp_path / NEXT_FILE).exists()
        status = vaults.status(store, vault, profiles)
        assert len(status.plain if work is vaults.decrypt else status.sealed) == 4

    assert each_step(lambda disk: work(*place(tmp_path, disk)), after, before) > 15


def test_a_token_that_a_running_router_saves_during_a_rotation_is_not_lost(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    running, _, _ = place(tmp_path)
    running.load()
    store, vault, profiles = place(tmp_path)
    with store.writing():
        vault.begin_rotation()
    new = Credential(provider="claude-oauth", label="b", refresh=Secret("canary-rotated"))
    running.save(new)
    vaults.rotate(store, vault, profiles)
    assert all_there(tmp_path, ids) and place(tmp_path)[0].read("claude-oauth/b") == new


def test_a_rotation_waits_for_a_renewal_and_writes_what_it_brought(tmp_path: Path) -> None:
    fill(tmp_path)
    running, _, _ = place(tmp_path)
    store, vault, profiles = place(tmp_path)
    rotation = threading.Thread(target=lambda: vaults.rotate(store, vault, profiles))
    new = Credential(provider="claude-oauth", label="a", refresh=Secret("canary-rotated"))
    with running.lock("claude-oauth/a"):
        rotation.start()
        running.save(new)
        assert rotation.is_alive()
    rotation.join(30)
    assert not rotation.is_alive() and place(tmp_path)[0].read("claude-oauth/a") == new
    assert not (tmp_path / NEXT_FILE).exists()


def test_a_key_of_the_environment_is_taken_over_by_rotate(tmp_path: Path) -> None:
    ids = fill(tmp_path)
    store, vault, profiles = place(tmp_path, master=b"m" * 32)
    assert len(vaults.rotate(store, vault, profiles).changed) == 4
    (tmp_path / KEY_FILE).unlink()
    assert {one.id for one in store.load().credentials} == ids
    assert vaults.rotate(store, vault, profiles).changed == ()
    assert {trouble.problem for trouble in place(tmp_path)[0].load().troubles} == {"locked"}


def test_the_status_tells_sealed_plain_found_and_locked_apart(tmp_path: Path) -> None:
    fill(tmp_path)
    store, vault, profiles = place(tmp_path)
    document = json.loads((tmp_path / "claude-oauth-c.json").read_bytes())
    (tmp_path / "claude-oauth-c.json").write_text(json.dumps(document | {"label": "moved"}))
    vault.set_sealing(False)
    store.save(Credential(provider="claude-oauth", label="b", refresh=Secret("canary-b2")))
    status = vaults.status(store, vault, profiles)
    assert (status.sealed, status.plain) == (("claude-oauth/a", "profile work"), ("claude-oauth/b",))
    assert (status.found, status.locked) == (("kimi-oauth/1730000000000",), ("claude-oauth/moved",))
    assert (status.sealing, status.rotating, status.key) == (False, False, str(tmp_path / KEY_FILE))
    assert (tmp_path / PLAIN_FILE).exists()
    vault.begin_rotation()
    assert vaults.status(store, vault, profiles).rotating
    assert vaults.status(*place(tmp_path / "empty")).key == "none yet"
