"""Somewhere to show a window: the session's own display, or a virtual one that a person sees through noVNC.

The virtual one is Xvfb + x11vnc + noVNC, started for one sign-in and ended after it, on loopback unless told otherwise,
with a password that is good for this sign-in only.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shutil
import string
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from router.faults import Fault
from services.aistudio.helpers import WITHIN, running
from services.aistudio.settings import Login
from services.link.beside import address

_log = logging.getLogger("switchyard.aistudio")
SCREEN = "1440x900x24"
PASSWORD_LENGTH = 8
"""As long as VNC's own passwords can be."""

_PROGRAMS = {"Xvfb": "xvfb", "x11vnc": "x11vnc", "websockify": "websockify"}


class Shown(Struct, frozen=True, kw_only=True):
    """display: for a browser's window, None for the session's own. vnc_url: where a person sees it, with the password
    in the fragment, which no server and no log gets to see."""

    display: str | None
    vnc_url: str | None = None


def own_display(settings: Login, environ: Mapping[str, str]) -> Shown | None:
    """The configured display or the session's own; None where there is neither."""
    if settings.display:
        return Shown(display=settings.display)
    if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        return Shown(display=environ.get("DISPLAY"))
    return None


def cookie_problem(environ: Mapping[str, str]) -> str:
    """Why the X server's cookie that is named cannot be used, "" where it can or where none is named."""
    name = environ.get("XAUTHORITY")
    if not name or not environ.get("DISPLAY"):
        return ""
    try:
        with Path(name).open("rb") as file:
            problem = "" if file.read(1) else "is empty"
    except OSError as error:
        problem = f"cannot be read by user {os.geteuid()} ({error.strerror})"
    if not problem:
        return ""
    return (
        f"XAUTHORITY={name} {problem}: no window can open on {environ['DISPLAY']}. How to make one: docs/containers.md"
    )


@asynccontextmanager
async def somewhere(
    settings: Login,
    *,
    headed: bool | None,
    chance: random.Random,
    environ: Mapping[str, str] = os.environ,
    logs: Path | None = None,
) -> AsyncIterator[Shown]:
    """A display while the context lasts. headed: True for a real one only, False for a virtual one.
    logs: the folder for the logs of the programs of a virtual one, None for none. Raises `Fault`."""
    own = None if headed is False else own_display(settings, environ)
    if own is not None:
        yield own
        return
    if headed is True:
        raise Fault("unavailable", "This session has no display. Leave headed out to sign in through noVNC.")
    async with _virtual(settings, chance, logs) as shown:
        yield shown


@asynccontextmanager
async def _virtual(settings: Login, chance: random.Random, logs: Path | None) -> AsyncIterator[Shown]:
    _check_programs(settings)
    password = "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH))
    async with contextlib.AsyncExitStack() as stack:
        display = await stack.enter_async_context(screen(logs))
        handle, secret = tempfile.mkstemp(prefix="switchyard-vnc-")  # 0600; x11vnc removes it once read
        with os.fdopen(handle, "w") as file:
            file.write(password)
        stack.callback(Path(secret).unlink, missing_ok=True)
        port = str(settings.vnc_port)
        vnc = ["x11vnc", "-display", display, "-localhost", "-rfbport", port, "-passwdfile", f"rm:{secret}"]
        vnc += ["-forever", "-noxdamage", "-quiet"]
        await stack.enter_async_context(running(vnc, r"PORT=(\d+)", logs=logs))
        listens = f"[{settings.novnc_host}]" if ":" in settings.novnc_host else settings.novnc_host
        command = ["websockify", "--web", settings.novnc_path, f"{listens}:{settings.novnc_port}", f"127.0.0.1:{port}"]
        await stack.enter_async_context(running(command, r"[Pp]roxying from", logs=logs, name="novnc"))
        web = address({"host": settings.novnc_host, "port": settings.novnc_port})
        yield Shown(
            display=display,
            vnc_url=f"http://{web}/vnc.html?autoconnect=1&resize=scale#password={password}",
        )


def missing_programs(settings: Login) -> list[str]:
    """The packages that a virtual display lacks here."""
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if not (Path(settings.novnc_path) / "vnc.html").is_file():
        missing.append("novnc")
    return missing


def _check_programs(settings: Login) -> None:
    missing = missing_programs(settings)
    if missing:
        raise Fault(
            "unavailable",
            f"To sign in without a display, install: apt-get install {' '.join(missing)}. Or sign in on another "
            "machine and import the profile.",
        )


@asynccontextmanager
async def screen(logs: Path | None = None) -> AsyncIterator[str]:
    """A virtual screen on a display number that is free. logs: where Xvfb's log goes. Raises `Fault` where Xvfb is
    missing, or does not start."""
    if shutil.which("Xvfb") is None:
        raise Fault("unavailable", "A virtual screen needs Xvfb: apt-get install xvfb")
    reading, writing = os.pipe()
    async with contextlib.AsyncExitStack() as stack:
        said = stack.enter_context(os.fdopen(reading))
        try:
            command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", SCREEN, "-nolisten", "tcp", "-noreset"]
            log = await stack.enter_async_context(running(command, None, logs=logs, name="xvfb", hand=(writing,)))
        finally:
            os.close(writing)
        number = ""
        with contextlib.suppress(TimeoutError):
            number = (await asyncio.wait_for(asyncio.to_thread(said.readline), WITHIN)).strip()
        if not number:
            more = f"; {log.place} says why" if log.place else ""
            raise Fault("unavailable", f"The virtual display (Xvfb) did not start{more}.")
        yield f":{number}"
