from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from router.accounts.import_sources import SOURCES, find_cliproxyapi, find_llmux
from router.accounts.importing import (
    Importer,
    NotImportable,
    Profile,
    ServiceAccount,
    import_file,
    recognise,
)
from router.accounts.stores.files import FileStore
from router.accounts.twins import IMPORTED_FROM
from router.clock import FakeClock
from router.vault.keys import AccountVault
from router.vault.profiles import ProfileFiles
from tests.router.accounts.samples import SAMPLES, STORAGE_STATE, VERTEX, text
from tests.router.accounts.test_documents import JSON

CLOCK = FakeClock(4_000_000_000.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def store(folder: Path) -> FileStore:
    return FileStore(folder, AccountVault(folder), CLOCK)


def importer(store: FileStore, *, dry_run: bool = False, replaces: bool = False) -> Importer:
    profiles = ProfileFiles(store.folder / "auth_profiles", AccountVault(store.folder))
    return Importer(store, store.folder, profiles, CLOCK, dry_run=dry_run, replaces=replaces)


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


@pytest.mark.parametrize("which", sorted(SAMPLES))
def test_each_programs_file_becomes_an_account_of_ours(which: str, store: FileStore) -> None:
    name, _ = SAMPLES[which]
    credential = import_file(text(which), name)
    assert credential.owner == "ours" and credential.facts[IMPORTED_FROM] == name
    store.save(credential)
    assert store.read(credential.id) == credential
    assert credential.renewable is (which != "llmux-claude-long")


@pytest.mark.parametrize(
    ("content", "name", "missing"),
    [
        ({"type": "claude"}, "claude-a.json", "neither an access token nor a refresh token"),
        (b"{", "claude-a.json", "is not JSON"),
        ({"x": 1}, "x.json", "no account file that this program knows"),
        ([], "x.json", "no object"),
        (STORAGE_STATE, "aistudio-default.json", "profile for the AI Studio service"),
        (STORAGE_STATE, "state.json", "profile for the AI Studio service"),
        (VERTEX, "vertex-proj-1.json", "service_account_files: [vertex-proj-1.json]"),
        (VERTEX["service_account"], "key.json", "service_account_files: [key.json]"),
        ({"switchyard": 1, "provider": "claude-oauth", "label": "a", "sealed": "AQ=="}, "a.json", "vault decrypt"),
    ],
)
def test_what_gives_no_account_is_refused_with_what_is_missing(content: Any, name: str, missing: str) -> None:
    written = content if isinstance(content, bytes) else json.dumps(content)
    with pytest.raises(NotImportable) as caught:
        import_file(written, name)
    assert missing in str(caught.value)
    assert "canary" not in "".join(traceback.format_exception(caught.value))


@given(
    st.one_of(JSON.map(json.dumps), st.text(max_size=30)),
    st.sampled_from(["a.json", "claude-a.json", "aistudio-a.json"]),
)
@settings(max_examples=150, deadline=None)
def test_any_text_becomes_something_or_is_refused_with_a_reason(written: str, name: str) -> None:
    try:
        recognise(written, name)
    except NotImportable as error:
        assert str(error).startswith(name)


def test_profiles_and_service_accounts_are_told_from_accounts() -> None:
    profile = recognise(json.dumps(STORAGE_STATE), "aistudio-work.json")
    assert isinstance(profile, Profile) and profile.name == "work"
    nested = recognise(json.dumps(VERTEX), "vertex-x.json")
    assert isinstance(nested, ServiceAccount) and nested.project == "proj-1"
    assert nested.document is not None and json.loads(nested.document) == VERTEX["service_account"]
    bare = recognise(json.dumps(VERTEX["service_account"]), "key.json")
    assert isinstance(bare, ServiceAccount) and bare.document is None


def test_a_whole_folder_is_imported_and_the_originals_stay(store: FileStore, folder: Path) -> None:
    for which in ("claude", "codex", "antigravity", "kimi", "xai", "gemini", "qwen", "iflow"):
        write(folder / SAMPLES[which][0], text(which))
    write(folder / "vertex-proj-1.json", VERTEX)
    write(folder / "aistudio-default.json", STORAGE_STATE)
    write(folder / "claude-half.json", b'{"type": "claude')
    write(folder / "settings.json", {"x": 1})
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    dry = importer(store, dry_run=True).bring_in(find_cliproxyapi(folder))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    results = importer(store).bring_in(find_cliproxyapi(folder))
    assert results == dry
    became = {Path(one.file).name: one.became for one in results}
    assert became == {SAMPLES[which][0]: "account" for which in SAMPLES if SAMPLES[which][0] in before} | {
        "vertex-proj-1.json": "setting",
        "aistudio-default.json": "profile",
        "claude-half.json": "wrong",
        "settings.json": "nothing",
    }
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert {one.owner for one in store.load().credentials} == {"ours"} and len(store.load().credentials) == 8
    profile = folder / "auth_profiles" / "default.json"
    assert b"canary" not in profile.read_bytes() and profile.stat().st_mode & 0o777 == 0o600
    assert json.loads(ProfileFiles(profile.parent, AccountVault(folder)).read("default")) == STORAGE_STATE
    key = folder / "service_accounts" / "proj-1.json"
    assert json.loads(key.read_bytes()) == VERTEX["service_account"] and key.stat().st_mode & 0o777 == 0o600
    told = next(one.told for one in results if one.became == "setting")
    assert str(key) in told
    again = importer(store).bring_in(find_cliproxyapi(folder))
    assert {one.became for one in again} == {"known", "setting", "wrong", "nothing"}
    assert len(store.load().credentials) == 8 and "canary" not in str(results)


def test_accounts_of_one_address_in_two_workspaces_stay_two(store: FileStore, tmp_path: Path) -> None:
    name, document = SAMPLES["codex"]
    team = {
        **document,
        "id_token": "",
        "account_id": "acc-0002",
        "access_token": "t",
        "refresh_token": "u",
        "plan": "team",
    }
    paths = [write(tmp_path / "in" / name, document), write(tmp_path / "in" / "codex-ffff.json", team)]
    results = importer(store).bring_in(paths)
    assert [one.account for one in results] == ["chatgpt-oauth/ann@example.com", "chatgpt-oauth/ann@example.com-team"]


def test_newer_tokens_are_taken_only_when_asked_for_and_the_operators_choices_stay(
    store: FileStore, tmp_path: Path
) -> None:
    name, document = SAMPLES["claude"]
    path = write(tmp_path / "in" / name, document)
    importer(store).bring_in([path])
    ours = store.load().credentials[0]
    store.save(replace(ours, priority=5, aliases={"a": "b"}))
    write(path, document | {"refresh_token": "newer", "access_token": "newer"})
    kept = importer(store).bring_in([path])[0]
    assert kept.became == "known" and "--replace" in kept.told
    assert store.load().credentials[0].refresh == ours.refresh
    assert importer(store, replaces=True).bring_in([path])[0].became == "account"
    now = store.load().credentials[0]
    assert (now.refresh.reveal(), now.priority, now.aliases) == ("newer", 5, {"a": "b"})
    assert importer(store, replaces=True).bring_in([path])[0].became == "known"


def test_llmux_and_the_others_are_found_where_they_keep_their_files(store: FileStore, tmp_path: Path) -> None:
    assert find_llmux(tmp_path) == []
    write(tmp_path / ".llmux" / "tokens.json", text("llmux-claude"))
    write(tmp_path / ".llmux" / "chatgpt" / "tokens.json", text("llmux-chatgpt"))
    write(tmp_path / ".codex" / "auth.json", text("llmux-chatgpt"))
    write(tmp_path / ".claude" / ".credentials.json", text("claude-code"))
    found = {name: source.find(tmp_path / source.folder) for name, source in SOURCES.items()}
    assert {name: len(paths) for name, paths in found.items()} == {
        "cliproxyapi": 0,
        "llmux": 2,
        "codex": 1,
        "claude-code": 1,
        "ctonew": 0,
    }
    results = importer(store).bring_in([path for paths in found.values() for path in paths])
    assert [(one.became, one.account) for one in results] == [
        ("account", "claude-oauth/default"),
        ("account", "chatgpt-oauth/ann@example.com"),
        ("known", "chatgpt-oauth/ann@example.com"),
        ("account", "claude-oauth/default-max"),
    ]


def test_the_file_of_cto_news_program_does_not_say_whose_it_is(store: FileStore, tmp_path: Path) -> None:
    path = write(tmp_path / ".cto" / "credentials", {"access_token": "a", "refresh_token": "b", "expires_in": 900})
    source = SOURCES["ctonew"]
    assert source.find(tmp_path / source.folder) == [path]
    assert importer(store).bring_in([path])[0].became == "nothing"
    (one,) = importer(store).bring_in([path], source.called)
    assert (one.became, one.account) == ("account", "ctonew/default")
    (kept,) = store.load().credentials
    assert (kept.refresh.reveal(), kept.facts["way"], kept.facts[IMPORTED_FROM]) == ("b", "oauth", "credentials")


def test_missing_and_odd_paths_are_answered(store: FileStore, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "link.json").symlink_to(write(tmp_path / "real.json", text("kimi")))
    results = importer(store).bring_in([tmp_path / "no.json", tmp_path / "folder.json", tmp_path / "link.json"])
    assert [one.became for one in results] == ["wrong", "wrong", "account"]
    assert "no file" in results[0].told and "no regular file" in results[1].told


def test_our_own_files_are_not_imported_into_themselves(store: FileStore, folder: Path, tmp_path: Path) -> None:
    store.save(import_file(text("claude"), "claude-a.json"))
    results = importer(store).bring_in(find_cliproxyapi(folder))
    assert [one.became for one in results] == ["known"]
    elsewhere = FileStore(tmp_path / "plain", None, CLOCK)
    elsewhere.save(import_file(text("kimi"), "kimi-1.json"))
    moved = importer(store).bring_in(find_cliproxyapi(tmp_path / "plain"))
    assert [one.became for one in moved] == ["account"]
