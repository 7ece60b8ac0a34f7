"""The limits in time of every connection, looked at again and again by one task instead of a timer per connection."""

from __future__ import annotations

from collections.abc import Iterable

from router.server.config import ServerSettings
from router.server.connection import LINGER, Connection

STUCK = 1.0  # seconds that a reader may take after the end of the input before it is freed


class Sweep:
    """Ends what is idle for too long, too slow, or gone without a word."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._stalled: dict[Connection, tuple[float, int]] = {}
        self._starved: dict[Connection, tuple[float, int]] = {}

    def over(self, connections: Iterable[Connection], now: float) -> None:
        """Look at every connection; `now` is the loop's time."""
        current = list(connections)
        for watched in (self._stalled, self._starved):
            for connection in watched.keys() - set(current):
                del watched[connection]
        for connection in current:
            self._look(connection, now)

    def _look(self, connection: Connection, now: float) -> None:
        if connection.transport.ended:
            self._gone(connection, now)
        if connection.closing_since is not None:
            if now - connection.closing_since > LINGER and not connection.transport.stalled:
                connection.transport.close()
        elif connection.idle_since is not None:
            self._idle(connection, connection.idle_since, now)
        self._slow_writer(connection, now)
        self._slow_reader(connection, now)

    def _gone(self, connection: Connection, now: float) -> None:
        """A client that pipelined and left: its reader waits behind a call, and the call never heard of the end."""
        if connection.ended_since is None:
            connection.ended_since = now
        elif now - connection.ended_since > STUCK:
            connection.stop_reading()

    def _idle(self, connection: Connection, since: float, now: float) -> None:
        head_begun = connection.transport.received > connection.received_when_idle
        limit = self._settings.header_seconds if head_begun else self._settings.keep_alive_seconds
        if now - since > limit:
            connection.close()

    def _slow_writer(self, connection: Connection, now: float) -> None:
        """A body that has begun and does not go on."""
        if all(inbox.complete for inbox in connection.inboxes):
            self._starved.pop(connection, None)
        elif (
            _unchanged(self._starved, connection, connection.transport.received, now)
            > self._settings.body_stall_seconds
        ):
            connection.abort()

    def _slow_reader(self, connection: Connection, now: float) -> None:
        """An answer of which the client takes nothing, so that our own buffer is full."""
        if not connection.transport.stalled:
            self._stalled.pop(connection, None)
            return
        waiting = connection.transport.unsent
        if _unchanged(self._stalled, connection, waiting, now) > self._settings.write_stall_seconds:
            connection.abort()


def _unchanged(watched: dict[Connection, tuple[float, int]], connection: Connection, value: int, now: float) -> float:
    """For how many seconds `value` has been the same."""
    since, before = watched.get(connection, (now, -1))
    if before != value:
        watched[connection] = (now, value)
        return 0.0
    return now - since
