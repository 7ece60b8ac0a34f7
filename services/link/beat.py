"""A program whose loop hangs ends by itself, and whoever started it starts it again.

In a container or in the foreground nobody else would. Under supervisord healthwatch is sooner, and nobody watches that.
"""

from __future__ import annotations

import asyncio
import faulthandler

HANGS = 60.0
"""Seconds without a turn of the loop after which the process ends, with every thread's stack on stderr."""


async def beat(hangs: float = HANGS) -> None:
    """Put the end off again and again, until cancelled. hangs: seconds. For one caller in a process."""
    try:
        while True:
            faulthandler.dump_traceback_later(hangs, exit=True)
            await asyncio.sleep(hangs / 10)
    finally:
        faulthandler.cancel_dump_traceback_later()
