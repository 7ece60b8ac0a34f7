"""`python -m services.healthwatch`: the program."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path

from router import healed
from router.tasks import Tasks
from services.healthwatch.memory import Memory
from services.healthwatch.settings import Plan, plan
from services.healthwatch.supervisor import Supervisor
from services.healthwatch.watch import Watch
from services.link import logs
from services.link.beat import beat
from services.link.health import health_server
from services.link.settings import SettingsMistake

_log = logging.getLogger("switchyard.healthwatch")
VERSION = "0.1.0"


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 stopped, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="python -m services.healthwatch", description=__doc__)
    parser.add_argument("--config", type=Path, help="the settings file of the router")
    parser.add_argument("--log-level", default="info")
    parser.add_argument(
        "--hangs", type=float, default=20.0, help="seconds without a turn of its own loop after which it ends itself"
    )
    given = parser.parse_args(arguments)
    logs.configure(given.log_level, "text", None, queued=True)
    try:
        return asyncio.run(_serve(given.config, given.hangs))
    except SettingsMistake as error:
        sys.stderr.write(f"{error}\n")
        return 2


class _Plans:
    """The plan as the settings are now; while they cannot be read, the last one."""

    def __init__(self, config: Path | None, first: Plan) -> None:
        self._config = config
        self._last = first
        self._told = ""

    def __call__(self) -> Plan:
        try:
            self._last, self._told = plan(self._config, os.environ), ""
        except SettingsMistake as error:
            if str(error) != self._told:
                _log.warning("going on with the settings as they were: %s", error)
            self._told = str(error)
        return self._last


async def _serve(config: Path | None, hangs: float) -> int:
    made = plan(config, os.environ)
    watch = Watch(
        _Plans(config, made),
        Supervisor(made.socket, made.state / "run" / "router.json"),
        now=time.monotonic,
        memory=Memory(made.state / healed.FILE, wall=time.time, now=time.monotonic),
    )
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    background = Tasks("healthwatch")
    pages = {"/metrics": watch.metrics}
    async with health_server("healthwatch", VERSION, watch.causes, made.rules.port, pages=pages):
        background.spawn(watch.run(), "watch")
        background.spawn(beat(hangs), "beat")
        await stopping.wait()
        with contextlib.suppress(TimeoutError):
            await background.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
