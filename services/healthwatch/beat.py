"""Nobody watches the watch, so it ends by itself where its loop hangs, and supervisord starts it again."""

from __future__ import annotations

import asyncio
import faulthandler

HANGS = 20.0
"""Seconds without a turn of the loop after which the process ends, with every thread's stack on stderr."""


async def beat(hangs: float = HANGS) -> None:
    """Put the end off again and again, until cancelled. hangs: seconds. For one caller in a process."""
    try:
        while True:
            faulthandler.dump_traceback_later(hangs, exit=True)
            await asyncio.sleep(hangs / 10)
    finally:
        faulthandler.cancel_dump_traceback_later()
