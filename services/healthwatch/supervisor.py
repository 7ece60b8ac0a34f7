"""supervisord over its unix socket: what runs, and how it is started anew. Every call blocks: use a thread."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.supervisord_rpc import FAILURES, asking
from services.healthwatch.history import ends
from services.healthwatch.judge import Action

LIMIT = 5.0
"""Seconds that supervisord may be silent. It answers within milliseconds where it works, for no call here waits."""
LOG_READ = 64 * 1024
"""Bytes of the end of supervisord's log that are read."""
STOPS_WITHIN = 900.0
"""Seconds that a program may take to stop: its own `stopwaitsecs`, which supervisord keeps to, lies below."""


class Running(Struct, frozen=True):
    """A program as supervisord has it. up: seconds since its start."""

    name: str
    state: str
    pid: int
    up: float
    said: str


class Supervisor:
    """path: of supervisord's socket. process_file: where the router's serving process says who it is. limit: seconds
    for one answer. pause: waits, in seconds, between two looks at a program that is to stop."""

    def __init__(
        self,
        path: str,
        process_file: Path,
        *,
        limit: float = LIMIT,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = path
        self._process_file = process_file
        self._limit = limit
        self._pause = pause

    def running(self) -> list[Running]:
        """All programs. Raises `OSError` and `xmlrpc.client.Error` where supervisord does not answer."""
        with self._rpc() as rpc:
            return [
                Running(
                    name=str(info["name"]),
                    state=str(info["statename"]),
                    pid=int(info["pid"]),
                    up=float(info["now"] - info["start"]) if info["pid"] else 0.0,
                    said=str(info["spawnerr"]),
                )
                for info in rpc.getAllProcessInfo()
            ]

    def ended(self) -> list[tuple[str, float, str]]:
        """The programs that have ended by themselves lately: name, seconds since 1970, how. Raises as `running`
        does."""
        with self._rpc() as rpc:
            return ends(str(rpc.readLog(-LOG_READ, 0)))

    def act(self, action: Action, pid: int) -> None:
        """Raises `OSError` and `xmlrpc.client.Error`."""
        if action.kind == "kill":
            self._kill(action.name, pid)
            return
        if action.kind == "restart":
            self._stop(action.name)
        with self._rpc() as rpc, contextlib.suppress(xmlrpc.client.Fault):  # it may have been started meanwhile
            rpc.startProcess(action.name, False)

    def _stop(self, name: str) -> None:
        """Returns when it has stopped. A supervisord that fails meanwhile is asked again: who gave up here would leave
        the program stopped, as if an operator had wanted that."""
        with contextlib.suppress(*FAILURES), self._rpc() as rpc:  # it may have ended, or the answer alone may be lost
            rpc.stopProcess(name, False)
        step = 0.25
        for _ in range(int(STOPS_WITHIN / step)):
            try:
                with self._rpc() as rpc:
                    if rpc.getProcessInfo(name)["statename"] != "STOPPING":
                        return
            except xmlrpc.client.Fault:  # it is no longer known
                return
            except FAILURES:
                pass
            self._pause(step)

    def _kill(self, name: str, pid: int) -> None:
        """End what does not answer, with all that it has started. The router's parent lives on where it can replace its
        child, without letting go of the listening socket; one that is stopped, or does not take leave of a child that
        has ended, goes too, and supervisord starts it again."""
        child = self._serving(pid) if name == "router" else None
        with contextlib.suppress(ProcessLookupError):
            if child is not None and child != pid:
                os.kill(child, signal.SIGKILL)
            elif pid > 1:
                with contextlib.suppress(PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                    return
                os.kill(pid, signal.SIGKILL)

    def _serving(self, parent: int) -> int | None:
        """The child of this parent that lives and that the parent can replace; what an earlier run wrote down may name
        anybody by now."""
        try:
            facts = json.loads(self._process_file.read_text(encoding="utf-8"))
            pid = int(facts["pid"])
            if int(facts["parent"]) != parent or _state(parent) in _STOPPED:
                return None
            return None if _state(pid) in _ENDED else pid
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return None

    def _rpc(self) -> contextlib.AbstractContextManager[Any]:
        return asking(Path(self._path), self._limit)


_ENDED = ("Z", "X", "x")
_STOPPED = (*_ENDED, "T", "t")


def _state(pid: int) -> str:
    """A letter, see proc(5). Where the system has no /proc, "?" for a process that is there. Raises `OSError`."""
    os.kill(pid, 0)
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "?"
