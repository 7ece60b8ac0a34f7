"""Listening sockets, who holds a port that is taken, and how many descriptors there are."""

from __future__ import annotations

import contextlib
import errno
import resource
import socket
import time
from pathlib import Path

RETRY_FOR = 2.0  # seconds: a predecessor that was killed lets its port go within this time
WANTED_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 128  # log, database, settings, and what the libraries keep


class CannotListen(Exception):
    """The address cannot be served; the message says why and what to do."""


def bind(host: str, port: int, backlog: int, send_buffer: int, retry_for: float = RETRY_FOR) -> list[socket.socket]:
    """Sockets that listen on every address of `host`. Raises `CannotListen`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise CannotListen(f"server.host: {host!r} is no address of this machine ({error.strerror})") from error
    sockets: list[socket.socket] = []
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        if sockets and port == 0:
            address = (address[0], sockets[0].getsockname()[1], *address[2:])
        try:
            sockets.append(_patiently(family, address, retry_for))
        except OSError as error:
            if error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and len(found) > 1:
                continue  # "localhost" names ::1 on machines without IPv6
            for opened in sockets:
                opened.close()
            raise CannotListen(_reason(host, port, error)) from error
    if not sockets:
        raise CannotListen(f"server.host: {host!r} has no address that can be listened on")
    for opened in sockets:
        _prepare(opened, send_buffer)
        opened.listen(backlog)
    return sockets


def _patiently(family: int, address: tuple[object, ...], retry_for: float) -> socket.socket:
    end = time.monotonic() + retry_for
    while True:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() >= end:
                raise
            time.sleep(0.1)
        else:
            return sock


def _prepare(sock: socket.socket, send_buffer: int) -> None:
    """What accepted sockets inherit: small writes at once, and a bounded buffer in the kernel."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        holder = port_holder(port)
        return (
            f"port {port} on {host} is taken{f' by {holder}' if holder else ''}; "
            f"stop that program, or choose another port with server.port, SWITCHYARD__SERVER__PORT or `make up PORT=…`"
        )
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs more rights than this user has; choose a port above 1023 with server.port"
    return f"cannot listen on {host} port {port}: {error.strerror}"


def matches(sock: socket.socket, host: str, port: int) -> bool:
    """Whether an inherited socket is one that `host` and `port` ask for."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        return False
    name = sock.getsockname()
    return any(address[0] == name[0] and port in (0, name[1]) for _, _, _, _, address in found)


def port_holder(port: int) -> str | None:
    """Program and process id that listen on `port`, where Linux lets this user see it."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return None
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    return f"{_command(process)} (process {process.name})"
    return None


def _command(process: Path) -> str:
    words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    return " ".join(words[:3]).strip()[:80] or (process / "comm").read_text().strip()


def raise_descriptor_limit(wanted: int = WANTED_DESCRIPTORS) -> int:
    """Raise the soft limit of open files as far as allowed, at most to `wanted`; returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    best = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < best:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
            soft = best
    return wanted if soft == resource.RLIM_INFINITY else soft


def connection_limit(descriptors: int) -> int:
    """How many client connections fit: each call needs a second descriptor for its provider."""
    return max(16, (descriptors - RESERVED_DESCRIPTORS) // 2)
