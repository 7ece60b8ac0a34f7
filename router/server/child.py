"""The serving process: settings, sockets, event loop. Started by `parent`, or alone for tests and debugging."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from router.server.config import ServerSettings
from router.server.connection import App
from router.server.lifespan import StartFailed
from router.server.listen import CannotListen, bind, matches
from router.server.run import serve
from router.server.tls import BadCertificate
from router.tasks import Tasks
from router.version import NAME, VERSION

_log = logging.getLogger("switchyard.server")
BEAT = 5.0


class CannotStart(Exception):
    """The settings do not allow a start; the message lists every mistake."""


@dataclass
class Arguments:
    """What the parent says on the command line."""

    config: str | None = None
    control: int | None = None
    listen: tuple[int, ...] = ()
    after: str = ""


def read_arguments(words: Sequence[str]) -> Arguments:
    """Raises `CannotStart` on a word that means nothing."""
    found = Arguments()
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals:
            value = next(rest, "")
        if name == "--config" and value:
            found.config = value
        elif name == "--control" and value.isdigit():
            found.control = int(value)
        elif name == "--after" and value:
            found.after = value
        elif name == "--listen" and value:
            found.listen = tuple(int(number) for number in value.split(","))
        else:
            raise CannotStart(f"serve does not know {word!r}; it takes --config FILE")
    return found


Prepare = Callable[[str | None], tuple[ServerSettings, App]]


class Control:
    """The line to the parent. Without a parent it says nothing and never ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._pipe = None if descriptor is None else socket.socket(fileno=descriptor)

    def say(self, line: str, sockets: Sequence[socket.socket] = ()) -> None:
        """One line, with the descriptors of `sockets`."""
        if self._pipe is None:
            return
        with contextlib.suppress(OSError):  # the parent is gone: `watch` ends the process
            data = line.encode() + b"\n"
            if sockets:
                socket.send_fds(self._pipe, [data], [sock.fileno() for sock in sockets])
            else:
                self._pipe.sendall(data)

    async def watch(self) -> None:
        """Return when the parent is gone."""
        if self._pipe is None:
            await asyncio.Event().wait()
            return
        self._pipe.setblocking(False)
        with contextlib.suppress(ConnectionError):  # a parent that died with words unread resets the line
            while await asyncio.get_running_loop().sock_recv(self._pipe, 64):
                pass


def main(words: Sequence[str], prepare: Prepare | None = None) -> int:
    """Serve until SIGTERM or the end of the parent. 0 after a drain, 1 when it cannot start."""
    started = time.monotonic()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    control = Control(None)
    try:
        arguments = read_arguments(words)
        control = Control(arguments.control)
        settings, app = (prepare or _prepare)(arguments.config)
        sockets = _sockets(settings, arguments.listen, control)
        control.say(f"drain {settings.drain_seconds:g}")
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(app, sockets, settings, control, started, arguments.after))
    except (CannotStart, CannotListen, BadCertificate, StartFailed) as error:
        print(f"switchyard cannot start: {error}", file=sys.stderr, flush=True)  # noqa: T201  before any logging
        control.say("fatal")
        return 1
    return 0


def _prepare(config: str | None) -> tuple[ServerSettings, App]:
    from router.server.product import CannotPrepare, prepare

    try:
        return prepare(config, os.environ)
    except CannotPrepare as error:
        raise CannotStart(str(error)) from error


def _sockets(settings: ServerSettings, inherited: Sequence[int], control: Control) -> list[socket.socket]:
    """The inherited sockets if they are what the settings ask for, else new ones, which the parent gets too."""
    given = [socket.socket(fileno=descriptor) for descriptor in inherited]
    if given and all(matches(sock, settings.host, settings.port) for sock in given):
        return given
    for sock in given:
        sock.close()
    made = bind(settings.host, settings.port, settings.backlog, settings.send_buffer)
    control.say("sockets", made)
    return made


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(
    app: App, sockets: list[socket.socket], settings: ServerSettings, control: Control, started: float, after: str
) -> None:
    stop = asyncio.Event()
    tasks = Tasks("child")
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def orphaned() -> None:
        await control.watch()
        _log.warning("the parent process is gone; this one drains and ends")
        stop.set()

    async def beat() -> None:
        control.say("beat")

    def ready() -> None:
        addresses = [sock.getsockname()[:2] for sock in sockets]
        _write_process_file(settings, addresses, after)
        for host, port in addresses:
            shown = f"[{host}]" if ":" in host else host
            address = f"{settings.scheme}://{shown}:{port}"
            _log.info("%s %s ready on %s after %.2f s", NAME, VERSION, address, time.monotonic() - started)
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 5, 5)  # calls leave few cycles; looking for them as often as by default costs 5 %
        control.say("ready")

    tasks.spawn(orphaned(), "parent")
    tasks.periodic(lambda: BEAT, beat, "beat")
    try:
        await serve(app, sockets, settings, stop, ready)
    finally:
        await tasks.close()


def _write_process_file(settings: ServerSettings, addresses: list[tuple[str, int]], after: str) -> None:
    """Who serves where, for `switchyard status`, `doctor` and the scripts. Readers check that the pid lives. after: how
    the process before this one ended by itself, "" where it did not."""
    if settings.run_dir is None:
        return
    facts: dict[str, Any] = {
        "parent": os.getppid(),
        "pid": os.getpid(),
        "scheme": settings.scheme,
        "addresses": [list(address) for address in addresses],
        "started": time.time(),
        "after": after,
    }
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.run_dir / "router.json"
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(facts) + "\n")
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
