"""``python window.py xvfb|x11vnc|novnc``: become that program, as the AI Studio service has told in a file.

supervisord's commands are fixed, and what these need is known at a sign-in only: so the service writes it beside
supervisord's socket, and has supervisord start this. Started by its path and in isolation, so that it needs nothing but
Python, and is there at once. The service takes the commands from here too where it starts the programs itself.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOLD = "sign-in.json"
"""What the service tells, beside supervisord's socket: an object with a key for each argument of a command."""
DISPLAY = "sign-in.display"
"""There Xvfb writes the number of its display, once it can be used."""
SCREEN = "1440x900x24"
_SERVER, _NAME = "SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", _SERVER, _NAME)
"""Variables that the programs get: no secret of the settings, and what says whose they are."""
_NOBODY = "The AI Studio service starts this for a sign-in and stops it after that; there is none now ({}: {}).\n"


class Unfit(Exception):
    """The file is not as the service writes it; the message says what is wrong."""


def xvfb(report: int) -> list[str]:
    """report: the descriptor that gets the number of the display."""
    return ["Xvfb", "-displayfd", str(report), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]


def x11vnc(display: str, port: int, secret: str) -> list[str]:
    """secret: the file of the password, which is removed once it is read."""
    words = ["x11vnc", "-display", display, "-localhost", "-rfbport", str(port), "-passwdfile", f"rm:{secret}"]
    return [*words, "-forever", "-noxdamage", "-quiet"]


def novnc(host: str, port: int, page: str, vnc_port: int) -> list[str]:
    """page: the folder of noVNC."""
    listens = f"[{host}]" if ":" in host else host
    return ["websockify", "--web", page, f"{listens}:{port}", f"127.0.0.1:{vnc_port}"]


def command(name: str, told: Mapping[str, Any], folder: Path) -> list[str]:
    """What the program with this name is started with. told: by the service. Raises `Unfit`."""
    try:
        if name == "xvfb":
            report = os.open(folder / DISPLAY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            os.set_inheritable(report, True)
            return xvfb(report)
        vnc_port = int(told["vnc_port"])
        if name == "x11vnc":
            if not re.fullmatch(r":\d+", told["display"]):
                raise Unfit("its display is none")
            return x11vnc(told["display"], vnc_port, str(told["secret"]))
        return novnc(str(told["host"]), int(told["port"]), str(told["page"]), vnc_port)
    except (KeyError, TypeError, ValueError) as error:
        raise Unfit(f"{type(error).__name__}: {error}") from None


def read(path: Path) -> dict[str, Any]:
    """What the service has told. Raises `OSError`, `Unfit`."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        mode = os.fstat(file.fileno())
        if mode.st_uid != os.geteuid() or stat.S_IMODE(mode.st_mode) & 0o077:
            raise Unfit("it is not this user's own, or others may reach it (its mode must be 0600)")
        try:
            told = json.loads(file.read(65_536))
        except ValueError:
            told = None
    if not isinstance(told, dict):
        raise Unfit("it is no JSON object")
    return told


def main(words: list[str], environ: Mapping[str, str]) -> int:
    """Does not return where all is well. 1: nobody signs in now; 2: not told rightly; 127: it cannot be started."""
    if (
        len(words) != 1
        or words[0] not in ("xvfb", "x11vnc", "novnc")
        or not environ.get(_SERVER, "").startswith("unix")
    ):
        sys.stderr.write("name one of xvfb, x11vnc, novnc, under a supervisord with a unix socket\n")
        return 2
    folder = Path(environ[_SERVER].removeprefix("unix://")).parent
    path = folder / TOLD
    try:
        started = command(words[0], read(path), folder)
    except OSError as error:
        sys.stderr.write(_NOBODY.format(error.filename or path, error.strerror))
        return 1
    except Unfit as error:
        sys.stderr.write(f"{path}: {error}\n")
        return 2
    try:
        os.execvpe(started[0], started, {name: environ[name] for name in _KEPT if name in environ})  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{started[0]}: {error.strerror}\n")
    return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
