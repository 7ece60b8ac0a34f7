"""``DEPLOY=cloud``: wait for valid settings instead of ending, then prepare what a first start needs, and serve.

``python -m router.cli.cloud`` ends once the router serves, for who may go on only then (`config/container.sh`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from router import places
from router.server import parent
from router.server.config import ServerSettings
from router.server.listen import CannotListen, bind
from router.server.waiting_room import EVERY, WaitingRoom, wait

VARIABLE = "DEPLOY"
STOPPED = 143
"""As a process that SIGTERM has ended."""


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the router should wait for its settings."""
    return environ.get(VARIABLE, "").strip().lower() == "cloud"


def serve(config: str | None, environ: Mapping[str, str] = os.environ) -> int:
    """Wait until the settings are valid, prepare, and serve; the exit code. For the main thread only.

    The sockets of the waiting go to the router, and the waiting room answers on them until the router does.
    """
    words = [] if config is None else ["--config", config]
    look = partial(problem, config, environ)
    first = look()
    if first is None:
        return parent.main(words)
    defaults = ServerSettings()
    host = environ.get("SWITCHYARD__SERVER__HOST", "127.0.0.1").strip("[]")
    port = environ.get("SWITCHYARD__SERVER__PORT", "")
    stopped = threading.Event()
    before = [(number, signal.signal(number, lambda *_: stopped.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        sockets = bind(host, int(port) if port.isdecimal() else 8317, defaults.backlog, defaults.send_buffer)
    except CannotListen as error:
        _say(f"{first}\nNor can this be told to anybody: {error}")
        return 1
    room = WaitingRoom(sockets, first)
    try:
        if not wait(look, room, _say, stopped):
            return STOPPED
        for number, handler in before:
            signal.signal(number, handler)
        return parent.main(words, listening=[sock.detach() for sock in sockets], settled=room.close)
    finally:
        room.close()


def problem(config: str | None, environ: Mapping[str, str]) -> str | None:
    """What keeps the router from starting; None where nothing does, and everything is prepared then."""
    from router.cli import up

    path = places.config_path(config, environ)
    if not path.exists():
        return f"{path} is not there yet."
    try:
        place, made = up.prepare(config)
    except up.Failed as error:
        return str(error)
    up.tell_keys(place, made)
    return None


def await_router(serves: Callable[[], bool], sleep: Callable[[float], None] = time.sleep) -> None:
    """Until the router serves. Without a limit: the settings may come at any time."""
    while not serves():
        sleep(EVERY)


def _serves() -> bool:
    from router.cli.talk import find_place

    return find_place().process is not None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if wanted(os.environ):
        await_router(_serves)
