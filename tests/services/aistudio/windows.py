"""A supervisord with the programs of a sign-in as they ship, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from router.supervisord_rpc import FAILURES, asking
from services.aistudio.on_demand import NAMES, OnDemand
from services.aistudio.settings import Login
from tests.e2e.test_supervision import until
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ("Xvfb", "x11vnc", "websockify")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
X11VNC = """#!/bin/sh
[ ! -e fails ] || {{ echo "no screen"; exit 1; }}
exec {x11vnc} "$@"
"""


class Windows:
    """folder: a checkout with what the programs need, and no more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "state/run/supervisor.sock"

    def info(self, name: str) -> dict[str, Any]:
        with asking(self.socket, 10) as rpc:
            found: dict[str, Any] = rpc.getProcessInfo(name)
            return found

    def states(self) -> set[str]:
        return {str(self.info(name)["statename"]) for name in NAMES}

    def told(self) -> set[str]:
        """Files that a sign-in has left, or has now."""
        return {path.name for path in self.socket.parent.glob("sign-in.*")}

    def start(self, name: str) -> None:
        with asking(self.socket, 10) as rpc:
            rpc.startProcess(name, False)


def answers(socket: Path) -> bool:
    try:
        with asking(socket, 5) as rpc:
            return bool(rpc.getState())
    except FAILURES:
        return False


def login(**more: Any) -> Login:
    return Login(vnc_port=free_port(), novnc_port=free_port(), **more)


@contextmanager
def windows(folder: Path) -> Iterator[Windows]:
    """While supervisord runs. One `x11vnc` fails where a file `fails` is in the folder."""
    (folder / "services/aistudio").mkdir(parents=True)
    shutil.copy(ROOT / "services/aistudio/window.py", folder / "services/aistudio")
    conf = RawConfigParser(interpolation=None)
    conf.read(ROOT / "supervisor.conf")
    for section in conf.sections():
        if section.startswith("program:") and section.removeprefix("program:") not in NAMES:
            conf.remove_section(section)
    with (folder / "supervisor.conf").open("w") as file:
        conf.write(file)
    scripts = {
        ".venvs/aistudio/bin/python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
        "bin/x11vnc": X11VNC.format(x11vnc=shutil.which("x11vnc")),
    }
    for name, script in scripts.items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    for name in ("state/run", "logs"):
        (folder / name).mkdir(parents=True)
    environ = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "A_SECRET": json.dumps("of the settings")}
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", "supervisor.conf"], cwd=folder, env=environ
    )
    made = Windows(folder)
    try:
        until(lambda: answers(made.socket))
        yield made
    finally:
        OnDemand(made.socket, folder).end()
        process.kill()
        process.wait(60)
