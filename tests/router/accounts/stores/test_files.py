from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from router.accounts.credential import Credential
from router.accounts.stores.base import AccountStore, Trouble
from router.accounts.stores.files import FileStore
from router.clock import FakeClock, SystemClock
from router.secret import Secret
from router.vault.disk import MOST, Disk
from router.vault.keys import KEY_FILE, AccountVault
from tests.router.accounts.samples import SAMPLES, STORAGE_STATE, VERTEX, text
from tests.router.accounts.stores.crashing import each_step

LATER = FakeClock(4_000_000_000.0)
"""Long after any file was written."""


def open_store(folder: Path, disk: Disk | None = None, clock: FakeClock = LATER) -> FileStore:
    return FileStore(folder, AccountVault(folder, disk=disk), clock, disk=disk)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return open_store(folder)


def make(label: str = "ann@example.com", **fields: Any) -> Credential:
    token = f"canary-{label}"
    values = {"provider": "claude-oauth", "email": label if "@" in label else None, "refresh": Secret(token)} | fields
    return Credential(label=label, **values)


def put(folder: Path, name: str, content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def ids(store: AccountStore) -> list[str]:
    return [one.id for one in store.load().credentials]


def troubles(store: AccountStore) -> dict[str, Trouble]:
    return {one.name: one for one in store.load().troubles}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_an_account_is_saved_under_its_name_for_its_owner_alone_and_read_again(store: FileStore, folder: Path) -> None:
    before = os.umask(0o777)
    try:
        store.save(make())
    finally:
        os.umask(before)
    path = folder / "claude-oauth-ann@example.com.json"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (path, folder / KEY_FILE)} == {0o600}
    assert b"canary" not in path.read_bytes()
    assert store.read("claude-oauth/ann@example.com") == make() == open_store(folder).load().credentials[0]
    assert store.read("claude-oauth/bob") is None


def test_a_store_without_a_vault_writes_plain_files(folder: Path) -> None:
    plain = FileStore(folder, None, LATER)
    plain.save(make("default"))
    assert b"canary-default" in (folder / "claude-oauth-default.json").read_bytes()
    assert not (folder / KEY_FILE).exists() and plain.read("claude-oauth/default") == make("default")


def test_an_odd_label_stays_in_the_folder(store: FileStore, folder: Path) -> None:
    store.save(make("..%2F..ü"))
    assert names(folder) == {"claude-oauth-..%252F..%C3%BC.json"} and ids(store) == ["claude-oauth/..%2F..ü"]
    for label in ("../x", "a/b", "", "a b", "\0"):
        with pytest.raises(ValueError, match="cannot be stored"):
            store.save(make(label))


def test_what_is_not_ours_is_not_saved(store: FileStore, folder: Path) -> None:
    with pytest.raises(ValueError, match="another program"):
        store.save(make(owner="found"))
    with pytest.raises(ValueError, match="no provider"):
        store.save(make(provider="nobody"))
    assert not folder.exists()


def test_files_of_other_programs_are_read_and_never_changed(store: FileStore, folder: Path) -> None:
    for which in ("claude", "codex", "antigravity", "kimi", "xai", "gemini", "qwen", "iflow"):
        put(folder, SAMPLES[which][0], text(which))
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    found = store.load()
    assert len(found.credentials) == 8 and found.troubles == ()
    assert {one.owner for one in found.credentials} == {"found"}
    for one in found.credentials:
        assert not store.delete(one.id)
        with pytest.raises(KeyError):
            store.rename(one.id, "other")
        with pytest.raises(ValueError, match="another program"):
            store.save(one)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.glob("*.json")} == before


