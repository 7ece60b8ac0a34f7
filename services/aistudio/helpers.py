"""The programs that a virtual display is made of: each ends with this process, and writes a log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from router.faults import Fault
from router.tasks import Tasks

_log = logging.getLogger("switchyard.aistudio")
LEASH = Path(__file__).with_name("leash.py")
WITHIN = 15.0
"""Seconds in which a program must be ready."""
MOST = 1 << 20
"""Bytes that one start of a program may write into its log; what follows is dropped."""


class HelperLog:
    """The log of one start of a program: ``NAME.log``, and ``NAME.log.1`` of the start before. None writes nothing."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.place = ""
        self._left = MOST
        self._file = None
        if folder is None:
            return
        folder = folder.resolve()  # a link to a place that is not made yet, as in a container
        path = folder / f"{name}.log"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                path.replace(path.with_name(f"{path.name}.1"))
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            self.place = str(path)
        except OSError as error:  # a program without a log is better than none
            _log.warning("%s has no log: %s", name, error)

    def write(self, said: bytes) -> None:
        """Never fails: a full disk costs the rest of the log."""
        kept, self._left = said[: self._left], self._left - len(said[: self._left])
        if self._file is not None and kept:
            with contextlib.suppress(OSError):
                os.write(self._file, kept)

    def close(self) -> None:
        """To be called once."""
        if self._file is not None:
            os.close(self._file)


@asynccontextmanager
async def running(
    command: list[str], ready: str | None, *, logs: Path | None, name: str = "", hand: tuple[int, ...] = ()
) -> AsyncIterator[HelperLog]:
    """A program, once a line of its output matches `ready`, at once where that is None. Raises `Fault` where it ends
    before. logs: the folder of its log, which is called `name` or as the program; None for none. hand: descriptors that
    it gets."""
    log = HelperLog(logs, name or command[0])
    try:
        async with _pipe() as (output, inlet):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=inlet,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=hand,
            )
            inlet.close()  # ours: else the program's end would not be the end of the pipe
            background, reading = Tasks(command[0]), None
            try:
                if ready is not None:
                    await _until_ready(output, command[0], ready, log)
                reading = background.spawn(_drain(output, log), "output")
                yield log
            finally:
                await _end(process)
                if reading is not None:  # its last words; what it has started itself may hold the pipe
                    await asyncio.wait([reading], timeout=1)
                await background.close()
    finally:
        log.close()


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, IO[bytes]]]:
    """What is read, and what a program writes to. Closed here at the end, also where somebody holds the other end
    still: asyncio's own pipe would stay open then, with its descriptor."""
    outlet, inlet = os.pipe()
    with os.fdopen(inlet, "wb", buffering=0) as writing:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(outlet, "rb", buffering=0)
        )
        try:
            yield reader, writing
        finally:
            transport.close()


async def _until_ready(reader: asyncio.StreamReader, name: str, ready: str, log: HelperLog) -> None:
    said = ""
    more = f"; {log.place} has all that it said" if log.place else ""
    try:
        async with asyncio.timeout(WITHIN):
            while not re.search(ready, said):
                line = await reader.readline()
                log.write(line)
                if not line:
                    reason = said.strip()[-200:] or "no reason given"
                    raise Fault("unavailable", f"{name} did not start: {reason}{more}")
                said = line.decode("utf-8", "replace")
    except TimeoutError as error:
        raise Fault("unavailable", f"{name} did not get ready within {WITHIN:.0f} s{more}.") from error


async def _drain(reader: asyncio.StreamReader, log: HelperLog) -> None:
    """What nobody reads must not fill the pipe."""
    while said := await reader.read(4096):
        log.write(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(3):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
