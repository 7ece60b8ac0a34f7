"""The way to supervisord: XML-RPC over its unix socket, with a limit for every answer. Services take it too."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import xmlrpc.client
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

VARIABLE = "SUPERVISOR_SERVER_URL"
"""What supervisord tells its programs of itself."""
NAME = "SUPERVISOR_PROCESS_NAME"
"""What supervisord tells a program of the program's own name."""
_SCHEME = "unix://"
FAILURES = (OSError, xmlrpc.client.Error)
"""Of every call: supervisord does not answer, or refuses."""


def socket_of(environ: Mapping[str, str], root: Path) -> Path | None:
    """supervisord's socket, as it told this process. root: where a relative path begins."""
    told = environ.get(VARIABLE, "")
    return root / told.removeprefix(_SCHEME) if told.startswith(_SCHEME) else None


@contextlib.contextmanager
def asking(path: Path, limit: float) -> Iterator[Any]:
    """Its methods. Every call blocks: use a thread. path: of its socket. limit: seconds for the way there and for each
    piece of an answer. Raises one of `FAILURES`."""
    transport = _Transport(path, limit)
    try:
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    except (http.client.HTTPException, ExpatError) as error:
        raise ConnectionError(f"supervisord's answer cannot be read: {type(error).__name__}") from error
    finally:
        transport.close()


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, limit: float) -> None:
        super().__init__()
        self._path = path
        self._limit = limit
        self._connection: tuple[Any, Any] = (None, None)

    def request(self, *words: Any, **more: Any) -> Any:
        """Once: what was broken off may have been done, and its caller looks."""
        return self.single_request(*words, **more)

    def make_connection(self, host: Any) -> _Connection:
        if self._connection[1] is None:
            self._connection = host, _Connection(self._path, self._limit)
        kept: _Connection = self._connection[1]
        return kept


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, limit: float) -> None:
        super().__init__("127.0.0.1", timeout=limit)
        self._path = path
        self._limit = limit

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._limit)
        self.sock.connect(min(str(self._path), os.path.relpath(self._path), key=len))  # such paths must be short
