"""The demo as an upstream: its events with the pace and the failures that a real one would have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from router.faults import Fault
from router.providers.demo.answer import answer
from router.providers.demo.chaos import placed
from router.providers.demo.models import LABEL, failure
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation
from router.wire.dialects import DIALECTS
from router.wire.events import Ended, Event, Failed
from router.wire.sse import Frame

PACES = {"slow": 0.05, "drip": 0.01}
"""Seconds before each piece of the models that take their time."""
MALFORMED = b'{"id":"chatcmpl-demo","object":"chat.completion.chunk","choices":[{"index":0,"del'
"""A chunk that breaks off in the middle of its JSON."""


class DemoEvents:
    """The events of one answer. One that breaks raises the `Fault` that a real upstream's break gives.

    idle: seconds of silence in the middle that are borne, as `router.net` bears them.
    """

    def __init__(self, model: str, conversation: Conversation, response_id: str, idle: float) -> None:
        self._model = model
        self._conversation = conversation
        self._response_id = response_id
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        if self._model == "hang":
            await asyncio.Event().wait()  # the attempt's own limit for the first token ends it
        complete = False
        pace = PACES.get(self._model, 0.0)
        for events in answer(self._model, self._conversation, self._response_id):
            if pace:
                await asyncio.sleep(pace)
            yield events
            complete = isinstance(events[-1], Ended | Failed)
        if not complete:
            await self._break()

    async def _break(self) -> None:
        """What follows where the answer stops without its end. Always raises `Fault`, that of the real reader where it
        is the reader that finds the fault."""
        breaks = placed(self._model)
        fault = breaks[0] if breaks is not None else "cut"
        reader = DIALECTS["chat"].stream_reader(Capabilities())
        if fault == "stall":
            try:
                async with asyncio.timeout(self._idle):
                    await asyncio.Event().wait()
            except TimeoutError:
                raise Fault("timeout", f"The provider sent nothing for {self._idle:g} seconds.") from None
        elif fault == "malformed":
            reader.feed(Frame(b"data: " + MALFORMED + b"\n\n", None, MALFORMED))
        elif fault == "no-end":
            reader.close()
        raise Fault("upstream_broken", f"{LABEL} The demo broke off in the middle of its answer, as it was asked to.")

    async def close(self) -> None:
        """There is nothing to let go of."""


def demo_events(model: str, conversation: Conversation, response_id: str, idle: float) -> DemoEvents:
    """The answer of demo model `model` (without its prefix). Raises the `Fault` of the failing models."""
    fault = failure(model)
    if fault is not None:
        raise fault
    return DemoEvents(model, conversation, response_id, idle)
