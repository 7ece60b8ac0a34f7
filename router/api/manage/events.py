"""A stream of server-sent events for somebody who looks: bounded, alive while nothing happens, ended by a drain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

WAITING = 500
"""Events that wait for a slow reader; the oldest go first."""
BEAT = 15.0
_HEAD = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]


class EventStream(Response):
    """listen: is given what takes an event, and gives what ends that. first: events that are sent at once."""

    def __init__(self, listen: Callable[[Callable[[Any], None]], Callable[[], None]], first: list[Any]) -> None:
        super().__init__()
        self._listen = listen
        self._first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queue: asyncio.Queue[Any] = asyncio.Queue(WAITING)
        missed = 0

        def take(event: Any) -> None:
            nonlocal missed
            if queue.full():
                queue.get_nowait()
                missed += 1
            queue.put_nowait(event)

        for event in self._first[-WAITING:]:
            take(event)
        forget = self._listen(take)
        gone = asyncio.get_running_loop().create_task(_disconnect(receive), name="events:client")
        drain = scope.get("state", {}).get("drain")
        unwatch = drain.at_start(lambda: _cancel(gone)) if drain is not None else _nothing
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
            while not gone.done():
                await send({"type": "http.response.body", "body": await _next(queue, gone), "more_body": True})
                if missed:
                    text, missed = f": {missed} events were left out\n\n".encode(), 0
                    await send({"type": "http.response.body", "body": text, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            forget()
            unwatch()
            gone.cancel()
            await asyncio.wait([gone])


def _nothing() -> None:
    return None


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _next(queue: asyncio.Queue[Any], gone: asyncio.Task[None]) -> bytes:
    """The next event's bytes, or a sign of life."""
    getting = asyncio.get_running_loop().create_task(queue.get())
    try:
        await asyncio.wait((getting, gone), timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
        if not getting.done():
            return b": alive\n\n"
        return b"data: " + msgspec.json.encode(getting.result()) + b"\n\n"
    finally:
        getting.cancel()
        with suppress(asyncio.CancelledError):
            await getting


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
