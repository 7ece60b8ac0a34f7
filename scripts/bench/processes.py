"""Starts what is measured, and reads its cost from the kernel."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Running:
    """One measured process. pid: of the one that serves, not of a parent that only watches."""

    name: str
    pid: int
    port: int
    ready_seconds: float

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self) -> int:
        """Resident bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has no resident memory")


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def started(
    name: str,
    arguments: list[str],
    port: int,
    *,
    cpu: int | None,
    env: dict[str, str] | None = None,
    child: bool = False,
) -> Iterator[Running]:
    """Run ``python arguments`` until the block ends; comes back when the port accepts. child: measure its child."""
    pinned = ["taskset", "-c", str(cpu)] if cpu is not None and shutil.which("taskset") else []
    command = [*pinned, sys.executable, *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ready = _await_port(process, port, began)
        pid = _child_of(process.pid) if child else process.pid
        yield Running(name, pid, port, ready)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _await_port(process: subprocess.Popen[bytes], port: int, began: float) -> float:
    while time.perf_counter() - began < 30:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode} before it was ready")
        with socket.socket() as probe:
            probe.settimeout(0.5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                request = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
                with contextlib.suppress(OSError):
                    probe.settimeout(10)
                    probe.sendall(request)
                    if probe.recv(64):
                        return time.perf_counter() - began
                return time.perf_counter() - began
        time.sleep(0.02)
    raise RuntimeError(f"{process.args} was not ready within 30 s")


def _child_of(pid: int) -> int:
    """The youngest child, which is the one that serves."""
    children = [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent_of(int(entry.name)) == pid
    ]
    return max(children) if children else pid


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return -1
