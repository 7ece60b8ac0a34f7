"""Nobody is served before what the last process knew has been read: which account made what, which ones rest, what was
answered, what keys have used."""

from __future__ import annotations

import asyncio
from contextlib import suppress

WITHIN = 10.0
"""Seconds after which a call is served all the same: a slow disk must not keep everybody out."""


class Known:
    """read: set once that is done, as far as it was possible."""

    def __init__(self) -> None:
        self.read = asyncio.Event()

    async def wait(self) -> None:
        """Until it has been read, or for so long."""
        if self.read.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await self.read.wait()
