"""What every open answer does with its body, whatever brings it: read it within bounds, and watch that it goes on."""

from __future__ import annotations

import types
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import ClassVar, Self

from router.faults import Fault
from router.patience import Patience, Watch

MAX_ERROR_BODY = 1024 * 1024


class WatchedBody(ABC):
    """The common half of a `router.net.message.Response`. Who brings answers says how pieces arrive (`chunks`), how a
    read that is under way is ended (`_fail`) and how the answer is let go of (`close`)."""

    speaker: ClassVar[str]
    """Who answers, in the words of a fault: ``provider``, ``service``."""

    def __init__(self, patience: Patience, idle: float) -> None:
        """idle: seconds of silence that are borne."""
        self._patience = patience
        self._idle = self._usual = idle
        self._watch: Watch | None = None

    @abstractmethod
    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises `Fault`, timeout after the idle time of silence."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the answer. Safe to call twice."""

    @abstractmethod
    def _fail(self, fault: Fault) -> None:
        """End the read that is under way with `fault`."""

    @property
    def arrived(self) -> bool:
        """Whether the body is known to have come to its end."""
        return False

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `Fault` upstream_broken where it is larger than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise self.too_large(limit)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def too_large(self, limit: int) -> Fault:
        """What an answer of more than `limit` bytes is told as."""
        return Fault("upstream_broken", f"The {self.speaker}'s answer is larger than {limit} bytes.")

    async def read_some(self, limit: int = MAX_ERROR_BODY) -> bytes:
        """At most `limit` bytes of the body, never a fault: for error answers, whose status is what matters."""
        parts: list[bytes] = []
        size = 0
        try:
            async for chunk in self.chunks():
                parts.append(chunk[: limit - size])
                size += len(chunk)
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
        """A watch, paused, that ends the body with a `Fault` timeout after `seconds` without what its owner counts as
        progress. Use as a context manager."""

        def expire() -> None:
            text = f"kept the connection alive for {seconds:g} seconds without going on with its answer"
            self._fail(Fault("timeout", f"The {self.speaker} {text}."))

        watch = self._patience.watch(seconds, expire)
        watch.pause()
        return watch

    def _expire(self) -> None:
        self._fail(Fault("timeout", f"The {self.speaker} sent nothing for {self._idle:g} seconds."))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.close()
