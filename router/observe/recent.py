"""The newest calls in memory, for people who look: each with all of its attempts. Bounded; nothing of it is content."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from router.call import Record, Try
from router.wire.notes import header_value

KEPT = 1000


class AttemptRow(Struct, frozen=True):
    """One attempt of a call. seconds: until its first content, or until it failed. why: how the plan came to this
    target. chosen: why this account of its provider, "" where there was no other. cost: micro-USD, None where it used
    nothing or nobody knows the price."""

    provider: str
    model: str
    account: str
    outcome: str
    status: int | None
    reason: str
    seconds: float
    why: str
    chosen: str
    cost: int | None


class CallRow(Struct, frozen=True, kw_only=True):
    """One finished call. at: Unix seconds of its end. Times in seconds. outcome: "ok", or the kind of its fault. cost,
    worth: micro-USD that are to be paid, and that it would cost at list prices, as far as known; None where nobody
    knows the price. unpriced: what of it has no known price. service_tier: "" for the usual one."""

    id: str
    at: float
    key: str
    client: str
    surface: str
    dialect: str
    stream: bool
    asked: str
    provider: str
    model: str
    account: str
    lane: str
    status: int
    outcome: str
    reason: str
    finish: str | None
    first_byte: float | None
    total: float
    overhead: float | None
    input: int | None
    cached: int | None
    output: int | None
    reasoning: int | None
    cost: int | None
    unpriced: tuple[str, ...]
    service_tier: str
    items: dict[str, int]
    worth: int | None
    notes: str
    attempts: tuple[AttemptRow, ...]

    @property
    def failed(self) -> bool:
        """Whether its caller got an error; one that left is no failure."""
        return self.outcome not in ("", "ok", "cancelled")


class Recent:
    """Takes every finished call. `listeners` are told of each at once; what they do must not wait."""

    def __init__(self, wall: Callable[[], float], most: int = KEPT) -> None:
        self._wall = wall
        self._calls: deque[tuple[float, Record]] = deque(maxlen=most)
        self.listeners: set[Callable[[CallRow], None]] = set()

    def add(self, record: Record) -> None:
        """A call is over."""
        now = self._wall()
        self._calls.append((now, record))
        if self.listeners:
            made = row(record, now)
            for listener in tuple(self.listeners):
                listener(made)

    def newest(self) -> Iterator[CallRow]:
        """The newest first."""
        for at, record in reversed(list(self._calls)):
            yield row(record, at)

    def find(self, call_id: str) -> CallRow | None:
        """One call that is still known."""
        return next((row(record, at) for at, record in self._calls if record.call_id == call_id), None)


def row(record: Record, at: float) -> CallRow:
    """A record as it is shown."""
    usage, caller = record.usage, record.caller
    charges = usage.charges if usage else None
    return CallRow(
        id=record.call_id,
        at=at,
        key=caller.key_name if caller else "",
        client=caller.client if caller else "",
        surface=record.surface,
        dialect=record.dialect,
        stream=record.stream,
        asked=record.asked[:200],
        provider=record.provider,
        model=record.model,
        account=record.account,
        lane=record.lane,
        status=record.status,
        outcome=record.outcome,
        reason=record.reason[:500],
        finish=record.finish,
        first_byte=record.first_byte,
        total=record.total,
        overhead=record.overhead,
        input=usage.input if usage else None,
        cached=usage.cache_read if usage else None,
        output=usage.output if usage else None,
        reasoning=usage.reasoning if usage else None,
        cost=record.cost,
        unpriced=record.unpriced,
        service_tier=charges.tier if charges else "",
        items={item.name: item.count for item in charges.items} if charges else {},
        worth=record.worth,
        notes=header_value(record.notes) if record.notes else "",
        attempts=tuple(map(_attempt, record.tries)),
    )


def _attempt(each: Try) -> AttemptRow:
    return AttemptRow(
        provider=each.provider,
        model=each.model,
        account=each.account,
        outcome=each.outcome,
        status=each.status,
        reason=each.reason[:300],
        seconds=each.seconds,
        why=each.why[:300],
        chosen=each.chosen,
        cost=each.cost,
    )
