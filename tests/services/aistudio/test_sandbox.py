"""When Chromium gets its sandbox, and that the profile for containers allows it one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.aistudio import engines, sandbox
from services.aistudio.browsers import Browsers
from services.aistudio.settings import read
from tests.services.aistudio import confined
from tests.services.aistudio.conftest import CHROMIUM

PROFILE = Path(__file__).resolve().parents[3] / "config" / "seccomp" / "browser.json"
USER = 10001
can_confine = pytest.mark.skipif(
    os.geteuid() != 0 or not confined.possible(),
    reason="to become another user under a profile takes root and libseccomp",
)


def never() -> str:
    raise AssertionError("nobody needs to know")


@pytest.mark.parametrize(
    ("wanted", "root", "refused", "on", "why"),
    [
        ("on", True, never, True, ""),
        ("off", False, never, False, "browser.sandbox"),
        ("auto", True, never, False, "root"),
        ("auto", False, lambda: "", True, ""),
        ("auto", False, lambda: "no namespaces", False, "no namespaces"),
    ],
)
def test_the_setting_the_user_and_the_machine_decide(
    wanted: Any, root: bool, refused: Callable[[], str], on: bool, why: str
) -> None:
    found = sandbox.decide(wanted, root=root, refused=refused)
    assert found.on is on and why in found.why and bool(found.why) is not on


def test_it_is_found_out_once_and_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    settings = read({"browser": {"sandbox": "off"}})
    browsers = Browsers(settings, on_lost=lambda: None, now=lambda: 0.0)
    chromium = engines.Choice(engine="chromium", path="/usr/bin/chromium", cdp=True)
    assert not browsers.confined(chromium).on and not browsers.confined(chromium).on
    assert [record.getMessage() for record in caplog.records].count(
        "Chromium runs without its sandbox: browser.sandbox is off"
    ) == 1
    assert browsers.confined(engines.Choice(engine="firefox", path="x", cdp=False)).on


def test_where_apparmor_or_a_helper_decides_no_try_is_made(tmp_path: Path) -> None:
    status, restricted = tmp_path / "status", tmp_path / "restricted"
    restricted.write_text("1\n")
    assert sandbox.refusal(None, status, restricted) == ""
    restricted.write_text("0\n")
    status.write_text("NoNewPrivs:\t0\n")
    helper = tmp_path / "chrome-sandbox"
    helper.touch()
    if os.geteuid() == 0:
        helper.chmod(0o4755)
        assert sandbox._helper(str(tmp_path / "chromium"), status)
    status.write_text("NoNewPrivs:\t1\n")
    assert not sandbox._helper(str(tmp_path / "chromium"), status)


async def test_playwright_is_told_and_a_sandbox_that_fails_is_named() -> None:
    given: list[dict[str, Any]] = []

    class Chromium:
        async def launch(self, **words: Any) -> None:
            given.append(words)
            raise RuntimeError("Target closed\n[pid=1] FATAL: No usable sandbox!")

    class Playwright:
        chromium = Chromium()

    choice = engines.Choice(engine="chromium", path="/usr/bin/chromium", cdp=True)
    for on in (True, False):
        with pytest.raises(engines.NoEngine) as caught:
            await engines.launch(Playwright(), choice, read({}).browser, headless=True, sandbox=on, timeout=1.0)
        assert ("browser.sandbox" in str(caught.value)) is on
    assert [words["chromium_sandbox"] for words in given] == [True, False]
    assert not [flag for words in given for flag in words["args"] if "sandbox" in flag]


def rules() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PROFILE.read_text())
    return found


def refusing(folder: Path) -> Path:
    """The profile as engines have it by themselves: without new namespaces and another root folder."""
    made = rules()
    for rule in made["syscalls"]:
        if "unshare" in rule["names"]:
            rule["names"] = ["clone"]
            rule["args"][0]["value"] |= 0x70000000
        rule["names"] = [name for name in rule["names"] if name != "chroot"]
    file = folder / "refusing.json"
    file.write_text(json.dumps(made))
    return file


def test_the_profile_names_each_call_once_and_closes_what_is_new() -> None:
    names = [name for rule in rules()["syscalls"] for name in rule["names"]]
    assert len(set(names)) == len(names)
    assert rules()["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {name for rule in rules()["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert not allowed & {"mount", "setns", "bpf", "keyctl", "init_module", "io_uring_setup", "clone3", "kexec_load"}
    assert {"architectures", "archMap"}.isdisjoint(rules())  # Docker, containerd and CRI-O read one file then


def run(profile: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command as the container's user, under a profile."""
    with tempfile.TemporaryDirectory() as home:  # pytest's own folders are closed to that user
        os.chown(home, USER, USER)
        environ = {"PATH": os.environ["PATH"], "HOME": home}
        words = [sys.executable, confined.__file__, str(profile), str(USER), *command]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=home, env=environ)


@can_confine
def test_what_is_found_out_is_what_the_profile_allows(tmp_path: Path) -> None:
    allowed = run(PROFILE, "-c", sandbox._TRY)
    assert "namespaces work" in allowed.stdout, allowed.stderr
    assert "namespaces work" not in run(refusing(tmp_path), "-c", sandbox._TRY).stdout
    mount = "import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.unshare(0x10020000), ctypes.get_errno())"
    assert "-1" in run(PROFILE, "-c", mount).stdout


@can_confine
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_chromium_starts_with_its_sandbox_under_the_profile_and_not_without(tmp_path: Path) -> None:
    flags = ("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom", "data:text/html,it%20lives")
    assert CHROMIUM is not None
    good = run(PROFILE, CHROMIUM, *flags)
    assert "it lives" in good.stdout, good.stderr[-2000:]
    bad = run(refusing(tmp_path), CHROMIUM, *flags)
    assert "it lives" not in bad.stdout and bad.returncode != 0
