"""gpt4free, in a process of its own: it blocks, patches the event loop and reads what it finds in a home directory.

This is the side of the service; `free_worker` is the only file that imports the package. They speak JSON lines.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from router.faults import KINDS, Fault, Kind
from router.tasks import Tasks
from router.wire.codec import Malformed, dumps, loads
from services.link.logs import redacted
from services.webai import extras
from services.webai.asking import Ask, Picture, Piece
from services.webai.chains import Link
from services.webai.patience import Patience
from services.webai.settings import Fallback

_log = logging.getLogger("switchyard.webai.free")
LINE = 64 * 1024 * 1024
"""Bytes of the longest line."""
_WAITING = 4000
"""Pieces of one answer that wait for a slow reader."""
_PING = 5.0
"""Seconds in which the process must show that it lives, where one of its answers was silent for too long."""
_LOADING = 60.0
"""Seconds from the start in which it may say nothing at all: it reads a large package at its first call."""
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class Ours(Fault):
    """One that says nothing about the provider: our process has gone or hangs, or the caller read too slowly."""


class Worker:
    """Starts the process at the first call, starts it anew where it has died or hangs, ends it with the service."""

    def __init__(self, settings: Fallback, command: Callable[[], list[str]] | None = None, ping: float = _PING) -> None:
        """command: how to start another process than the worker, in tests. ping: seconds for a sign of life."""
        self._settings = settings
        self._ping = ping
        self._command = command or (lambda: [sys.executable, "-m", "services.webai.free_worker"])
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._answers: dict[int, tuple[asyncio.subprocess.Process, asyncio.Queue[dict[str, Any]]]] = {}
        self._processes: dict[asyncio.subprocess.Process, list[asyncio.Task[None]]] = {}
        self._loading: dict[asyncio.subprocess.Process, float] = {}
        """Since when processes run that have not said anything yet."""
        self._open = 0
        self._numbers = itertools.count(1)
        self._tasks = Tasks("webai-free")
        self._home: Path | None = None

    @property
    def busy(self) -> int:
        """Answers that are under way."""
        return self._open

    async def answer(self, link: Link, ask: Ask, patience: Patience) -> AsyncGenerator[Piece, None]:
        """The answer of one provider, piece by piece. Raises `Fault`."""
        number, queue = next(self._numbers), asyncio.Queue[dict[str, Any]](_WAITING)
        over = begun = False
        self._open += 1
        try:
            async with asyncio.timeout(patience.left(begun, time.monotonic())):
                process = await self._running()
                self._answers[number] = (process, queue)
                await self._send(process, {"op": "ask", "id": number, **self._request(link, ask)})
            while True:
                async with asyncio.timeout(patience.left(begun, time.monotonic())):
                    told = await queue.get()
                over = "end" in told or "error" in told
                if "error" in told:
                    raise _fault(told, link)
                if over:
                    return
                yield _piece(told)
                begun = True
        except TimeoutError:
            raise await self._silence(link, self._answers.get(number, (None,))[0]) from None
        finally:
            self._open -= 1
            started = self._answers.pop(number, None)
            if not over and started is not None and self._process is started[0]:
                self._tasks.spawn(self._cancel(started[0], number), "cancel")

    async def close(self) -> None:
        """End the process, and remove what it wrote."""
        for process, reading in list(self._processes.items()):
            await _ended(process, reading)
        await self._tasks.close()
        if self._home is not None:
            await asyncio.to_thread(shutil.rmtree, self._home, True)
            self._home = None

    async def _silence(self, link: Link, process: asyncio.subprocess.Process | None) -> Fault:
        """Whose silence it was: the provider's, where the process itself answers. One that does not is ended."""
        if process is None:
            return Ours("timeout", "gpt4free's process did not start in time.")
        if await self._lives(process):
            return Fault("timeout", f"{link.provider} of gpt4free was silent for too long.")
        if time.monotonic() < self._loading.get(process, -_LOADING) + _LOADING:
            return Ours("unavailable", "gpt4free is still being loaded.", retry_after=5)
        if self._process is process:  # else another call has found the same, or it died
            self._process = None
            _log.warning("gpt4free's process (%d) gave no sign of life for %g s and is killed", process.pid, self._ping)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return Ours("unavailable", "gpt4free's process hung; it is started anew.", retry_after=1)

    async def _lives(self, process: asyncio.subprocess.Process) -> bool:
        number, queue = next(self._numbers), asyncio.Queue[dict[str, Any]](1)
        self._answers[number] = (process, queue)
        try:
            async with asyncio.timeout(self._ping):
                await self._send(process, {"op": "ping", "id": number})
                return "pong" in await queue.get()
        except (TimeoutError, Ours):
            return False
        finally:
            self._answers.pop(number, None)

    def _request(self, link: Link, ask: Ask) -> dict[str, Any]:
        custom = self._settings.custom.get(link.provider)
        request: dict[str, Any] = {
            "provider": link.provider,
            "model": link.model,
            "messages": [{"role": turn.role, "content": turn.text} for turn in ask.turns if turn.text],
            "files": [[base64.b64encode(file.data).decode(), file.name] for file in ask.files],
        }
        if custom is not None:
            request |= {"base_url": custom.base_url, "api_key": custom.api_key.reveal()}
        return request

    async def _running(self) -> asyncio.subprocess.Process:
        """The process, started where there is none. Raises `Fault`."""
        async with self._starting:
            if self._process is not None and self._process.returncode is None:
                return self._process
            if self._home is None:
                self._home = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="switchyard-g4f-"))
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command(),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    cwd=self._home,
                    env=_environment(os.environ, self._home),
                    limit=LINE,
                )
            except OSError as error:
                raise Ours("unavailable", f"gpt4free's process did not start: {type(error).__name__}.") from None
            self._loading[self._process] = time.monotonic()
            listening = self._tasks.spawn(self._listen(self._process), "listen")
            self._processes[self._process] = [listening, self._tasks.spawn(_drain(self._process), "stderr")]
            return self._process

    async def _send(self, process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
        """Raises `Fault` where the process has gone."""
        assert process.stdin is not None  # noqa: S101  asked for above
        async with self._writing:
            try:
                process.stdin.write(dumps(message) + b"\n")
                await process.stdin.drain()
            except (ConnectionError, RuntimeError):
                raise Ours("unavailable", "gpt4free's process has gone.", retry_after=1) from None

    async def _cancel(self, process: asyncio.subprocess.Process, number: int) -> None:
        with contextlib.suppress(Fault):
            await self._send(process, {"op": "cancel", "id": number})

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hand lines to whom they belong until the process ends; then its open answers fail."""
        assert process.stdout is not None  # noqa: S101  asked for above
        try:
            while line := await process.stdout.readline():
                self._loading.pop(process, None)
                with contextlib.suppress(Malformed):
                    told = loads(line)
                    if isinstance(told, dict):
                        self._hand(told)
        except ValueError:
            _log.warning("gpt4free's process wrote a line without end and is ended")
        finally:
            self._loading.pop(process, None)
            if self._process is process:
                self._process = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            gone = {"error": "unavailable", "message": "gpt4free's process ended in the middle.", "ours": True}
            for number, (owner, _) in list(self._answers.items()):
                if owner is process:
                    self._hand({"id": number, **gone})
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._processes.pop(process, None)

    def _hand(self, told: dict[str, Any]) -> None:
        if told.get("id") not in self._answers:
            return
        _, queue = self._answers[told["id"]]
        try:
            queue.put_nowait(told)
        except asyncio.QueueFull:  # the end of a reader that stopped reading; what it missed must not look whole
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait({"error": "overloaded", "message": "The answer was read too slowly.", "ours": True})
            self._answers.pop(told["id"], None)


async def _ended(process: asyncio.subprocess.Process, reading: list[asyncio.Task[None]]) -> None:
    """End a process gently, then not, and read its pipes to their ends."""
    for end in (process.terminate, process.kill):
        with contextlib.suppress(ProcessLookupError):
            end()
        if reading and not (await asyncio.wait(reading, timeout=3))[1]:
            break


async def _drain(process: asyncio.subprocess.Process) -> None:
    """What the package prints, as lines of the log."""
    assert process.stderr is not None  # noqa: S101  asked for above
    with contextlib.suppress(ValueError):
        while line := await process.stderr.readline():
            _log.debug("gpt4free: %s", redacted(line.decode("utf-8", "replace").strip()[:500]))


def _environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Variables of the process: none of the service's secrets, and a home of its own with nobody's cookies in it."""
    kept = {name: environ[name] for name in _KEPT if name in environ}
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    own = {"HOME": str(home), "G4F_CONFIG_DIR": str(home), "G4F_CACHE_DIR": str(home), "XDG_CONFIG_HOME": str(home)}
    return {**kept, **own, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _piece(told: dict[str, Any]) -> Piece:
    url = told.get("picture")
    picture = Picture(b"", "", url, str(told.get("alt", ""))) if isinstance(url, str) else None
    return Piece(text=str(told.get("text", "")), thinking=str(told.get("thinking", "")), picture=picture)


def _fault(told: dict[str, Any], link: Link) -> Fault:
    kind: Kind = next((each for each in KINDS if each == told["error"]), "upstream_broken")
    message = redacted(str(told.get("message", "")))[:500]
    made = Ours if told.get("ours") is True else Fault
    return made(kind, f"{link.text} of gpt4free: {message}", retry_after=told.get("retry_after"))


def missing() -> str | None:
    """What to say where the package is not there."""
    return None if extras.installed()[extras.FREE] else extras.missing(extras.FREE)
