"""An answer that comes over the relay, with the interface of one that comes over HTTP: the lanes see no difference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from router.faults import Fault
from router.net.body import WatchedBody
from router.patience import Patience
from router.relay.call import Call
from router.relay.protocol.messages import Head


class RelayResponse(WatchedBody):
    """An open answer (`router.net.message.Response`). Closing it early tells the service to stop."""

    speaker = "service"

    def __init__(self, call: Call, head: Head, patience: Patience, idle: float) -> None:
        super().__init__(patience, idle)
        self.status = head.status
        self.headers: Mapping[str, str] = head.headers
        self._call = call

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `Fault` timeout after `idle` seconds of silence, unavailable where the service
        vanishes, and whatever the service says went wrong."""
        with self._patience.watch(self._idle, self._expire) as watch:
            self._watch = watch
            while (data := await self._call.take()) is not None:
                if data:
                    watch.pause()  # the time that our own client takes is not the service's silence
                    yield data
                watch.again()

    def close(self) -> None:
        """Let go of the call: cancelled where it is not complete. Safe to call twice."""
        self._call.leave()

    def _fail(self, fault: Fault) -> None:
        self._call.give_up(fault)