def test_files_that_are_no_accounts_are_left_alone_in_silence(store: FileStore, folder: Path) -> None:
    put(folder, "config.yaml", b"port: 1")
    put(folder, "claude-a.cds", b"{")
    put(folder, "key.txt", b"canary")
    put(folder, "aistudio-default.json", STORAGE_STATE | {"provider": "aistudio"})
    put(folder, "webai-default.json", {"cookies": {}, "provider": "webai"})
    put(folder, "vertex-proj-1.json", VERTEX)
    put(folder, "package.json", {"name": "x", "type": "module"})
    put(folder, "broken.json", b"{")
    put(folder, ".hidden.json", b"{")
    before = names(folder)
    found = store.load()
    assert (found.credentials, found.troubles) == ((), ()) and names(folder) == before


def test_a_corrupt_file_of_ours_is_moved_aside_and_reported_until_it_is_seen_to(
    store: FileStore, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(make("good"))
    put(folder, "claude-oauth-a.json", b'{"switchyard": 1, "provider": "claude-oauth", "access": "canary')
    put(folder, "b.json", {"switchyard": 1, "provider": "qwen-oauth", "label": "b", "priority": "canary"})
    put(folder, "kimi-oauth-empty.json", b"")
    put(folder, "claude-oauth-a.json.corrupt-1", b"an earlier one")
    with caplog.at_level(logging.ERROR):
        found = store.load()
    assert [one.id for one in found.credentials] == ["claude-oauth/good"]
    assert {one.name: one.problem for one in found.troubles if "corrupt" not in one.name} == {
        "claude-oauth-a.json": "corrupt",
        "b.json": "corrupt",
        "kimi-oauth-empty.json": "corrupt",
    }
    assert names(folder) == {
        *("claude-oauth-good.json", "claude-oauth-a.json.corrupt-1", "claude-oauth-a.json.corrupt-2"),
        *("b.json.corrupt-1", "kimi-oauth-empty.json.corrupt-1"),
    }
    assert "moved aside to b.json.corrupt-1" in caplog.text
    assert "canary" not in caplog.text + str(found.troubles)
    again = troubles(store)
    assert len(again) == 4 and again["b.json.corrupt-1"].problem == "corrupt"


def test_a_corrupt_file_of_another_program_is_left_and_reported(store: FileStore, folder: Path) -> None:
    half = put(folder, "claude-ann@example.com.json", b'{"type": "claude", "access_token": "canary')
    empty = put(folder, "antigravity-ann@example.com.json", b"")
    put(folder, "claude-oauth-mine.json", {"provider": "claude-oauth", "note": "no tokens"})
    found = store.load()
    assert {one.name: one.problem for one in found.troubles} == dict.fromkeys(
        (half.name, empty.name, "claude-oauth-mine.json"), "corrupt"
    )
    assert len(names(folder)) == 3 and "canary" not in str(found.troubles)


def test_a_damaged_file_without_our_marker_is_given_time_to_be_finished(folder: Path) -> None:
    clock = FakeClock(SystemClock().wall())
    store = open_store(folder, clock=clock)
    path = put(folder, "claude-oauth-a.json", b"")
    assert "left for now" in troubles(store)[path.name].reason and path.exists()
    version = store.version()
    assert store.version() == version
    clock.advance(61)
    assert store.version() != version
    store.load()
    assert not path.exists()


def test_what_cannot_be_decrypted_is_locked_and_stays(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    key = (folder / KEY_FILE).read_bytes()
    (folder / KEY_FILE).write_bytes(b"o" * 32)
    other = open_store(folder)
    version = other.version()
    found = other.load()
    assert found.credentials == ()
    assert [(one.problem, one.account) for one in found.troubles] == [("locked", "claude-oauth/a")]
    assert names(folder) == {"claude-oauth-a.json"} and other.read("claude-oauth/a") is None
    (folder / KEY_FILE).write_bytes(key)
    assert other.version() != version and ids(other) == ["claude-oauth/a"]
    (folder / KEY_FILE).unlink()
    missing = troubles(open_store(folder))["claude-oauth-a.json"]
    assert "its key is missing" in missing.reason and not (folder / KEY_FILE).exists()


def test_a_new_sign_in_of_a_locked_account_keeps_the_locked_file(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    (folder / KEY_FILE).write_bytes(b"o" * 32)
    other = open_store(folder)
    other.save(make("a", refresh=Secret("anew")))
    again = other.read("claude-oauth/a")
    assert again is not None and again.refresh.reveal() == "anew"
    assert names(folder) == {"claude-oauth-a.json", "claude-oauth-a.json.replaced-1"}
    store.save(make("b"))
    (folder / KEY_FILE).write_bytes(b"p" * 32)
    assert open_store(folder).delete("claude-oauth/b") and "claude-oauth-b.json" not in names(folder)


def test_a_key_file_that_somebody_deleted_comes_back_from_a_running_process(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    assert ids(store)
    key = (folder / KEY_FILE).read_bytes()
    (folder / KEY_FILE).unlink()
    store.save(make("b"))
    assert (folder / KEY_FILE).read_bytes() == key and len(ids(open_store(folder))) == 2


def test_a_newer_versions_file_is_left_as_it_is(store: FileStore, folder: Path) -> None:
    put(folder, "a.json", {"switchyard": 2, "anything": 1})
    put(folder, "b.json", {"switchyard": 1, "provider": "future-oauth", "label": "b"})
    assert {name: one.problem for name, one in troubles(store).items()} == {
        "a.json": "unreadable",
        "b.json": "unreadable",
    }
    assert names(folder) == {"a.json", "b.json"}


def test_links_folders_pipes_and_huge_files_are_survived_and_reported(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    outside = folder.parent / "outside.json"
    outside.write_bytes(text("claude"))
    (folder / "link.json").symlink_to(outside)
    (folder / "dangling.json").symlink_to(folder / "nowhere")
    (folder / "folder.json").mkdir()
    os.mkfifo(folder / "pipe.json")
    with (folder / "huge.json").open("wb") as file:
        file.truncate(MOST + 1)
    found = store.load()
    assert [one.id for one in found.credentials] == ["claude-oauth/a"]
    assert {one.name: one.problem for one in found.troubles} == dict.fromkeys(
        ("link.json", "dangling.json", "folder.json", "pipe.json", "huge.json"), "unreadable"
    )
    assert store.version() == store.version()


def test_a_missing_folder_is_an_empty_store(store: FileStore, folder: Path) -> None:
    assert store.load().credentials == () and store.read("claude-oauth/a") is None
    assert store.version() == store.version() and not folder.exists()
    assert not store.delete("claude-oauth/a")


def test_an_imported_account_hides_the_file_that_it_came_from_until_it_is_deleted(
    store: FileStore, folder: Path
) -> None:
    put(folder, SAMPLES["claude"][0], text("claude"))
    found = store.load().credentials[0]
    store.save(replace(found, owner="ours"))
    assert [(one.id, one.owner) for one in store.load().credentials] == [("claude-oauth/ann@example.com", "ours")]
    assert store.delete(found.id)
    assert [(one.id, one.owner) for one in store.load().credentials] == [("claude-oauth/ann@example.com", "found")]


def test_another_programs_file_keeps_its_name_and_ours_gets_another(store: FileStore, folder: Path) -> None:
    theirs = put(folder, "antigravity-ann@example.com.json", text("antigravity"))
    store.save(make(provider="antigravity"))
    store.save(make(provider="antigravity", disabled=True))
    assert theirs.read_bytes() == text("antigravity")
    assert names(folder) == {theirs.name, "antigravity-ann@example.com.switchyard.json"}
    mine = store.read("antigravity/ann@example.com")
    assert mine is not None and mine.disabled
    (folder / "qwen-oauth-x.json").symlink_to(folder / "nowhere")
    store.save(make("x", provider="qwen-oauth"))
    assert "qwen-oauth-x.switchyard.json" in names(folder)


def test_a_name_that_another_program_takes_in_the_middle_of_a_save_stays_its_own(folder: Path) -> None:
    taken: list[Path] = []

    def step(name: str) -> None:
        if name == "rename" and not taken:
            taken.append(put(folder, "antigravity-ann@example.com.json", text("antigravity")))

    FileStore(folder, None, LATER, disk=Disk(step)).save(make(provider="antigravity"))
    assert taken[0].read_bytes() == text("antigravity")
    assert names(folder) == {taken[0].name, "antigravity-ann@example.com.switchyard.json"}


def test_two_files_with_one_label_have_two_ids_and_are_saved_apart(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    copy = FileStore(folder.parent / "other", None, LATER)
    copy.save(make("a", refresh=Secret("canary-2")))
    put(folder, "second.json", (folder.parent / "other" / "claude-oauth-a.json").read_bytes())
    first, second = ids(store)
    assert first == "claude-oauth/a" and second.startswith("claude-oauth/a~")
    credential = store.read(second)
    assert credential is not None
    store.save(replace(credential, disabled=True))
    assert ids(store) == [first, second] and names(folder) == {"claude-oauth-a.json", "second.json"}
    kept = store.read(first)
    assert kept is not None and not kept.disabled


def test_a_copy_with_the_same_tokens_is_reported_and_not_used(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    put(folder, "copy.json", (folder / "claude-oauth-a.json").read_bytes())
    assert ids(store) == ["claude-oauth/a"]
    trouble = troubles(store)["copy.json"]
    assert trouble.problem == "duplicate" and "claude-oauth/a" in trouble.reason


def test_an_account_is_renamed_with_its_file(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    store.save(make("b"))
    renamed = store.rename("claude-oauth/a", "work")
    assert renamed == replace(make("a"), label="work")
    assert names(folder) == {"claude-oauth-work.json", "claude-oauth-b.json"}
    assert ids(store) == ["claude-oauth/b", "claude-oauth/work"]
    with pytest.raises(ValueError, match="already"):
        store.rename("claude-oauth/work", "B")
    with pytest.raises(ValueError, match="slashes"):
        store.rename("claude-oauth/work", "../x")
    with pytest.raises(KeyError):
        store.rename("claude-oauth/a", "c")
    (folder / "claude-oauth-b.json").rename(folder / "claude-oauth-c.json")
    store.rename("claude-oauth/b", "c")
    assert names(folder) == {"claude-oauth-work.json", "claude-oauth-c.json"}


def test_a_rename_that_dies_at_any_step_leaves_one_account(folder: Path) -> None:
    def before() -> None:
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        open_store(folder).save(make("a"))

    def after(at: int) -> None:
        assert len(ids(open_store(folder))) == 1 and not troubles(open_store(folder))
        seen.add(ids(open_store(folder))[0])

    seen: set[str] = set()
    each_step(lambda disk: open_store(folder, disk).rename("claude-oauth/a", "b"), after, before)
    assert seen == {"claude-oauth/a", "claude-oauth/b"}


def test_a_save_that_dies_at_any_step_leaves_the_old_token_or_the_new_one(folder: Path) -> None:
    old, new = make("a"), make("a", refresh=Secret("canary-rotated"))
    seen: list[Credential | None] = []
    each_step(
        lambda disk: open_store(folder, disk).save(new),
        lambda at: seen.append(open_store(folder).read("claude-oauth/a")),
        lambda: open_store(folder).save(old),
    )
    assert all(one in (old, new) for one in seen) and seen[0] == old and seen[-1] == new
    assert not open_store(folder).load().troubles


def test_a_first_save_that_dies_at_any_step_leaves_nothing_that_is_locked(folder: Path) -> None:
    def before() -> None:
        for path in folder.glob("*") if folder.exists() else ():
            if path.is_file():
                path.unlink()

    def after(at: int) -> None:
        found = open_store(folder).load()
        assert not found.troubles and found.credentials in ((), (make("a"),))

    assert each_step(lambda disk: open_store(folder, disk).save(make("a")), after, before) > 5


def test_a_file_that_another_program_is_writing_is_not_ours_for_a_word_in_it(store: FileStore, folder: Path) -> None:
    path = put(folder, "claude-ann.json", b'{"type": "claude", "label": "switchyard", "access_token": "canary')
    (trouble,) = store.load().troubles
    assert path.exists() and trouble.problem == "corrupt" and trouble.name == "claude-ann.json"


def test_temporary_files_that_a_crash_left_go_when_they_are_old(store: FileStore, folder: Path) -> None:
    old, key = put(folder, ".switchyard-0123.tmp", b"x"), put(folder, ".vault-abc", b"the key, perhaps")
    for path in (old, key):
        os.utime(path, (1, 1))
    clock = FakeClock(SystemClock().wall())
    young = put(folder, ".switchyard-4567.tmp", b"x")
    open_store(folder, clock=clock).load()
    assert young.exists() and not old.exists() and not key.exists()


def test_the_version_changes_for_others_writes_and_not_for_our_own(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    other = open_store(folder)
    version, others = store.version(), other.version()
    for number in range(3):
        store.save(make("a", priority=number))
        assert store.version() == version
        assert other.version() != others
        others = other.version()
    other.save(make("a", priority=9))
    changed = store.version()
    assert changed != version and store.version() == changed
    store.save(make("a", priority=10))
    assert store.version() == changed
    put(folder, SAMPLES["kimi"][0], text("kimi"))
    assert store.version() != changed


def test_a_change_that_was_not_seen_before_our_own_write_is_still_seen(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    version = store.version()
    open_store(folder).save(make("a", priority=9))
    store.save(make("a", priority=10))
    assert store.version() != version


def test_new_and_deleted_accounts_are_news_once(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    version = store.version()
    store.save(make("b"))
    added = store.version()
    assert added != version and store.version() == added
    store.delete("claude-oauth/b")
    deleted = store.version()
    assert deleted != added and store.version() == deleted


SAVER = """
import sys
from pathlib import Path
from msgspec.structs import replace
from router.accounts.stores.files import FileStore
from router.vault.keys import AccountVault
from router.clock import SystemClock
folder, times = Path(sys.argv[1]), int(sys.argv[2])
store = FileStore(folder, AccountVault(folder), SystemClock())
for _ in range(times):
    with store.lock("claude-oauth/a", 60.0):
        now = store.read("claude-oauth/a")
        store.save(replace(now, priority=now.priority + 1))
"""


def test_processes_that_change_one_account_under_its_lock_lose_no_change(store: FileStore, folder: Path) -> None:
    store.save(make("a"))
    running = [subprocess.Popen([sys.executable, "-c", SAVER, str(folder), "20"]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    final = store.read("claude-oauth/a")
    assert final is not None and final.priority == 40
    assert names(folder) == {"claude-oauth-a.json"}


def test_whoever_waits_for_a_lock_too_long_is_told_so(store: FileStore) -> None:
    refused = threading.Event()

    def other() -> None:
        try:
            with store.lock("claude-oauth/a", 0.05):
                pass
        except TimeoutError:
            refused.set()

    with store.lock("claude-oauth/a"):
        with store.lock("claude-oauth/b", 0.05):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
    assert refused.is_set()


def test_an_account_is_not_deleted_while_it_is_renewed(store: FileStore) -> None:
    """Else the renewal would write it anew."""
    store.save(make("a"))
    deleted = threading.Event()

    def delete() -> None:
        store.delete("claude-oauth/a")
        deleted.set()

    thread = threading.Thread(target=delete)
    with store.lock("claude-oauth/a"):
        thread.start()
        store.save(make("a", priority=1))
        assert not deleted.is_set() and store.read("claude-oauth/a") is not None
    thread.join(10)
    assert deleted.is_set() and store.read("claude-oauth/a") is None


def test_unknown_fields_and_our_own_survive_any_number_of_saves(store: FileStore, folder: Path) -> None:
    put(folder, SAMPLES["gemini"][0], text("gemini"))
    ours = replace(store.load().credentials[0], owner="ours")
    for _ in range(3):
        store.save(ours)
        read = store.read(ours.id)
        assert read == ours
    assert ours.unknown["token"]["client_secret"] == "canary-client-secret"
    assert all(b"canary" not in path.read_bytes() for path in folder.glob("gemini-cli-*.json"))
