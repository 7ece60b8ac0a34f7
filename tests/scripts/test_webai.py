from __future__ import annotations

import subprocess
from pathlib import Path

from services.webai import extras

ROOT = Path(__file__).resolve().parents[2]


def test_an_extra_that_is_none_is_refused_before_anything_is_installed() -> None:
    done = subprocess.run(["sh", "scripts/webai.sh", "gemini", "nope"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == 'There is no extra "nope". There are: gemini g4f browser\n'


def test_every_extra_has_a_lock_with_hashes_and_its_licence_is_told() -> None:
    script = (ROOT / "scripts" / "webai.sh").read_text()
    for package, how in extras.HOW.items():
        name = how.rpartition("=")[2]
        lock = (ROOT / "requirements" / f"webai-{name}.txt").read_text()
        assert f"\n{package}==" in lock and "--hash=sha256:" in lock
        assert f"{package}==" not in (ROOT / "requirements" / "webai.txt").read_text()
        assert extras.LICENCES[package] in script
