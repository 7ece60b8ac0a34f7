"""Somewhere to show a window: the session's own display, or a virtual one that a person sees through noVNC.

The virtual one is Xvfb + x11vnc + noVNC, started for one sign-in and ended after it, on loopback unless told otherwise,
with a password that is good for this sign-in only. They are programs of supervisord where that has started this service
(`services.aistudio.on_demand`), and children of this process elsewhere.
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
from services.aistudio import window
from services.aistudio.helpers import WITHIN, running
from services.aistudio.on_demand import OnDemand
from services.aistudio.settings import Login
from services.link.beside import address

_log = logging.getLogger("switchyard.aistudio")
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
    programs: OnDemand | None = None,
) -> AsyncIterator[Shown]:
    """A display while the context lasts. headed: True for a real one only, False for a virtual one.
    logs: the folder for the logs of the children that make a virtual one, None for none. programs: supervisord's, which
    make it instead where it has them. Raises `Fault`."""
    own = None if headed is False else own_display(settings, environ)
    if own is not None:
        yield own
        return
    if headed is True:
        raise Fault("unavailable", "This session has no display. Leave headed out to sign in through noVNC.")
    _check_programs(settings)
    password = "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH))
    web = address({"host": settings.novnc_host, "port": settings.novnc_port})
    supervised = programs is not None and await asyncio.to_thread(programs.there)
    made = programs.window(settings, password) if programs and supervised else _children(settings, password, logs)
    async with made as display:
        yield Shown(display=display, vnc_url=f"http://{web}/vnc.html?autoconnect=1&resize=scale#password={password}")


@asynccontextmanager
async def _children(settings: Login, password: str, logs: Path | None) -> AsyncIterator[str]:
    async with contextlib.AsyncExitStack() as stack:
        display = await stack.enter_async_context(screen(logs))
        handle, secret = tempfile.mkstemp(prefix="switchyard-vnc-")  # 0600; x11vnc removes it once read
        with os.fdopen(handle, "w") as file:
            file.write(password)
        stack.callback(Path(secret).unlink, missing_ok=True)
        vnc = window.x11vnc(display, settings.vnc_port, secret)
        await stack.enter_async_context(running(vnc, r"PORT=(\d+)", logs=logs))
        web = window.novnc(settings.novnc_host, settings.novnc_port, settings.novnc_path, settings.vnc_port)
        await stack.enter_async_context(running(web, r"[Pp]roxying from", logs=logs, name="novnc"))
        yield display


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
            command = window.xvfb(writing)
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
