"""``DEPLOY=cloud``: wait for valid settings instead of ending, then prepare what a first start needs."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping

from router import places
from router.cli.talk import find_place
from router.server.waiting_room import wait

VARIABLE = "DEPLOY"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether this process should wait for its settings."""
    return environ.get(VARIABLE, "").strip().lower() == "cloud"


def enter(config: str | None, environ: Mapping[str, str] = os.environ) -> int:
    """Wait until the settings are valid, and prepare. 0: go on; else the exit code. For the main thread only."""
    from router.cli.up import up

    stopped = threading.Event()
    before = [(number, signal.signal(number, lambda *_: stopped.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    path = places.config_path(config, environ)

    def problem() -> str | None:
        return find_place(config, environ).problem if path.exists() else f"{path} is not there yet."

    host = environ.get("SWITCHYARD__SERVER__HOST", "127.0.0.1").strip("[]")
    port = int(environ.get("SWITCHYARD__SERVER__PORT", "8317"))
    try:
        if not wait(problem, host, port, lambda text: print(text, file=sys.stderr, flush=True), stopped):
            return 143  # as a process that SIGTERM has ended
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    return up(prepare_only=True)
