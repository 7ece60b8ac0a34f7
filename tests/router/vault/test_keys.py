from __future__ import annotations

import base64
from pathlib import Path

import pytest

from router.vault.cipher import Locked
from router.vault.keys import (
    KEY_FILE,
    OLD_VARIABLE,
    VARIABLE,
    AccountVault,
    WrongKey,
    account_vault,
    read_key,
)

KEY = bytes(range(200, 232))


@pytest.mark.parametrize(
    "written",
    [
        KEY.hex(),
        KEY.hex().upper(),
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
        f" {KEY.hex()}\n",
    ],
)
def test_a_key_may_be_hexadecimal_or_base64(written: str) -> None:
    assert read_key(written, VARIABLE) == KEY


@pytest.mark.parametrize("written", ["canary", KEY.hex()[:-1], KEY.hex() + "00", "!" * 44, "é" * 32, "canary" * 20])
def test_a_wrong_key_is_refused_with_the_command_that_makes_a_good_one(written: str) -> None:
    with pytest.raises(WrongKey, match="openssl rand -hex 32") as caught:
        account_vault(Path("nowhere"), {VARIABLE: written})
    assert VARIABLE in str(caught.value) and written not in str(caught.value)
    with pytest.raises(WrongKey, match=OLD_VARIABLE):
        account_vault(Path("nowhere"), {OLD_VARIABLE: f"{KEY.hex()},{written}"})


def test_nothing_is_made_before_it_is_needed(tmp_path: Path) -> None:
    vault = account_vault(tmp_path / "a", {VARIABLE: " "})
    with pytest.raises(Locked, match="missing"):
        vault.open(b"\x01" + b"x" * 40, "n")
    assert vault.sealing and not (tmp_path / "a").exists()
    sealed = vault.seal(b"x", "n")
    assert ((tmp_path / "a" / KEY_FILE).stat().st_mode & 0o777, vault.open(sealed, "n")) == (0o600, b"x")


def test_the_environment_wins_over_the_file_and_the_file_still_opens(tmp_path: Path) -> None:
    file = account_vault(tmp_path, {})
    of_file = file.seal(b"x", "n")
    environment = account_vault(tmp_path, {VARIABLE: KEY.hex()})
    assert environment.open(of_file, "n") == b"x"
    of_environment = environment.seal(b"y", "n")
    with pytest.raises(Locked):
        file.open(of_environment, "n")
    other = account_vault(tmp_path, {VARIABLE: "00" * 32, OLD_VARIABLE: KEY.hex()})
    assert other.open(of_environment, "n") == b"y"
    with pytest.raises(Locked):
        account_vault(tmp_path, {VARIABLE: "00" * 32}).open(of_environment, "n")


def test_a_key_that_another_process_made_or_exchanged_is_noticed(tmp_path: Path) -> None:
    one, other = AccountVault(tmp_path), AccountVault(tmp_path)
    assert other.open(one.seal(b"x", "n"), "n") == b"x"
    one.begin_rotation()
    during = one.seal(b"y", "n")
    assert other.open(during, "n") == b"y" and other.open_newest(during, "n") == b"y"
    one.finish_rotation()
    assert other.open(one.seal(b"z", "n"), "n") == b"z" and other.open(during, "n") == b"y"


def test_a_damaged_key_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(OSError, match="holds no vault key"):
        AccountVault(tmp_path).seal(b"x", "n")
    assert (tmp_path / KEY_FILE).read_bytes() == b"short"


def test_a_key_file_that_others_may_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(KEY)
    (tmp_path / KEY_FILE).chmod(0o644)
    AccountVault(tmp_path).seal(b"x", "n")
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_vault_shows_no_key() -> None:
    assert KEY.hex() not in repr(account_vault(Path("x"), {VARIABLE: KEY.hex()}))
