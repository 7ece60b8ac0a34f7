"""Cancelling what does not end at the first cancellation."""

from __future__ import annotations

import asyncio
from typing import Any

_TRIES = 50
_BETWEEN = 0.2


async def called_off(task: asyncio.Task[Any]) -> bool:
    """Cancel until the task is over; False where it is not after ten seconds.

    Once is not enough: `asyncio.wait_for` of Python 3.11, which gemini-webapi uses, loses a cancellation that comes
    together with a result, and curl_cffi, below both packages, closes a transfer by waiting for its end."""
    for _ in range(_TRIES):
        if task.done():
            return True
        task.cancel()
        await asyncio.wait((task,), timeout=_BETWEEN)
    return task.done()
