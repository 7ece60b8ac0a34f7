"""Answers that are kept in memory to be given again: bounded by bytes, by number and by age; who was not asked for
longest goes first. Pure: the time is passed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from msgspec import Struct

CACHE = "x-switchyard-cache"
"""Header in which a caller says whether a kept answer will do, and hears whether it got one."""
_OVERHEAD = 1024
"""Bytes that an entry takes beside its body: keys, headers, objects."""
SHARE = 8
"""An answer above the `SHARE`-th part of the whole space is not kept: it would push out all others."""


class Answer(Struct, frozen=True, kw_only=True):
    """One whole answer as its caller got it. body: its bytes, of a stream without heartbeats. events: whether it is an
    event stream. provider, model, upstream_dialect, finish: as of the record of the call that made it."""

    body: bytes
    headers: Mapping[str, str]
    events: bool
    provider: str
    model: str
    upstream_dialect: str = ""
    finish: str | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.body) + _OVERHEAD


class Kept:
    """ttl: seconds that an answer lives. max_bytes, most: of all of them."""

    def __init__(self, ttl: float, max_bytes: int, most: int = 100_000) -> None:
        self._most = most
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()
        self.bytes = 0
        self.follow(ttl, max_bytes)

    def follow(self, ttl: float, max_bytes: int) -> None:
        """Other bounds from now on; what is there keeps the time that it was given."""
        self._ttl, self._max = ttl, max_bytes
        self._shrink()

    @property
    def largest(self) -> int:
        """Bytes of the longest body that is kept."""
        return self._max // SHARE - _OVERHEAD

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: bytes, now: float) -> Answer | None:
        """The answer, if it lives at `now` (monotonic seconds)."""
        found = self._answers.get(key)
        if found is None:
            return None
        if found[0] <= now:
            self.drop(key)
            return None
        self._answers.move_to_end(key)
        return found[1]

    def put(self, key: bytes, answer: Answer, now: float) -> bool:
        """Keep it, in the place of an older one. False where it is too large."""
        self.drop(key)
        if len(answer.body) > self.largest:
            return False
        self._answers[key] = (now + self._ttl, answer)
        self.bytes += answer.size
        self._shrink()
        return True

    def drop(self, key: bytes) -> None:
        """Forget one. Safe where it is not there."""
        found = self._answers.pop(key, None)
        if found is not None:
            self.bytes -= found[1].size

    def clear(self) -> None:
        """Forget all."""
        self._answers.clear()
        self.bytes = 0

    def _shrink(self) -> None:
        while self._answers and (self.bytes > self._max or len(self._answers) > self._most):
            self.drop(next(iter(self._answers)))
