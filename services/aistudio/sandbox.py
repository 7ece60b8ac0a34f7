"""Whether Chromium gets its sandbox. It needs user namespaces, or its set-uid helper, and refuses to run as root.

Containers refuse user namespaces unless their seccomp profile allows them (`config/seccomp/browser.json`).
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from services.aistudio.settings import Sandbox

HELPERS = ("chrome-sandbox", "/usr/lib/chromium/chrome-sandbox")
"""Set-uid helpers: beside the browser, and where Debian has it (its `chromium` is a script elsewhere)."""
RESTRICTED = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
STATUS = Path("/proc/self/status")
_TRY = """
import ctypes, os
if ctypes.CDLL(None, use_errno=True).unshare(0x70000000):
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
os.chroot("/")
print("namespaces work")
"""
"""What Chromium does for its sandbox: new user, PID and network namespaces, and another root folder inside."""
_WITHIN = 10.0


class Confined(Struct, frozen=True):
    """on: whether the browser is started with its sandbox. why: what turned it off, "" where it is on."""

    on: bool
    why: str = ""


def decide(wanted: Sandbox, *, root: bool, refused: Callable[[], str]) -> Confined:
    """refused: why the machine cannot, "" where it can; asked only where it matters."""
    if wanted == "on":
        return Confined(on=True)
    if wanted == "off":
        return Confined(on=False, why="browser.sandbox is off")
    if root:
        return Confined(on=False, why="it refuses to run as root; start the service as another user")
    why = refused()
    return Confined(on=not why, why=why)


def refusal(browser: str | None, status: Path = STATUS, restricted: Path = RESTRICTED) -> str:
    """Why a sandbox cannot be made here, "" where it can or where only the browser itself can tell. browser: its
    binary. Takes some 20 ms, for a process that tries."""
    if _helper(browser, status):
        return ""
    if _read(restricted).strip() == "1":
        return ""  # AppArmor decides by the browser's path, so that another program's try proves nothing
    try:
        done = subprocess.run(  # noqa: S603  our own words
            [sys.executable, "-I", "-S", "-c", _TRY], capture_output=True, text=True, check=False, timeout=_WITHIN
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"whether this machine allows user namespaces cannot be found out ({error})"
    if "namespaces work" in done.stdout:
        return ""
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"this machine or container does not allow user namespaces ({last}); in a container, give it the seccomp "
        "profile config/seccomp/browser.json (docs/containers.md)"
    )


def _helper(browser: str | None, status: Path) -> bool:
    """Whether a set-uid helper is there and may become root."""
    if "NoNewPrivs:\t0" not in _read(status):
        return False
    beside = Path(browser).resolve().parent if browser else Path("/nonexistent")
    for name in HELPERS:
        try:
            facts = (beside / name).stat()
        except OSError:
            continue
        if facts.st_uid == 0 and facts.st_mode & stat.S_ISUID:
            return True
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def is_root() -> bool:
    """Whether this process is."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
