"""supervisord as the command line sees it: start it, ask it, stop it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from router import places

SOCKET = Path("state/run/supervisor.sock")  # relative to the checkout, as in supervisor.conf
PID_FILE = Path("state/run/supervisord.pid")
LOCK = Path("state/run/programs.lock")
FAILED = ("FATAL", "EXITED", "UNKNOWN")


class Busy(Exception):
    """Somebody else starts and stops programs."""


@contextlib.contextmanager
def supervisor() -> Iterator[Any]:
    """supervisord's XML-RPC, or None when it does not run. The current folder must be the checkout.

    Raises `PermissionError` where its socket is another user's."""
    from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

    transport = SupervisorTransport(None, None, serverurl=f"unix://{SOCKET}")
    proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    try:
        try:
            proxy.supervisor.getState()
        except PermissionError as error:  # it may well run
            raise PermissionError(error.errno, error.strerror, str(SOCKET)) from None
        except (OSError, xmlrpc.client.Error):
            yield None
        else:
            yield proxy.supervisor
    finally:
        transport.close()


@contextlib.contextmanager
def one_at_a_time(within: float) -> Iterator[None]:
    """Keep others out who start and stop programs: `make reload` and a router whose settings were edited come together.

    within: seconds to wait for them. Raises `Busy`."""
    LOCK.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        end = time.monotonic() + within
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise Busy(f"another command still starts and stops programs ({LOCK}); try again later") from None
                time.sleep(0.05)
            else:
                break
        yield


def start(environ: Mapping[str, str]) -> str | None:
    """Start supervisord with our programs; what went wrong, or None."""
    for folder in ("state/run", "logs"):
        Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        SOCKET.unlink()  # of one that was killed
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisor.conf"],
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        return (done.stderr or done.stdout).strip() or f"supervisord ended with {done.returncode}"
    return None if await_answer(10) else "supervisord does not answer on its socket; see logs/supervisord.log"


def await_answer(within: float, pause: Callable[[float], None] = time.sleep) -> bool:
    """Whether supervisord answers within so many seconds. pause: waits, in seconds, between two looks."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with supervisor() as rpc:
            if rpc is not None:
                return True
        pause(0.05)
    return False


def processes(rpc: Any) -> list[dict[str, Any]]:
    """One entry for each program."""
    found: list[dict[str, Any]] = rpc.getAllProcessInfo()
    return found


def shut_down(within: float = 120.0) -> bool:
    """End supervisord and all that it runs; whether it is gone.

    All programs are told at once: supervisord itself ends one after another, so that each would wait for the drains of
    those before it."""
    pid = _pid()
    with supervisor() as rpc:
        if rpc is None:
            return True
        with contextlib.suppress(xmlrpc.client.Fault):  # somebody else has told it already
            rpc.stopAllProcesses(False)
            rpc.shutdown()
    end = time.monotonic() + within
    while time.monotonic() < end:
        if not SOCKET.exists() and (pid is None or not alive(pid)):
            return True
        time.sleep(0.1)
    return False


def alive(pid: int) -> bool:
    """Whether a process with this id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _pid() -> int | None:
    try:
        return int(PID_FILE.read_text())
    except (OSError, ValueError):
        return None


def log_tail(name: str, lines: int = 15) -> str:
    """The end of a process's log."""
    try:
        with (places.ROOT / "logs" / f"{name}.log").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""
