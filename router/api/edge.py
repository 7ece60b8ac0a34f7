"""What the HTTP edge adds to the gateway: heartbeats, stored conversations, records of calls, and the
watchers of its clients."""

from __future__ import annotations

from collections.abc import Callable

from router.api.continuation import Continuations
from router.api.known import Known
from router.api.reply import Heartbeats
from router.call import Call
from router.gateway import Gateway
from router.observe.records.recorder import Recorder
from router.routing.tracking import Tracking
from router.tasks import Tasks


class Edge:
    """One per process. `start` and `close` frame its life within the event loop."""

    def __init__(self, gateway: Gateway, recorder: Recorder, pseudonym: Callable[[Call, Tracking], str]) -> None:
        """pseudonym: see `router.routing.tracking.pseudonyms`."""
        self.gateway = gateway
        self.recorder = recorder
        self.pseudonym = pseudonym
        self.known = Known()
        self.watchers = Tasks("watchers")
        self.heartbeats = Heartbeats(self._waits)
        self.continuations = Continuations(gateway.affinity.learn)

    def _waits(self) -> tuple[float, float]:
        limits = self.gateway.current.limits
        return limits.grace, limits.heartbeat

    def start(self) -> None:
        """Begin the background work."""
        self.heartbeats.start()
        self.gateway.net.patience.start()

    async def close(self) -> None:
        """End it."""
        await self.heartbeats.close()
        await self.watchers.close()
