"""Profiles on disk: found by their names, encrypted or plain, and told from what is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.vault.cipher import Locked
from router.vault.keys import AccountVault
from router.vault.profiles import ProfileFiles, profile_name, storage_state

COOKIE = {"name": "SID", "value": "canary", "domain": ".google.com"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("aistudio-default.json", "default"),
        ("aistudio-Work.json", "work"),
        ("ann@example.com.json", "ann-example.com"),
        ("webai-x.json", "webai-x"),
        ("../.json", "default"),
        ("é.json", "default"),
        ("x" * 100 + ".json", "x" * 63),
    ],
)
def test_a_files_name_becomes_one_that_the_service_reads(tmp_path: Path, file: str, name: str) -> None:
    assert profile_name(file) == name
    made = ProfileFiles(tmp_path, None)
    made.write(name, b"{}")
    assert made.names() == [name]


@pytest.mark.parametrize("name", ["../x", "", "A", "a/b", ".hidden", "x\n"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a profile"):
        ProfileFiles(tmp_path, None).read(name)


def test_an_encrypted_file_opens_with_its_key_alone_and_a_damaged_one_says_so(tmp_path: Path) -> None:
    made = ProfileFiles(tmp_path / "profiles", AccountVault(tmp_path))
    made.write("work", b'{"cookies": "canary"}')
    assert made.is_sealed("work") and made.is_newest("work")
    assert b"canary" not in made.path("work").read_bytes()
    assert made.read("work") == b'{"cookies": "canary"}'
    with pytest.raises(Locked):
        ProfileFiles(tmp_path / "profiles", None).read("work")
    made.path("work").write_text('{"switchyard": 1, "sealed": 5}')
    with pytest.raises(ValueError, match="damaged"):
        made.read("work")


def test_a_folder_that_is_switched_to_plain_gets_plain_files(tmp_path: Path) -> None:
    vault = AccountVault(tmp_path)
    vault.set_sealing(False)
    made = ProfileFiles(tmp_path / "profiles", vault)
    made.write("work", b"canary")
    assert made.path("work").read_bytes() == b"canary" and not made.is_sealed("work")
    assert made.path("work").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("held", "state"),
    [
        ({"cookies": [COOKIE], "origins": []}, {"cookies": [COOKIE], "origins": []}),
        ({"cookies": [COOKIE]}, {"cookies": [COOKIE]}),
        ([COOKIE], {"cookies": [COOKIE], "origins": []}),
        ([], None),
        ({"cookies": [{"name": "x"}]}, None),
        ({"cookies": [], "origins": 3}, None),
        ({"access_token": "x"}, None),
        (5, None),
    ],
)
def test_a_storage_state_is_told_from_other_json(held: Any, state: Any) -> None:
    assert storage_state(held) == state
