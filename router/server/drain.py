"""What a running call needs to know about the server's end.

The server puts one `Drain` into the ASGI lifespan state; a call finds it in ``scope["state"]["drain"]``
and registers what is to be done when its time is up (write the dialect's in-band error and stop).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger("switchyard.server")


class Drain:
    """Whether the server is going down, and the list of calls that want to hear of the deadline."""

    def __init__(self) -> None:
        self.started = False
        self.expired = False
        self._waiting: set[Callable[[], None]] = set()

    def start(self) -> None:
        """New work is refused from now on: readiness says no and every answer carries ``connection: close``."""
        self.started = True

    def at_deadline(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call `tell` once, in the event loop, when the deadline passes (at once if it has). Returns the way out."""
        if self.expired:
            tell()
            return _nothing
        self._waiting.add(tell)
        return lambda: self._waiting.discard(tell)

    def expire(self) -> None:
        """The deadline: everybody who waits is told; one that fails does not keep the others from hearing it."""
        self.start()
        self.expired = True
        waiting, self._waiting = self._waiting, set()
        for tell in waiting:
            try:
                tell()
            except Exception:
                _log.exception("a call could not be told that the time to drain is over")


def _nothing() -> None:
    """There is nothing to take back."""
