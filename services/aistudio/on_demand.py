"""A virtual display out of programs of supervisord: started for one sign-in, and stopped after it in reverse.

What they need is written beside supervisord's socket (`services.aistudio.window` reads it there). Calls to supervisord
block, so they are made in threads; one that starts a program begins nothing any more once the end has begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import threading
import xmlrpc.client
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from router.faults import Fault
from router.on_demand import NAMES, SERVICE
from router.supervisord_rpc import FAILURES, NAME, asking, socket_of
from services.aistudio import window
from services.aistudio.settings import Login
from services.link.beside import address

_log = logging.getLogger("switchyard.aistudio")
T = TypeVar("T")
WITHIN = 15.0
"""Seconds in which a program must be ready."""
LIMIT = 5.0
"""Seconds for an answer of supervisord's, which waits for nothing."""
STOPS = 15.0
"""Seconds for the one that waits until a program has stopped: more than its stopwaitsecs."""
LOOK = 0.05
"""Seconds between two looks whether a program is ready."""
_PROBE = 2.0
_SECRET = "sign-in.vnc"  # noqa: S105  the name of a file
_ENDED = ("STOPPED", "EXITED", "FATAL", "BACKOFF", "UNKNOWN")


def programs(environ: Mapping[str, str], root: Path) -> OnDemand | None:
    """None where this process is not the AI Studio service of a supervisord. root: the checkout."""
    socket = socket_of(environ, root)
    return OnDemand(socket, root) if socket is not None and environ.get(NAME) == SERVICE else None


