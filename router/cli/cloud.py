"""``DEPLOY=cloud``: wait for valid settings instead of ending, then prepare what a first start needs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

from router import places
from router.server.waiting_room import wait

VARIABLE = "DEPLOY"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether this process should wait for its settings."""
    return environ.get(VARIABLE, "").strip().lower() == "cloud"


def enter(config: str | None, environ: Mapping[str, str] = os.environ) -> int:
    """Wait until the settings are valid, and prepare. 0: go on; else the exit code. For the main thread only."""
    from router.cli import up

    stopped = threading.Event()
    before = [(number, signal.signal(number, lambda *_: stopped.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    path = places.config_path(config, environ)

    def problem() -> str | None:
        if not path.exists():
            return f"{path} is not there yet."
        try:
            place, made = up.prepare(config)
        except up.Failed as error:
            return str(error)
        up.tell_keys(place, made)
        return None

    host = environ.get("SWITCHYARD__SERVER__HOST", "127.0.0.1").strip("[]")
    port = environ.get("SWITCHYARD__SERVER__PORT", "")
    try:
        waited = wait(problem, host, int(port) if port.isdecimal() else 8317, _say, stopped)
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    return 0 if waited else 143  # as a process that SIGTERM has ended


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
