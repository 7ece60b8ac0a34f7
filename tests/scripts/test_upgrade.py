"""scripts/upgrade.sh by itself, in a checkout whose router only notes what it is asked; tests/e2e has the whole way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = f"""
VENV="$ROOT/venv"
say() {{ printf '%s\\n' "$*" >&2; }}
fail() {{ say "$*"; exit 1; }}
make_environment() {{ mkdir -p "$VENV/bin"; ln -sf {sys.executable} "$VENV/bin/python"; }}
"""
ROUTER = """
import json, os, sys
if sys.argv[1] == "status":
    pids = {"router": 1, "aistudio": 2, "webai": None, "healthwatch": 3, "own": 4}
    print(json.dumps({"processes": [{"name": name, "pid": pid} for name, pid in pids.items()]}))
    sys.exit(1)  # something is wrong with one of them
with open("asked", "a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\n")
sys.exit(os.path.exists("broken") and sys.argv[1] == "reload-process" or sys.argv[1:] == ["restart", "aistudio"])
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder, self.remote = folder / "mine", folder / "remote"
        for name, text in (
            ("scripts/environment.sh", ENVIRONMENT),
            ("router/__main__.py", ROUTER),
            (".gitignore", "*"),
        ):
            file = self.remote / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        shutil.copy(ROOT / "scripts" / "upgrade.sh", self.remote / "scripts")
        self.git(self.remote, "init", "-q", "-b", "main")
        self.old = self.commit("First")
        self.git(folder, "clone", "-q", str(self.remote), str(self.folder))
        (self.folder / "state" / "run").mkdir(parents=True)

    def git(self, where: Path, *words: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@x")
        return subprocess.run(
            ["git", *who, *words], cwd=where, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        self.git(self.remote, "add", "-A", "-f")
        self.git(self.remote, "commit", "-q", "--allow-empty", "-m", message)
        return self.git(self.remote, "rev-parse", "HEAD")

    def head(self) -> str:
        return self.git(self.folder, "rev-parse", "HEAD")

    def upgrade(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", "scripts/upgrade.sh", *words]
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)

    def asked(self) -> list[str]:
        file = self.folder / "asked"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    @contextmanager
    def supervisord(self) -> Iterator[None]:
        """Somebody listens; afterwards the socket is left as a power cut leaves it."""
        before = Path.cwd()
        with socket.socket(socket.AF_UNIX) as sock:
            os.chdir(self.folder)  # a whole path may be too long for a socket
            try:
                sock.bind("state/run/supervisor.sock")
            finally:
                os.chdir(before)
            sock.listen()
            yield


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_where_nothing_runs_it_only_installs(checkout: Checkout) -> None:
    new = checkout.commit("Second")
    done = checkout.upgrade()
    assert done.returncode == 0 and checkout.head() == new
    assert "make up" in done.stderr and "serves" not in done.stderr
    assert checkout.asked() == ["up --prepare-only"]


def test_a_socket_that_a_power_cut_has_left_is_not_held_against_the_commit(checkout: Checkout) -> None:
    with checkout.supervisord():
        pass
    (checkout.folder / "broken").touch()  # nobody could be replaced
    new = checkout.commit("Second")
    done = checkout.upgrade()
    assert done.returncode == 0 and checkout.head() == new, done.stderr
    assert "make up" in done.stderr and "make rollback" in done.stderr
    assert checkout.asked() == ["up --prepare-only"]
    back = checkout.upgrade("back")
    assert back.returncode == 0 and checkout.head() == checkout.old
    assert "make up" in back.stderr


def test_what_runs_is_replaced_and_what_fails_is_taken_back(checkout: Checkout) -> None:
    good = checkout.commit("Second")
    with checkout.supervisord():
        done = checkout.upgrade()
        assert done.returncode == 0 and "serves" in done.stderr
        anew = ["restart aistudio", "restart healthwatch"]  # that one of them fails does not take the commit back
        assert checkout.asked() == ["up --prepare-only", "reload-process --within 60", *anew]
        assert "Starting healthwatch anew" in done.stderr and "aistudio is not well" in done.stderr
        checkout.commit("Third")
        (checkout.folder / "broken").touch()
        assert checkout.upgrade().returncode == 1
        assert checkout.head() == good and not any(each.startswith("restart") for each in checkout.asked())
