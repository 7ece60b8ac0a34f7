"""``python -m services.link.keep aistudio|webai``: run that service, and end it where its event loop hangs.

For a container of its own, which has no supervisord and no healthwatch: the engine starts a container again that ends
(``restart`` of compose), and leaves one alone that only calls itself unhealthy. With the container goes all that the
service has started. What is asked and how often is milder than healthwatch: a person may be signing in.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from services.link import alive
from services.link.settings import SettingsMistake

EVERY = 10.0
"""Seconds between two questions; each takes up to `alive.WITHIN` more where there is no answer."""
MOST = 6
"""Questions in a row that may stay without an answer, once there was one: a minute and a half at most."""


async def keep(command: Sequence[str], asked: str, *, every: float = EVERY, most: int = MOST) -> int:
    """Run a program until it ends, or hangs. Its exit status; 1 where it hung. SIGTERM and SIGINT are handed on.

    asked: the address of its ``/healthz``. A program that has never answered is left alone: it starts, or its settings
    are wrong, and nothing is won by another try. So is one that was told to end, since it finishes its calls."""
    process = await asyncio.create_subprocess_exec(*command)
    told = asyncio.Event()

    def hand_on(number: int) -> None:
        told.set()
        if process.returncode is None:
            process.send_signal(number)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, hand_on, number)
    seen, failed = False, 0
    while True:
        try:
            async with asyncio.timeout(every):
                code = await process.wait()
            return code if code >= 0 else 128 - code
        except TimeoutError:
            why = await asyncio.to_thread(alive.silent, asked)
        seen = seen or not why
        failed = failed + 1 if why and seen and not told.is_set() else 0
        if failed >= most and process.returncode is None:
            sys.stderr.write(f"it hangs and is killed ({failed} times in a row {why})\n")
            process.kill()
            await process.wait()
            return 1


def main(words: list[str], environ: Mapping[str, str] = os.environ) -> int:
    """The exit status of the service; 1 where it hung, 2 for a name that is no service or settings of no use."""
    if not words or words[0] not in alive.PORTS:
        sys.stderr.write(f"name one of {', '.join(alive.PORTS)}\n")
        return 2
    try:
        asked = alive.url(words[0], environ)
    except SettingsMistake as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return asyncio.run(keep([sys.executable, "-m", f"services.{words[0]}", *words[1:]], asked))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
