"""Serves while there is no valid configuration yet (``DEPLOY=cloud``): alive, not ready, and it says what is missing.

Where a platform runs containers, settings may come after the container, and a process that ends is started again and
again without anybody being told why. So it waits, and goes on by itself once the settings are valid. It answers on the
sockets that the router then inherits, until the router serves on them: no connection is refused on the way.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVERY = 1.0
"""Seconds between two looks at the settings."""
_WAITS = "This gateway waits for a valid configuration."
STARTING = "The configuration is valid; the router is starting."


class WaitingRoom:
    """Answers on sockets that listen already, in threads of its own, until it is closed. The sockets stay open."""

    def __init__(self, sockets: Sequence[socket.socket], problem: str) -> None:
        self.problem = problem
        self._desks = [_Desk(sock.dup(), self) for sock in sockets]
        self._threads = [threading.Thread(target=desk.serve_forever, args=(0.1,), daemon=True) for desk in self._desks]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take no more connections; those that were taken are still answered. A second call does nothing."""
        for desk, thread in zip(self._desks, self._threads, strict=True):
            desk.shutdown()
            thread.join()
            desk.server_close()
        self._desks, self._threads = [], []


def wait(
    problem: Callable[[], str | None], room: WaitingRoom, say: Callable[[str], None], stopped: threading.Event
) -> bool:
    """Until `problem` gives None, with each new problem told to `say` and in the room. False where it was stopped
    before. problem: what is wrong with the settings."""
    say(f"{_WAITS} {room.problem}")
    while not stopped.wait(EVERY):
        now = problem()
        if now is None:
            room.problem = STARTING
            return True
        if now != room.problem:
            say(now)
            room.problem = now
    return False


class _Desk(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, room: WaitingRoom) -> None:
        self.room = room
        super().__init__(listening.getsockname()[:2], _Answers, bind_and_activate=False)
        self.socket.close()  # the one that it has made itself
        self.socket = listening


class _Answers(BaseHTTPRequestHandler):
    server: _Desk
    timeout = 10

    def do_GET(self) -> None:
        problem = self.server.room.problem
        causes = [{"cause": "config", "text": problem, "blocking": True, "restart_helps": False}]
        message = STARTING if problem == STARTING else _WAITS
        if self.path.partition("?")[0] == "/healthz":
            self._send(200, {"status": "ok"})
        else:
            self._send(503, {"ready": False, "causes": causes, "error": {"message": message, "type": "not_ready"}})

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, status: int, body: object) -> None:
        data = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("connection", "close")
        if status == 503:
            self.send_header("retry-after", "5")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Nothing: whoever asks every second would fill the log."""
