"""What Hypercorn asks of its worker. Its own class would import the whole of its asyncio server."""

from __future__ import annotations

import asyncio


class Flag:
    """An event whose methods are awaited, as Hypercorn expects."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def clear(self) -> None:
        self._event.clear()

    async def wait(self) -> None:
        await self._event.wait()

    async def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()


class Context:
    """Whether connections may go on after the running call. The number of requests has no limit here."""

    event_class = Flag

    def __init__(self) -> None:
        self.terminated = Flag()
        self.terminate = Flag()

    async def mark_request(self) -> None:
        """A request has begun."""

    @staticmethod
    async def sleep(wait: float) -> None:
        await asyncio.sleep(wait)

    @staticmethod
    def time() -> float:
        return asyncio.get_running_loop().time()
