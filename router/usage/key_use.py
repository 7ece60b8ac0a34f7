"""What one key with limits has used: what the ledger had when it was read, what it did not have yet, what runs now.

A call that is settled counts from memory until a reading of the ledger is known to have it. So nothing counts twice and
nothing is forgotten, whenever the ledger is read and whatever keeps a call from getting there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from router.access.limits import Cap
from router.usage.periods import MINUTE, day_of, since

_LATER = 10_000
"""Calls of one key whose ids are remembered until the ledger has them; of older ones only the sum is."""


class Sum(Struct):
    """Tokens and micro-USD."""

    tokens: int = 0
    cost: int = 0


class Past(Struct, frozen=True):
    """A call of another process. began, ended: Unix time; None while it runs."""

    id: str
    began: float
    ended: float | None
    tokens: int


class Sums(Struct, frozen=True):
    """Of one key, as the ledger has them. day: this day's; month: this month's (UTC). minute: calls that have ended in
    the last minute."""

    day: tuple[int, int] = (0, 0)
    month: tuple[int, int] = (0, 0)
    minute: tuple[Past, ...] = ()


class Reading(Struct, frozen=True):
    """What the ledger had at one moment, by the ids of keys. at: Unix time, which says what day and month are meant.
    newest: the last row that was there."""

    at: float
    keys: Mapping[str, Sums] = {}
    newest: int = 0


class _Settled(Struct, frozen=True):
    id: str
    day: str
    tokens: int
    cost: int


class KeyUse:
    """One key. Times are Unix time."""

    def __init__(self) -> None:
        self.requests: deque[tuple[float, str]] = deque()  # when calls of the last minute were admitted, and their ids
        self.recent: deque[tuple[float, int, str]] = deque()  # when they ended, their tokens, their ids
        self.before: tuple[Past, ...] = ()  # calls of other processes
        self.told: set[str] = set()
        self.uncounted: set[str] = set()  # models without a price, that the log has been told of
        self.known = False  # the ledger was read, or could not be
        self._recent_tokens = 0
        self._base = Sums()
        self._base_at = 0.0
        self._later: deque[_Settled] = deque()  # settled here, in order, and not known to be in the ledger
        self._older: dict[str, Sum] = {}  # the same, of those that were too many
        self._later_by_day: dict[str, Sum] = {}  # both together
        self._open: dict[str, Sum] = {}  # by the day to which the call will count

    def hold(self, day: str, tokens: int, cost: int) -> None:
        """A call begins that is expected to use this much; taken back with the opposite."""
        _add(self._open, day, tokens, cost)
        if self._open[day] == Sum():
            del self._open[day]

    def ended(self, call_id: str, began: float, now: float, tokens: int, cost: int) -> None:
        """A call is settled."""
        self.recent.append((now, tokens, call_id))
        self._recent_tokens += tokens
        day = day_of(began)
        if len(self._later) >= _LATER:
            oldest = self._later.popleft()
            _add(self._older, oldest.day, oldest.tokens, oldest.cost)
        self._later.append(_Settled(call_id, day, tokens, cost))
        _add(self._later_by_day, day, tokens, cost)

    def waiting(self) -> list[str]:
        """Calls that are not known to be in the ledger."""
        return [each.id for each in self._later]

    def take(self, reading: Reading, key: str, there: Collection[str], running: tuple[Past, ...]) -> None:
        """The ledger was read. there: those of `waiting` that it had. running: calls of other processes."""
        self.known = True
        self._base, self._base_at = reading.keys.get(key, Sums()), reading.at
        if self._later and self._later[0].id in there:
            self._older = {}  # they were settled before it, and go there in this order
        month = since("month", reading.at)
        self._later = deque([each for each in self._later if each.id not in there and each.day >= month])
        self._later_by_day = {}
        for each in self._later:
            _add(self._later_by_day, each.day, each.tokens, each.cost)
        for day, found in self._older.items():
            _add(self._later_by_day, day, found.tokens, found.cost)
        mine = {each[-1] for each in (*self.requests, *self.recent)} if self._base.minute or running else set()
        others = {past.id: past for past in (*self.before, *running, *self._base.minute) if past.id not in mine}
        self.before = tuple([past for past in others.values() if _counts(past, reading.at)])

    def used(self, cap: Cap, now: float) -> int:
        """Requests, tokens or micro-USD that count against a limit now, those of running calls included."""
        self._forget(now)
        if cap.unit == "requests":
            return len(self._begun(now))
        if cap.period == "minute":
            ended = sum(tokens for _, tokens in self._others_ended(now))
            return self._recent_tokens + sum(found.tokens for found in self._open.values()) + ended
        days = since(cap.period, now)
        return self.settled(cap, now) + _summed(cap, (each for day, each in self._open.items() if day.startswith(days)))

    def settled(self, cap: Cap, now: float) -> int:
        """Tokens or micro-USD of this day or month, without what is expected of calls that run here."""
        days = since(cap.period, now)
        base = Sum(*(self._base.day if cap.period == "day" else self._base.month))
        parts = [base] if day_of(self._base_at).startswith(days) else []
        parts += [found for day, found in self._later_by_day.items() if day.startswith(days)]
        return _summed(cap, parts)

    def renewed(self, cap: Cap, now: float) -> float:
        """When enough of a minute's limit will be free again, as far as that is known."""
        if cap.unit == "requests":
            begun = self._begun(now)
            return begun[len(begun) - cap.most] + MINUTE
        left = self.used(cap, now) - cap.most
        for at, tokens in sorted([*self._others_ended(now), *((at, tokens) for at, tokens, _ in self.recent)]):
            left -= tokens
            if left < 0:
                return at + MINUTE
        return now + MINUTE

    def empty(self, cap: Cap, now: float) -> float:
        """When nothing of what has been used will count against a minute's limit any more, if nothing comes."""
        ended = [at for at, _ in self._others_ended(now)] + [at for at, _, _ in self.recent]
        return max(self._begun(now) if cap.unit == "requests" else ended, default=now) + MINUTE

    def _begun(self, now: float) -> list[float]:
        others = [past.began for past in self.before if past.began > now - MINUTE]
        return sorted([*others, *(at for at, _ in self.requests)])

    def _others_ended(self, now: float) -> list[tuple[float, int]]:
        return [(past.ended, past.tokens) for past in self.before if past.ended and past.ended > now - MINUTE]

    def _forget(self, now: float) -> None:
        while self.requests and self.requests[0][0] <= now - MINUTE:
            self.requests.popleft()
        while self.recent and self.recent[0][0] <= now - MINUTE:
            self._recent_tokens -= self.recent.popleft()[1]


def _counts(past: Past, now: float) -> bool:
    return max(past.began, past.ended or 0.0) > now - MINUTE


def _summed(cap: Cap, parts: Iterable[Sum]) -> int:
    return sum(part.cost if cap.unit == "usd" else part.tokens for part in parts)


def _add(sums: dict[str, Sum], day: str, tokens: int, cost: int) -> None:
    found = sums.setdefault(day, Sum())
    found.tokens += tokens
    found.cost += cost
