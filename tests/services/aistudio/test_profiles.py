"""Profiles: files of their owner alone, whole or not at all; accounts that rest say until when and why."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from router.faults import Fault
from router.vault.keys import KEY_FILE, AccountVault
from services.aistudio import notices
from services.aistudio.profiles import ProfileError, Profiles

COOKIE = {"name": "SID", "value": "x", "domain": ".google.com"}


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    made = Profiles(tmp_path / "auth_profiles")
    for name in ("work", "default"):
        made.save(name, {"cookies": [COOKIE], "origins": []})
    return made


def test_files_are_their_owners_alone_and_leave_nothing_beside(profiles: Profiles) -> None:
    assert profiles.names() == ["default", "work"]
    assert stat.S_IMODE(profiles.folder.stat().st_mode) == 0o700
    modes = [stat.S_IMODE(path.stat().st_mode) for path in profiles.folder.iterdir()]
    assert modes == [0o600, 0o600]


def test_a_write_that_fails_leaves_the_old_file(profiles: Profiles) -> None:
    with pytest.raises(TypeError):
        profiles.save("work", {"cookies": object()})
    assert profiles.load("work")["cookies"][0]["value"] == "x"
    assert len(list(profiles.folder.iterdir())) == 2


def test_a_profile_is_encrypted_with_the_key_of_the_accounts_and_for_its_name_alone(tmp_path: Path) -> None:
    folder = tmp_path / "auth_profiles"
    made = Profiles(folder, AccountVault(tmp_path))
    made.save("default", {"cookies": [COOKIE], "origins": []})
    assert b"SID" not in (folder / "default.json").read_bytes()
    assert Profiles(folder, AccountVault(tmp_path)).load("default")["cookies"][0]["name"] == "SID"
    (folder / "other.json").write_bytes((folder / "default.json").read_bytes())
    with pytest.raises(ProfileError, match="cannot be decrypted"):
        made.load("other")
    (tmp_path / KEY_FILE).write_bytes(b"o" * 32)
    with pytest.raises(ProfileError, match="cannot be decrypted"):
        Profiles(folder, AccountVault(tmp_path)).load("default")


def test_a_plain_profile_is_read_and_written_encrypted_from_then_on(profiles: Profiles, tmp_path: Path) -> None:
    made = Profiles(profiles.folder, AccountVault(tmp_path))
    held = made.load("work")
    made.save("work", held)
    assert b"SID" not in (profiles.folder / "work.json").read_bytes()


def test_profiles_of_the_other_service_in_the_folder_are_not_ours(profiles: Profiles) -> None:
    (profiles.folder / "webai-default.json").write_text("{}")
    assert profiles.names() == ["default", "work"]


@pytest.mark.parametrize("name", ["../x", "", "A", "a/b", ".hidden"])
def test_names_stay_in_the_folder(profiles: Profiles, name: str) -> None:
    with pytest.raises(ProfileError):
        profiles.load(name)


@pytest.mark.parametrize("text", ["{", "[]", '{"cookies": 3}', '{"cookies": [{"name": "x"}]}'])
def test_what_is_no_profile_is_refused(profiles: Profiles, text: str) -> None:
    (profiles.folder / "odd.json").write_text(text)
    with pytest.raises(ProfileError):
        profiles.load("odd")


def test_cookies_of_other_tools_are_taken_over(profiles: Profiles, tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    file.write_text(json.dumps([{**COOKIE, "hostOnly": False, "session": True}]))
    profiles.import_file("new", file)
    assert profiles.load("new")["cookies"] == [{**COOKIE, "path": "/"}]


def test_cookies_in_the_words_of_browser_extensions_are_taken_over(profiles: Profiles, tmp_path: Path) -> None:
    file = tmp_path / "cookies.json"
    given = [{**COOKIE, "expirationDate": 2e9, "sameSite": "no_restriction"}, {**COOKIE, "sameSite": "unspecified"}]
    file.write_text(json.dumps([*given, {**COOKIE, "sameSite": None}]))
    profiles.import_file("new", file)
    plain = {**COOKIE, "path": "/"}
    assert profiles.load("new")["cookies"] == [{**plain, "expires": 2e9, "sameSite": "None"}, plain, plain]


def test_a_file_that_somebody_else_wrote_is_noticed(profiles: Profiles) -> None:
    assert not profiles.changed("work")
    profiles.replace("work", {"cookies": [], "origins": []})
    assert profiles.changed("work")
    profiles.load("work")
    assert not profiles.changed("work")


def test_an_account_rests_for_as_long_as_it_was_told_and_the_reason_is_kept(profiles: Profiles) -> None:
    limited = Fault("quota_spent", "used up", retry_after=100)
    assert profiles.trouble("default", limited, 1000.0)
    assert profiles.usable(1000.0) == ["work"]
    assert profiles.health("default", 1000.0).reason == "used up"
    assert profiles.usable(1101.0) == ["default", "work"]
    assert not profiles.trouble("work", Fault("upstream_broken", "x"), 1000.0)
    assert profiles.trouble("work", Fault("rate_limited", "slow down", retry_after=30), 1000.0)
    with pytest.raises(Fault, match=r"used up.*slow down") as caught:
        profiles.usable(1000.0)
    assert (caught.value.http_status, caught.value.retry_after) == (429, 30)


def test_signed_out_accounts_and_none_at_all_say_what_to_do(profiles: Profiles, tmp_path: Path) -> None:
    for name in profiles.names():
        profiles.trouble(name, notices.needs_login(name), 0.0)
    with pytest.raises(Fault, match="switchyard login aistudio") as caught:
        profiles.usable(0.0)
    assert caught.value.code == notices.NEEDS_LOGIN
    profiles.good("work")
    assert profiles.usable(0.0) == ["work"]
    with pytest.raises(Fault, match="no AI Studio profile"):
        Profiles(tmp_path / "none").usable(0.0)
