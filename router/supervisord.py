"""Who started this process, and what they can do for it: supervisord knows the programs that run and starts one anew,
the parent replaces the router. Only what supervisord knows can be named; nothing else can be run from here."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from router.healed import Healed

VARIABLE = "SUPERVISOR_SERVER_URL"
"""What supervisord tells its programs of itself."""
PARENT = "SWITCHYARD_PARENT"
"""What the parent of the serving process tells it: its own process id (`router.server.parent`)."""
_SCHEME = "unix://"
_ENDED = ("EXITED", "FATAL", "UNKNOWN")
_LONGEST = 90.0
"""Seconds for one answer: a program may take as long to stop as supervisor.conf lets it, and a start is watched."""


class Process(Struct, frozen=True):
    """One program. state: supervisord's word, in lower case. uptime: seconds. exit: its last exit status, where it has
    ended. wrong: why it does not run, "" where it does. healed: what it was started anew for within the last day,
    oldest first."""

    name: str
    state: str
    pid: int | None
    uptime: float | None
    exit: int | None
    wrong: str
    healed: Sequence[Healed] = ()


class Unsupervised(Exception):
    """supervisord cannot be asked; the message says why."""


class Unstarted(Exception):
    """A program did not start; the message says why."""


class Supervisord:
    """socket: its own; None where this process was not started by it. Every call blocks: use a thread."""

    def __init__(self, socket: Path | None) -> None:
        self._socket = socket

    @property
    def known(self) -> bool:
        """Whether it started this process."""
        return self._socket is not None

    def processes(self) -> list[Process]:
        """All programs. Raises `Unsupervised`."""
        with self._rpc() as rpc:
            return [_process(info) for info in rpc.getAllProcessInfo()]

    def restart(self, name: str) -> Process | None:
        """Stop it where it runs, start it, and wait until it has stayed up for as long as supervisor.conf wants; None
        where it stands still, because somebody stopped it. Raises `KeyError` where supervisord does not know it,
        `Unstarted`, `Unsupervised`."""
        with self._rpc() as rpc:
            info = next((each for each in rpc.getAllProcessInfo() if each["name"] == name), None)
            if info is None:
                raise KeyError(name)
            if info["statename"] == "STOPPED":
                return None
            whole = f"{info['group']}:{name}"
            try:
                if info["pid"]:
                    rpc.stopProcess(whole)
                rpc.startProcess(whole)
            except xmlrpc.client.Fault as fault:
                raise Unstarted(f"{fault.faultString}; see logs/{name}.log") from None
            return _process(rpc.getProcessInfo(whole))

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[Any]:
        if self._socket is None:
            raise Unsupervised(
                "This router was not started by supervisord (`make up` does that), so it knows no others."
            )
        transport = _Transport(self._socket)
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
        except xmlrpc.client.Error as error:
            raise Unsupervised(f"supervisord refuses: {_words(error)}.") from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise Unsupervised(f"supervisord does not answer ({why}); see logs/supervisord.log.") from None
        finally:
            transport.close()


def socket_of(environ: Mapping[str, str], root: Path) -> Path | None:
    """supervisord's socket, as it told this process. root: where a relative path begins."""
    told = environ.get(VARIABLE, "")
    return root / told.removeprefix(_SCHEME) if told.startswith(_SCHEME) else None


def ask_parent(environ: Mapping[str, str]) -> bool:
    """Have the parent start another serving process, which takes over from this one; False where there is no parent."""
    parent = os.getppid()
    if environ.get(PARENT) != str(parent):
        return False
    os.kill(parent, signal.SIGHUP)
    return True


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._connection: tuple[Any, Any] = (None, None)

    def make_connection(self, host: Any) -> _Connection:
        if self._connection[1] is None:
            self._connection = host, _Connection(self._path)
        kept: _Connection = self._connection[1]
        return kept


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("127.0.0.1", timeout=_LONGEST)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_LONGEST)
        self.sock.connect(min(str(self._path), os.path.relpath(self._path), key=len))  # such paths must be short


def _process(info: Mapping[str, Any]) -> Process:
    state = str(info["statename"])
    ended, wrong = state in _ENDED, ""
    if state == "EXITED":
        wrong = f"ended with {info['exitstatus']}"
    elif state not in ("RUNNING", "STARTING"):
        wrong = str(info["spawnerr"] or "") or f"is {state.lower()}"
    return Process(
        name=str(info["name"]),
        state=state.lower(),
        pid=int(info["pid"]) or None,
        uptime=float(info["now"] - info["start"]) if info["pid"] else None,
        exit=int(info["exitstatus"]) if ended else None,
        wrong=wrong,
    )


def _words(error: xmlrpc.client.Error) -> str:
    return str(getattr(error, "faultString", "") or getattr(error, "errmsg", "") or type(error).__name__)
