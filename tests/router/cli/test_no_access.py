"""Verbs where the files of the installation are not ours to read: told in words, with whose they are."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from router.cli import main, no_access
from router.places import ROOT
from router.state.migrate import migrate

Run = Callable[..., "subprocess.CompletedProcess[str]"]
MAY_NOT = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs a verb in an installation whose state is closed. root too must feel that."""
    prefix = []
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root reads everything, and setpriv is not here")
        prefix = [setpriv, *MAY_NOT]
    config, state = tmp_path / "config.yaml", tmp_path / "state"
    config.write_text(f"server: {{port: 9, state_dir: '{state}'}}\n")
    state.mkdir()
    state.chmod(0)

    def do(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, sys.executable, "-m", "router", *words],
            cwd=ROOT,
            env={**os.environ, "SWITCHYARD_CONFIG": str(config), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    yield do
    state.chmod(0o700)


@pytest.mark.parametrize("words", ["status", "models", "accounts", "records", "setup", "keys list", "usage"])
def test_a_closed_state_is_told_with_its_owner_and_no_traceback(words: str, run: Run) -> None:
    done = run(*words.split())
    assert done.returncode == 1 and done.stdout == ""
    assert "cannot be used: permission denied. Run this as the user whose installation it is" in done.stderr
    assert f"(sudo -u {pwd.getpwuid(os.geteuid()).pw_name} …)" in done.stderr and "Traceback" not in done.stderr


def test_doctor_goes_on_with_what_it_can_see(run: Run) -> None:
    done = run("doctor")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "is valid" in done.stdout and "open files allowed" in done.stdout
    assert done.stdout.count("cannot be used: permission denied") >= 1
    lines = [line for line in done.stdout.splitlines() if "cannot be used" in line]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("words", "mode", "told"),
    [
        ("keys list", 0, "switchyard.sqlite cannot be used: permission denied"),
        ("usage", 0, "switchyard.sqlite cannot be used: permission denied"),
        ("keys create laptop", 0o400, "the database in the state folder cannot be used: attempt to write a readonly"),
    ],
)
def test_so_is_a_closed_database_in_an_open_folder(words: str, mode: int, told: str, run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.chmod(0o700)
    migrate(state / "switchyard.sqlite")
    (state / "switchyard.sqlite").chmod(mode)
    done = run(*words.split())
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert told in done.stderr and "Run this as the user whose installation it is" in done.stderr


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose database and note of its process are none."""
    config, state = tmp_path / "config.yaml", tmp_path / "state"
    config.write_text(f"server: {{port: 9, state_dir: '{state}'}}\n")
    monkeypatch.setenv("SWITCHYARD_CONFIG", str(config))
    (state / "run").mkdir(parents=True)
    (state / "switchyard.sqlite").write_bytes(b"no database " * 500)
    return state


@pytest.mark.parametrize("words", ["keys list", "usage"])
def test_a_damaged_database_is_told_with_the_way_out(
    words: str, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(words.split()) == 1
    said = capsys.readouterr()
    assert "is damaged (file is not a database). Put a backup back (switchyard restore)" in said.err
    assert said.out == ""


def test_doctor_finds_a_damaged_database(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor"]) == 1
    assert "the database in the state folder is damaged" in capsys.readouterr().out


@pytest.mark.parametrize("note", ["{", "3", "[]", '{"pid": 1}', '{"pid": "x"}', "{}", "null"])
def test_a_note_of_the_process_that_is_cut_breaks_no_verb(
    note: str, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (damaged / "run" / "router.json").write_text(note)
    assert main.main(["models"]) == 3
    assert "no gateway answers at http://127.0.0.1:9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "/x cannot be used: its disk is full"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x cannot be used: its file system is read-only"),
        (OSError(errno.EIO, "Input/output error", "/x"), None),
        (PermissionError("bare"), None),
        (
            sqlite3.DatabaseError("file is not a database"),
            "the database in the state folder is damaged (file is not a database)",
        ),
        (sqlite3.DatabaseError("no such table: keys"), None),
        (ValueError("malformed"), None),
    ],
)
def test_only_what_a_person_can_mend_is_told(error: Exception, told: str | None) -> None:
    assert no_access.told(error) == told


def test_other_errors_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("router.cli.processes.status", broken)
    with pytest.raises(OSError, match="Input/output"):
        main.main(["status"])
