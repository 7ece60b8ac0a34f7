"""What running calls and open WebSockets need to know about the server's end.

The server puts one `Drain` into the ASGI lifespan state; an application finds it in ``scope["state"]["drain"]``
and registers what is to be done at each moment: when the drain begins (tell a service to look for another router), at
the deadline (write the dialect's in-band error and stop), and at the end (close what stays open without a call).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

_log = logging.getLogger("switchyard.server")
Tell = Callable[[], None]


class Moment:
    """Something that happens once, and who wants to hear of it."""

    def __init__(self) -> None:
        self.passed = False
        self._waiting: set[Tell] = set()

    def wait(self, tell: Tell) -> Tell:
        """Call `tell` once, in the event loop, when it happens (at once if it has). Returns the way out."""
        if self.passed:
            tell()
            return _nothing
        self._waiting.add(tell)
        return lambda: self._waiting.discard(tell)

    def come(self) -> None:
        """Everybody who waits is told; one that fails does not keep the others from hearing it."""
        self.passed = True
        waiting, self._waiting = self._waiting, set()
        for tell in waiting:
            try:
                tell()
            except Exception:
                _log.exception("somebody could not be told of the server's end")


class Drain:
    """Whether the server is going down, and who wants to hear of it."""

    def __init__(self) -> None:
        self._start = Moment()
        self._deadline = Moment()
        self._end = Moment()

    @property
    def started(self) -> bool:
        """New work is refused: readiness says no and every answer carries ``connection: close``."""
        return self._start.passed

    @property
    def expired(self) -> bool:
        """The time that running calls had is over."""
        return self._deadline.passed

    def at_start(self, tell: Tell) -> Tell:
        """Call `tell` when new work is refused. Returns the way out."""
        return self._start.wait(tell)

    def at_deadline(self, tell: Tell) -> Tell:
        """Call `tell` when the time of running calls is over. Returns the way out."""
        return self._deadline.wait(tell)

    def at_end(self, tell: Tell) -> Tell:
        """Call `tell` when no call runs any more: what is still open is to be closed. Returns the way out."""
        return self._end.wait(tell)

    def start(self) -> None:
        """New work is refused from now on."""
        self._start.come()

    def expire(self) -> None:
        """The deadline."""
        self.start()
        self._deadline.come()

    def end(self) -> None:
        """No call runs any more."""
        self._end.come()


def _nothing() -> None:
    """There is nothing to take back."""
