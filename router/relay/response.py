"""An answer that comes over the relay, with the interface of one that comes over HTTP: the lanes see no difference."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Mapping

from router.faults import Fault
from router.net.client import MAX_ERROR_BODY
from router.patience import Patience, Watch
from router.relay.call import Call
from router.relay.protocol.messages import Head


class RelayResponse:
    """An open answer (`router.net.message.Response`). Closing it early tells the service to stop."""

    def __init__(self, call: Call, head: Head, patience: Patience, idle: float) -> None:
        self.status = head.status
        self.headers: Mapping[str, str] = head.headers
        self._call = call
        self._patience = patience
        self._idle = self._usual = idle
        self._watch: Watch | None = None

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

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `Fault` upstream_broken where it is larger than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for data in self.chunks():
            size += len(data)
            if size > limit:
                raise Fault("upstream_broken", f"The service's answer is larger than {limit} bytes.")
            parts.append(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read_some(self, limit: int = MAX_ERROR_BODY) -> bytes:
        """At most `limit` bytes of the body, never a fault: for error answers, whose status is what matters."""
        parts: list[bytes] = []
        size = 0
        try:
            async for data in self.chunks():
                parts.append(data[: limit - size])
                size += len(data)
                if size >= limit:
                    break
        except Fault:
            pass
        return b"".join(parts)

    def patience(self, idle: float | None) -> None:
        """Use another idle time, in seconds, from now on. None: the one it was opened with."""
        self._idle = self._usual if idle is None else idle
        if self._watch is not None:
            self._watch.limit = self._idle

    def stall(self, seconds: float) -> Watch:
        """A watch, paused, that ends the body with a `Fault` timeout after `seconds` without progress."""

        def expire() -> None:
            text = f"The service kept the connection alive for {seconds:g} seconds without going on with its answer."
            self._call.give_up(Fault("timeout", text))

        watch = self._patience.watch(seconds, expire)
        watch.pause()
        return watch

    def _expire(self) -> None:
        self._call.give_up(Fault("timeout", f"The service sent nothing for {self._idle:g} seconds."))

    def close(self) -> None:
        """Let go of the call: cancelled where it is not complete. Safe to call twice."""
        self._call.leave()

    async def __aenter__(self) -> RelayResponse:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()
