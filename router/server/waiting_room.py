"""Serves while there is no valid configuration yet (``DEPLOY=cloud``): alive, not ready, and it says what is missing.

Where a platform runs containers, settings may come after the container, and a process that ends is started again and
again without anybody being told why. So it waits, and goes on by itself once the settings are valid.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EVERY = 1.0
"""Seconds between two looks at the settings."""
_WAITS = "This gateway waits for a valid configuration."


def wait(
    problem: Callable[[], str | None], host: str, port: int, say: Callable[[str], None], stopped: threading.Event
) -> bool:
    """Serve until `problem` gives None. False where it was stopped before. problem: what is wrong with the settings.
    say: told each new problem. Raises `OSError` where the port cannot be had."""
    told = problem()
    if told is None:
        return True
    room = _Room((host, port), told)
    thread = threading.Thread(target=room.serve_forever, name="waiting-room", daemon=True)
    thread.start()
    say(f"{_WAITS} {told}")
    try:
        while not stopped.wait(EVERY):
            now = problem()
            if now is None:
                return True
            if now != room.problem:
                say(now)
                room.problem = now
        return False
    finally:
        room.shutdown()
        room.server_close()
        thread.join()


class _Room(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], problem: str) -> None:
        self.problem = problem
        super().__init__(address, _Answers)


class _Answers(BaseHTTPRequestHandler):
    server: _Room
    timeout = 10

    def do_GET(self) -> None:
        causes = [{"cause": "config", "text": self.server.problem, "blocking": True, "restart_helps": False}]
        if self.path.partition("?")[0] == "/healthz":
            self._send(200, {"status": "ok"})
        else:
            self._send(503, {"ready": False, "causes": causes, "error": {"message": _WAITS, "type": "not_ready"}})

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
