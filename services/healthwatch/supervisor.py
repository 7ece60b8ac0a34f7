"""supervisord over its unix socket: what runs, and how it is started anew. Every call blocks: use a thread."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from services.healthwatch.judge import Action


class Running(Struct, frozen=True):
    """A program as supervisord has it. up: seconds since its start."""

    name: str
    state: str
    pid: int
    up: float
    said: str


class Supervisor:
    """socket: of supervisord. process_file: where the router's serving process says who it is."""

    def __init__(self, socket: str, process_file: Path) -> None:
        self._socket = socket
        self._process_file = process_file

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

    def act(self, action: Action, pid: int) -> None:
        """Raises `OSError` and `xmlrpc.client.Error`."""
        if action.kind == "kill":
            self._kill(action.name, pid)
            return
        with self._rpc() as rpc:
            if action.kind == "restart":
                rpc.stopProcess(action.name)
            with contextlib.suppress(xmlrpc.client.Fault):  # it may have been started meanwhile
                rpc.startProcess(action.name, False)

    def _kill(self, name: str, pid: int) -> None:
        """End what does not answer, with all that it has started. The router's parent lives on: it replaces its child
        without letting go of the listening socket."""
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
        """The child of this parent; what an earlier run wrote down may name anybody by now."""
        try:
            facts = json.loads(self._process_file.read_text(encoding="utf-8"))
            pid = int(facts["pid"])
            if int(facts["parent"]) != parent:
                return None
            os.kill(pid, 0)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

        transport = SupervisorTransport(None, None, serverurl=f"unix://{self._socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
        finally:
            transport.close()
