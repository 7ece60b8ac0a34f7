"""The newest calls in memory, for people who look: each with all of its attempts. Bounded; nothing of it is content."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from router.call import Record, Try
from router.wire.notes import header_value

KEPT = 1000


class AttemptRow(Struct, frozen=True):
    """One attempt of a call. seconds: until its first content, or until it failed. why: how the plan came to this
    target. chosen: why this account of its provider, "" where there was no other. cost: micro-USD, None where it used
    nothing or nobody knows the price. estimated: its tokens were not reported, so that its cost is a guess as well."""

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
    estimated: bool


class CallRow(Struct, frozen=True, kw_only=True):
    """One finished call. at: Unix seconds of its end. Times in seconds. outcome: "ok", or the kind of its fault. cost,
    worth: micro-USD that are to be paid, and that it would cost at list prices, as far as known; None where nobody
    knows the price. unpriced: what of it has no known price. service_tier: "" for the usual one. estimated: some of its
    tokens. session: what its conversation is called here, "" for none."""

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
    estimated: bool
    cost: int | None
    unpriced: tuple[str, ...]
    service_tier: str
    items: dict[str, int]
    worth: int | None
    notes: str
    session: str
    attempts: tuple[AttemptRow, ...]

    @property
    def failed(self) -> bool:
        """Whether its caller got an error; one that left is no failure."""
        return self.outcome not in ("", "ok", "cancelled")


class Recent:
    """Takes every finished call. `listeners` are told of each at once; what they do must not wait."""

    def __init__(self, wall: Callable[[], float], most: int = KEPT) -> None:
        self._wall = wall
        self._calls: deque[tuple[float, Record] | CallRow] = deque(maxlen=most)
        self.listeners: set[Callable[[CallRow], None]] = set()
        self.loaded = False
        """Whether what earlier processes did is here, as far as it could be read."""

    def add(self, record: Record) -> None:
        """A call is over."""
        now = self._wall()
        self._calls.append((now, record))
        if self.listeners:
            made = row(record, now)
            for listener in tuple(self.listeners):
                listener(made)

    def load(self, rows: Iterable[CallRow]) -> None:
        """Take over what earlier processes did, in any order; what ended here already stays the newest."""
        own = list(self._calls)
        here = {_id(each) for each in own}
        before = sorted((each for each in rows if each.id not in here), key=lambda each: each.at)
        self._calls.clear()
        self._calls.extend([*before, *own])
        self.loaded = True

    def newest(self) -> Iterator[CallRow]:
        """The newest first."""
        return map(_row, reversed(list(self._calls)))

    def find(self, call_id: str) -> CallRow | None:
        """One call that is still known."""
        return next((_row(each) for each in self._calls if _id(each) == call_id), None)


def _id(each: tuple[float, Record] | CallRow) -> str:
    return each.id if isinstance(each, CallRow) else each[1].call_id


def _row(each: tuple[float, Record] | CallRow) -> CallRow:
    return each if isinstance(each, CallRow) else row(each[1], each[0])


def kept(call: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]]) -> CallRow:
    """A call as the ledger has it, by the names of its columns."""
    read = call["fresh_input"] + call["cache_read"] + call["cache_write_5m"] + call["cache_write_1h"]
    written = call["output"] + call["reasoning"]
    used = bool(read or written or call["cost"])
    return CallRow(
        **{name: call[name] for name in _AS_IT_IS},
        at=call["at"] + call["total"],
        key=call["key_name"],
        finish=call["finish"] or None,
        input=read if used else None,
        cached=call["cache_read"] if used else None,
        output=written if used else None,
        reasoning=call["reasoning"] if used else None,
        unpriced=tuple(filter(None, call["unpriced"].split(", "))),
        items=_pieces(call["items"]),
        attempts=tuple(
            [AttemptRow(**{name: each[name] for name in AttemptRow.__struct_fields__}) for each in attempts]
        ),
    )


_AS_IT_IS = (
    "id", "client", "surface", "dialect", "stream", "asked", "provider", "model", "account", "lane", "status",
    "outcome", "reason", "first_byte", "total", "overhead", "estimated", "cost", "service_tier", "worth", "notes",
    "session",
)  # fmt: skip


def _pieces(items: str) -> dict[str, int]:
    """``web_search=2, audio_input_tokens=30`` without the tokens."""
    pairs = [each.partition("=") for each in items.split(", ") if each]
    return {name: int(count) for name, _, count in pairs if not name.endswith("_tokens") and count.isdigit()}


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
        estimated=usage is not None and usage.estimated,
        cost=record.cost,
        unpriced=record.unpriced,
        service_tier=charges.tier if charges else "",
        items={item.name: item.count for item in charges.items} if charges else {},
        worth=record.worth,
        notes=header_value(record.notes) if record.notes else "",
        session=record.session,
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
        estimated=each.usage is not None and each.usage.estimated,
    )
