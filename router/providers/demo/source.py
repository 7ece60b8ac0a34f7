"""The demo as an upstream: its events with the pace and the failures that a real one would have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from router.faults import Fault
from router.providers.demo.answer import answer
from router.providers.demo.models import LABEL, failure
from router.wire.conversation import Conversation
from router.wire.events import Ended, Event, Failed

PACE = 0.05
"""Seconds between the words of ``demo/slow``."""


class DemoEvents:
    """The events of one answer. A broken-off one raises the `Fault` that a cut connection gives."""

    def __init__(self, model: str, conversation: Conversation, response_id: str) -> None:
        self._model = model
        self._conversation = conversation
        self._response_id = response_id

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        complete = False
        for events in answer(self._model, self._conversation, self._response_id):
            if self._model == "slow":
                await asyncio.sleep(PACE)
            yield events
            complete = isinstance(events[-1], Ended | Failed)
        if not complete:
            raise Fault(
                "upstream_broken", f"{LABEL} The demo broke off in the middle of its answer, as it was asked to."
            )

    async def close(self) -> None:
        """There is nothing to let go of."""


def demo_events(model: str, conversation: Conversation, response_id: str) -> DemoEvents:
    """The answer of demo model `model` (without its prefix). Raises the `Fault` of the failing models."""
    fault = failure(model)
    if fault is not None:
        raise fault
    return DemoEvents(model, conversation, response_id)
