"""A backup of one installation is put back on another machine, which then answers with the same keys and accounts."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from router.accounts.audit_reader import Wanted, read
from router.backup.archive import MANIFEST
from router.backup.contents import allowed
from router.backup.sealed import Writer
from router.cli import backup
from router.cli.audited import operator
from router.state.migrate import migrate
from router.vault.keys import account_vault
from router.vault.profiles import ProfileFiles

WORDS = "correct horse battery staple"


class Machine:
    """A HOME with its settings and folders."""

    def __init__(self, folder: Path, *, accounts: str = "accounts") -> None:
        self.folder = folder
        folder.mkdir()
        self.config = folder / "config" / "config.yaml"
        self.state = folder / "state"
        self.accounts = folder / accounts
        self.text = json.dumps({"server": {"state_dir": str(self.state)}, "auth": {"dir": str(self.accounts)}})

    def fill(self) -> None:
        """As a machine that has served for a while."""
        for path, text in {
            self.config: self.text,
            self.state / "keys" / "client.key": "sk-sy-client",
            self.state / "keys" / "service.key": "sk-sy-service",
            self.accounts / "claude-oauth-work.json": '{"type": "claude", "access_token": "t"}',
            self.state / "run" / "other.json": "{}",
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.state / "vault.key").write_bytes(b"k" * 32)
        migrate(self.state / "switchyard.sqlite")
        with sqlite3.connect(self.state / "switchyard.sqlite") as connection:
            connection.execute("insert into consents values ('qwen-oauth', 'me', 'yes', 1.0)")
        self.profiles().write("work", b"cookies of a session")

    def profiles(self) -> ProfileFiles:
        return ProfileFiles(self.accounts / "auth_profiles", account_vault(self.accounts, {}))


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(WORDS + "\n")
    return str(path)


@pytest.fixture
def old(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "old")
    made.fill()
    return made


def written(old: Machine, passphrase: str) -> Path:
    file = old.folder.parent / "switchyard.backup"
    assert backup.backup(str(file), passphrase, str(old.config)) == 0
    return file


def everything(machine: Machine) -> dict[str, bytes]:
    found = [path for folder in (machine.state, machine.accounts) for path in folder.rglob("*") if path.is_file()]
    passing = ("run", ".locks", "audit.jsonl")
    kept = [
        path for path in found if not set(passing) & set(path.parts) and not path.name.startswith("switchyard.sqlite")
    ]
    return {str(path.relative_to(machine.folder)): path.read_bytes() for path in kept}


def test_everything_comes_back_on_another_machine(old: Machine, passphrase: str, tmp_path: Path) -> None:
    file = written(old, passphrase)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    data = file.read_bytes()
    assert b"sk-sy-client" not in data and b"access_token" not in data
    before = everything(old)
    old.folder.rename(tmp_path / "burnt")  # the new machine has the same paths, and nothing in them
    old.config.parent.mkdir(parents=True)
    assert backup.restore(str(file), passphrase, config=str(old.config)) == 0
    assert everything(old) == before and old.config.read_text() == old.text
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in old.state.glob("keys/*"))
    with sqlite3.connect(old.state / "switchyard.sqlite") as connection:
        assert connection.execute("select provider from consents").fetchall() == [("qwen-oauth",)]
    assert old.profiles().names() == ["work"] and old.profiles().read("work") == b"cookies of a session"
    assert not list(old.state.glob(".switchyard-restore*"))
    (entry,) = read(old.state, Wanted(), 10).entries  # the backup itself is in the log of the machine that burnt
    assert (entry.action, entry.which) == ("restore", str(file))
    (entry,) = read(tmp_path / "burnt" / "state", Wanted(), 10).entries
    assert (entry.who, entry.action, entry.which) == (operator(), "backup_make", str(file))


def test_a_file_that_is_left_out_is_named(old: Machine, passphrase: str, capsys: pytest.CaptureFixture[str]) -> None:
    (old.accounts / "mine (work).json").write_text("{}")
    written(old, passphrase)
    assert "mine (work).json; copy it yourself" in capsys.readouterr().err


def test_what_is_here_is_kept_aside_and_only_where_that_is_wanted(
    old: Machine, passphrase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(old, passphrase)
    key = old.state / "keys" / "client.key"
    key.write_text("sk-sy-newer")
    assert backup.restore(str(file), passphrase, config=str(old.config)) == 1
    assert "--force" in capsys.readouterr().err and key.read_text() == "sk-sy-newer"
    assert backup.restore(str(file), passphrase, force=True, config=str(old.config)) == 0
    assert key.read_text() == "sk-sy-client"
    (aside,) = key.parent.glob("client.key.before-*")
    assert aside.read_text() == "sk-sy-newer"


def test_not_while_the_gateway_runs(old: Machine, passphrase: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(old, passphrase)
    facts = {"pid": os.getpid(), "parent": os.getpid(), "addresses": [], "scheme": "http"}
    (old.state / "run" / "router.json").write_text(json.dumps(facts))
    assert backup.backup(str(file) + "2", passphrase, str(old.config)) == 0  # which may well be made meanwhile
    assert backup.restore(str(file), passphrase, force=True, config=str(old.config)) == 1
    assert "make down" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["flip", "cut", "other", "empty"])
def test_a_damaged_backup_changes_nothing(
    old: Machine, passphrase: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(old, passphrase)
    data = bytearray(file.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
    file.write_bytes({"cut": data[:-100], "other": b"x" * 500, "empty": b""}.get(damage, bytes(data)))
    before = everything(old)
    assert backup.restore(str(file), passphrase, force=True, config=str(old.config)) == 1
    assert "Nothing was restored" in capsys.readouterr().err
    assert everything(old) == before


def test_another_passphrase_opens_nothing(old: Machine, passphrase: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(old, passphrase)
    Path(passphrase).write_text("another passphrase")
    assert backup.restore(str(file), passphrase, force=True, config=str(old.config)) == 1
    assert "passphrase" in capsys.readouterr().err


def packed(file: Path, members: list[tuple[str, bytes]], listed: dict[str, Any] | None = None) -> None:
    """A backup that somebody has made up, with the right passphrase."""
    import hashlib

    files = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in members}
    manifest = {"format": 1, "version": "0", "made_at": 0, "files": files, **(listed or {})}
    with file.open("wb") as target:
        writer = Writer(target, WORDS)
        with tarfile.open(fileobj=writer, mode="w|") as tar:  # type: ignore[call-overload]
            for name, data in [(MANIFEST, json.dumps(manifest).encode()), *members]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        writer.close()


@pytest.mark.parametrize(
    ("members", "listed", "says"),
    [
        ([("state/../../evil", b"x")], None, "cannot be"),
        ([("/etc/passwd", b"x")], None, "cannot be"),
        ([("elsewhere/x", b"x")], None, "cannot be"),
        ([("state/keys/client.key", b"x")], {"format": 9}, "format 9"),
        ([("state/keys/client.key", b"x")], {"files": {}}, "does not say"),
        ([], {"files": {"state/vault.key": {"size": 1, "sha256": "0"}}}, "not whole"),
        ([("state/vault.key", b"x")], {"files": {"state/vault.key": {"size": 1, "sha256": "0"}}}, "damaged"),
    ],
)
def test_a_backup_that_somebody_made_up_is_refused(
    old: Machine,
    passphrase: str,
    members: list[tuple[str, bytes]],
    listed: dict[str, Any] | None,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = old.folder / "made-up"
    packed(file, members, listed)
    before = everything(old)
    assert backup.restore(str(file), passphrase, force=True, config=str(old.config)) == 1
    assert says in capsys.readouterr().err
    assert everything(old) == before and not (old.folder.parent / "evil").exists()


def test_names_stay_inside() -> None:
    assert allowed("state/keys/client.key") and allowed("accounts/me@example.org.json")
    assert not any(map(allowed, ("state", "state/", "state/..", "state/../x", "/x", "config/a/b/c/d", "state/a\nb")))


def test_a_short_passphrase_or_a_file_that_is_there_is_refused(
    old: Machine, passphrase: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(old, passphrase)
    assert backup.backup(str(file), passphrase, str(old.config)) == 1
    assert "is there already" in capsys.readouterr().err
    monkeypatch.setenv(backup.VARIABLE, "short")
    assert backup.backup(str(file) + "2", None, str(old.config)) == 1
    assert "at least 10" in capsys.readouterr().err
    monkeypatch.setenv(backup.VARIABLE, WORDS)
    assert backup.backup(str(file) + "2", None, str(old.config)) == 0
