"""Locks out who guesses keys: after some wrong ones, nothing from that address is looked at for a while. Pure."""

from __future__ import annotations

from router.clock import Clock

FREE = 10
"""Wrong keys in a row before the first lock."""
FIRST_LOCK, LONGEST_LOCK = 30.0, 900.0
"""Seconds of a lock: doubles with each further wrong key."""
FORGOTTEN = 3600.0
_MOST = 1024


class Guesses:
    """Wrong keys by address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}  # address -> how many, and when the last one came

    def locked(self, address: str) -> float:
        """Seconds until a key from this address is looked at again; 0 where it is now."""
        count, last = self._wrong.get(address, (0, 0.0))
        if count < FREE:
            return 0.0
        seconds = min(FIRST_LOCK * 2.0 ** min(count - FREE, 16), LONGEST_LOCK)
        return max(0.0, last + seconds - self._clock.monotonic())

    def wrong(self, address: str) -> None:
        """A wrong key came from there."""
        now = self._clock.monotonic()
        count, last = self._wrong.pop(address, (0, now))
        if now - last > FORGOTTEN:
            count = 0
        if len(self._wrong) >= _MOST:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[address] = (count + 1, now)

    def right(self, address: str) -> None:
        """A right key came from there."""
        self._wrong.pop(address, None)
