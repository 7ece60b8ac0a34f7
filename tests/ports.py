"""Ports for servers that are started by somebody else: chosen now, and taken a moment later."""

from __future__ import annotations

import errno
import itertools
import os
import socket

_OURS = 12_000 + os.getpid() % 200 * 100
_PORTS = itertools.cycle(range(_OURS, _OURS + 100))
"""Below those that the system gives to connections: one of these would be gone before its server has started."""
_FAMILIES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def free_port() -> int:
    """One that is free on both loopback families, and ours among test processes."""
    return next(port for port in itertools.islice(_PORTS, 100) if all(_free(port, *each) for each in _FAMILIES))


def _free(port: int, family: int, host: str) -> bool:
    """A family that this machine has not got is in nobody's way."""
    try:
        with socket.socket(family) as probe:
            probe.bind((host, port))
    except OSError as error:
        return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
