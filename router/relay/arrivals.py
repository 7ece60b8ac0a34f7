"""Services that are about to come: a moment after the router's start, and a moment after their connection was lost.

A router that replaces another one has no service for the blink in which those dial it. Calls that only a service could
answer wait for that blink instead of being refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from router.clock import Clock
from router.faults import Fault


class Provider(Protocol):
    """What is asked of a provider's settings."""

    @property
    def accounts(self) -> Collection[object]: ...

    @property
    def comes(self) -> bool: ...


class Arrivals:
    """seconds: how long a service is waited for, as the settings say now; 0 is not at all."""

    def __init__(self, clock: Clock, seconds: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._started = clock.monotonic()
        self._lost: dict[str, float] = {}
        self._change = asyncio.Event()

    def changed(self, before: Mapping[str, Provider], after: Mapping[str, Provider]) -> None:
        """Accounts came or went: whoever waits looks again."""
        for name, provider in after.items():
            if provider.comes and not provider.accounts and name in before and before[name].accounts:
                self._lost[name] = self._clock.monotonic()
        self._change.set()
        self._change = asyncio.Event()

    def left(self, fault: Fault, providers: Mapping[str, Provider]) -> float:
        """Seconds for which the service may still come that `fault` (of a plan without a candidate) is about."""
        names = [each["provider"] for each in fault.details.get("skipped", ())] if fault.kind == "unavailable" else []
        since = [
            self._lost.get(name, self._started)
            for name in names
            if providers[name].comes and not providers[name].accounts
        ]
        return max(0.0, max(since) + self._seconds() - self._clock.monotonic()) if since else 0.0

    async def wait(self, seconds: float) -> None:
        """Until accounts have changed, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                await self._change.wait()
        except TimeoutError:
            return
