"""The systemd unit: filled in for its checkout, hardened, and taken by systemd's own check."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, verb: str, *, root: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DESTDIR": str(folder), **variables}
    words = ["sh", str(root / "scripts" / "install-service.sh"), verb]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script needs, whose path systemd can take."""
    made = tmp_path / "checkout"
    for name in ("scripts/install-service.sh", "scripts/environment.sh", "config/systemd/switchyard.service"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, made / name)
    return made


def test_the_unit_is_made_for_the_checkout_and_goes_again(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    done = run(target, "install", root=checkout, RUN_AS="daemon", ACCOUNTS="/srv/accounts")
    assert done.returncode == 0, done.stderr
    unit = target / "etc/systemd/system/switchyard.service"
    text = unit.read_text()
    assert "@" not in text.split("[Unit]")[1]
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text[text.index("[Unit]") :])
    service = parser["Service"]
    assert service["User"] == "daemon" and service["WorkingDirectory"] == str(checkout)
    assert service["ReadWritePaths"].split()[-1] == "/srv/accounts"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["KillMode"]) == ("yes", "strict", "mixed")
    assert int(service["TimeoutStopSec"]) > 60  # more than supervisord gives its programs
    if shutil.which("systemd-analyze"):
        for exe in ("python",):  # systemd looks whether the programs are there
            path = checkout / ".venv/bin" / exe
            path.parent.mkdir(parents=True)
            path.touch(mode=0o755)
        verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        assert verified.returncode == 0, verified.stderr
        assert "switchyard.service" not in verified.stderr
    assert "would run: systemctl enable" in done.stderr
    assert run(target, "uninstall", root=checkout).returncode == 0 and not unit.exists()


def test_a_path_that_systemd_cannot_take_is_refused(checkout: Path, tmp_path: Path) -> None:
    odd = checkout.rename(tmp_path / "a checkout")
    done = run(tmp_path / "target", "install", root=odd, RUN_AS="nobody")
    assert done.returncode == 1 and "blank" in done.stderr


def test_a_user_that_is_not_there_is_refused(checkout: Path, tmp_path: Path) -> None:
    done = run(tmp_path / "target", "install", root=checkout, RUN_AS="nobody-of-that-name")
    assert done.returncode == 1 and "There is no user" in done.stderr


def test_without_root_and_a_folder_it_says_what_is_needed(checkout: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("runs as root here")
    assert "root" in run(Path(), "install", root=checkout, DESTDIR="").stderr