class OnDemand:
    """socket: supervisord's. root: where the places of its logs begin. For one sign-in at a time."""

    def __init__(self, socket: Path, root: Path, *, within: float = WITHIN) -> None:
        self._socket = socket
        self._root = root
        self._within = within
        self._folder = socket.parent
        self._lock = threading.Lock()
        self._turn: object = None

    def there(self) -> bool:
        """Whether supervisord has the programs; one that was started before they came has not. Blocks."""
        try:
            return set(NAMES) <= {str(each["name"]) for each in self._all()}
        except FAILURES as error:
            _log.warning("supervisord does not answer (%s); the programs of this sign-in do without it", _why(error))
            return False

    @asynccontextmanager
    async def window(self, login: Login, password: str) -> AsyncIterator[str]:
        """A display that a person sees at `login.novnc_port`, while the context lasts. Raises `Fault`."""
        host = address({"host": login.novnc_host, "port": login.novnc_port}).rpartition(":")[0].strip("[]")
        turn = self._turn = object()
        try:
            await asyncio.to_thread(self._begin, turn, login, password)
            await _free("login.vnc_port", "127.0.0.1", login.vnc_port)
            await _free("login.novnc_port", host, login.novnc_port)
            display = await self._started(turn, "xvfb", self._display)
            await asyncio.to_thread(self._tell, turn, login, display)
            await self._started(turn, "x11vnc", lambda: _greets(login.vnc_port))
            await self._started(turn, "novnc", lambda: _has_page(host, login.novnc_port))
            yield display
        finally:
            if self._turn is turn:
                self._turn = None  # what a thread is about to do for it is done no more
                # whoever is cancelled twice leaves before they have stopped, and stop they do all the same
                await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._end_unless_another))

    def end(self) -> None:
        """Stop those that run, also those that an earlier run of this service has left, and remove what was told them.
        Blocks; raises nothing."""
        with self._lock:
            self._end()

    def _end_unless_another(self) -> None:
        """Whoever has begun meanwhile has ended what was there before."""
        with self._lock:
            if self._turn is None:
                self._end()

    def _end(self) -> None:
        try:
            left = {str(each["name"]) for each in self._all() if each["pid"]}
            for name in reversed(NAMES):
                # not running any more; or supervisord ends, and they with it
                with contextlib.suppress(xmlrpc.client.Fault), asking(self._socket, STOPS) as rpc:
                    if name in left:
                        rpc.stopProcess(name)
        except FAILURES as error:
            _log.warning(
                "supervisord does not answer (%s): %s may still run; `make up` or `make down` ends what a "
                "supervisord that was killed has left",
                *(_why(error), ", ".join(NAMES)),
            )
        for name in (window.TOLD, window.DISPLAY, _SECRET):
            with contextlib.suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)

    def _all(self) -> list[dict[str, Any]]:
        with asking(self._socket, LIMIT) as rpc:
            found: list[dict[str, Any]] = rpc.getAllProcessInfo()
            return found

    def _begin(self, turn: object, login: Login, password: str) -> None:
        with self._lock:
            if self._turn is turn:
                self._end()
                self._write(_SECRET, password)
        self._tell(turn, login, "")

    def _tell(self, turn: object, login: Login, display: str) -> None:
        told = {
            "display": display,
            "vnc_port": login.vnc_port,
            "secret": str(self._folder / _SECRET),
            "host": login.novnc_host,
            "port": login.novnc_port,
            "page": login.novnc_path,
        }
        with self._lock:
            if self._turn is turn:
                self._write(window.TOLD, json.dumps(told))

    def _write(self, name: str, text: str) -> None:
        """Raises `Fault`."""
        path = self._folder / name
        try:
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            raise Fault("unavailable", f"{path} cannot be written: {error.strerror}") from None

    async def _started(self, turn: object, name: str, ready: Callable[[], Awaitable[T]]) -> T:
        """Start a program and wait until it is ready; what `ready` gives then. Raises `Fault`."""
        await asyncio.to_thread(self._start, turn, name)
        log = ""
        try:
            async with asyncio.timeout(self._within):
                while True:
                    log = await asyncio.to_thread(self._look, name)
                    if found := await ready():
                        return found
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            more = f"; {log} has all that it said" if log else ""
            raise Fault("unavailable", f"{name} did not get ready within {self._within:.0f} s{more}.") from None

    def _start(self, turn: object, name: str) -> None:
        with self._lock:
            if self._turn is not turn:
                return
            try:
                with asking(self._socket, LIMIT) as rpc:
                    rpc.startProcess(name, False)
            except FAILURES as error:
                raise Fault("unavailable", f"{name} did not start: supervisord says {_why(error)}.") from None

    def _look(self, name: str) -> str:
        """The place of its log. Raises `Fault` where it has ended."""
        try:
            with asking(self._socket, LIMIT) as rpc:
                info = rpc.getProcessInfo(name)
        except FAILURES as error:
            raise Fault("unavailable", f"How {name} is, supervisord does not tell: {_why(error)}.") from None
        log = str(self._root / info["stdout_logfile"]) if info["stdout_logfile"] else ""
        if info["statename"] not in _ENDED:
            return log
        reason = _last_line(Path(log)) or str(info["spawnerr"]) or str(info["statename"]).lower()
        more = f"; {log} has all that it said" if log else ""
        raise Fault("unavailable", f"{name} did not start: {reason}{more}")

    async def _display(self) -> str:
        """Where Xvfb has written it, else ""."""
        try:
            text = (self._folder / window.DISPLAY).read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""
        return f":{int(text)}" if text.endswith("\n") and text.strip().isdigit() else ""


async def _free(setting: str, host: str, port: int) -> None:
    """Raises `Fault` where somebody answers at a port already: what answers later would not be ours."""
    if await _reply(host, port, b"", 0) is not None:
        raise Fault("unavailable", f"Port {port} of {host} is taken by another program; set {setting} to a free one.")


async def _greets(port: int) -> bool:
    return await _reply("127.0.0.1", port, b"", 4) == b"RFB "


async def _has_page(host: str, port: int) -> bool:
    said = await _reply(host, port, b"GET /vnc.html HTTP/1.0\r\n\r\n", 12)
    return said is not None and said[8:] == b" 200"


async def _reply(host: str, port: int, asked: bytes, count: int) -> bytes | None:
    """The first bytes that are said there, None where nobody listens."""
    writer = None
    try:
        async with asyncio.timeout(_PROBE):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(asked)
            return await reader.readexactly(count)
    except (OSError, asyncio.IncompleteReadError):
        return None if writer is None else b""
    finally:
        if writer is not None:
            writer.close()


def _last_line(log: Path) -> str:
    """The last thing that a program has said."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(-min(4096, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return (file.read().decode("utf-8", "replace").strip().splitlines() or [""])[-1][-200:]
    return ""


def _why(error: Exception) -> str:
    return str(getattr(error, "faultString", "") or getattr(error, "strerror", "") or type(error).__name__)
