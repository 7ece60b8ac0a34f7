"""What client keys have used against their limits: reserved before a call, settled after it, never counted twice.

A call is admitted while what is settled and what running calls are expected to use stay below the limit. So a limit may
be passed by what was in progress when it was reached, and by nothing else; and nobody is refused below it. Synchronous,
no I/O; sums of days and months, and what the last process did in the last minute, come from the ledger and are taken
over again and again (`load`), so that they hold over restarts and for several processes.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from router.access.keys import ClientKey
from router.access.limits import Cap, Period, amount
from router.call import Record
from router.clock import Clock
from router.faults import Fault

_log = logging.getLogger("switchyard.usage")
MINUTE = 60.0
TYPICAL_OUTPUT = 400.0
"""Tokens that an answer is expected to have where nothing is known yet."""
READ_WITHIN = 3.0
_WEIGHT = 0.2
_MODELS = 512
_LATER = 10_000


class Sum(Struct):
    """Tokens and micro-USD."""

    tokens: int = 0
    cost: int = 0


class Past(Struct, frozen=True):
    """A call of another process. began, ended: Unix time."""

    began: float
    ended: float
    tokens: int


class Sums(Struct, frozen=True):
    """Of one key, as the ledger has them. day: this day's; month: this month's (UTC). minute: calls that have ended in
    the last minute."""

    day: tuple[int, int] = (0, 0)
    month: tuple[int, int] = (0, 0)
    minute: tuple[Past, ...] = ()


class Estimate(Struct, frozen=True):
    """What a call is expected to use. model: as asked for. price: micro-USD for each input and each output token, None
    where nothing is to be paid for them, or where nobody knows (unpriced)."""

    model: str
    input: int
    price: tuple[float, float] | None = None
    unpriced: bool = False


class _Open(Struct, frozen=True):
    """A call in progress."""

    key: str
    tokens: int
    cost: int
    model: str


class _Key:
    """One key with limits."""

    def __init__(self) -> None:
        self.requests: deque[float] = deque()  # when calls of the last minute were admitted
        self.recent: deque[tuple[float, int]] = deque()  # when calls of the last minute ended, and their tokens
        self.recent_tokens = 0
        self.before: tuple[Past, ...] = ()  # calls of the processes before this one
        self.base: Sums | None = None  # None: not read yet
        self.later: deque[tuple[int, str, int, int]] = deque()  # settled since: number, day, tokens, micro-USD
        self.later_by_day: dict[str, Sum] = {}
        self.open = Sum()
        self.told: set[str] = set()
        self.uncounted: set[str] = set()  # models without a price, that the log has been told of

    def add(self, number: int, day: str, tokens: int, cost: int) -> None:
        """A call is settled that the ledger's sums do not have yet."""
        if len(self.later) >= _LATER:  # nobody takes them over: no ledger is kept
            self.later.popleft()
        self.later.append((number, day, tokens, cost))
        found = self.later_by_day.setdefault(day, Sum())
        found.tokens += tokens
        found.cost += cost

    def take(self, sums: Sums, mark: int, month: str) -> None:
        """The ledger's sums have all that was settled before `mark`."""
        self.base = sums
        while self.later and self.later[0][0] <= mark:
            _, day, tokens, cost = self.later.popleft()
            found = self.later_by_day[day]
            found.tokens -= tokens
            found.cost -= cost
        self.later_by_day = {day: found for day, found in self.later_by_day.items() if day.startswith(month)}
        for _, day, _, _ in self.later:
            self.later_by_day.setdefault(day, Sum())


class Budgets:
    """Of one process. Outlives the settings: a key brings its limits along."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.wall()
        self._keys: dict[str, _Key] = {}
        self._open: dict[str, _Open] = {}
        self._outputs: dict[str, float] = {}
        self._settled = 0
        self._period = ""
        self._reading = asyncio.Lock()
        self.read: Callable[[], Awaitable[None]] | None = None
        """Reads the ledger and calls `load`; None while there is none."""

    async def refresh(self) -> None:
        """Read the sums again, where anybody has a limit. One that cannot be read leaves the last one."""
        if self.read is not None and self._keys:
            async with self._reading:
                await self.read()

    async def ready(self, key: ClientKey) -> None:
        """Know what a key with limits has used before; waits for the ledger at most once."""
        if not self._asks(key):
            return
        state = self._keys.setdefault(key.id, _Key())
        if state.base is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_WITHIN):
                    await self.refresh()
            if state.base is None:
                _log.warning("what the key %s has used before is not known: the ledger cannot be read", key.name)
                state.base = Sums()

    async def look(self, keys: Iterable[ClientKey]) -> None:
        """Know what these keys have used before, for whoever looks at them; where the ledger cannot be read in time,
        only what was settled here is known."""
        limited = [key for key in keys if self._asks(key)]
        states = [self._keys.setdefault(key.id, _Key()) for key in limited]
        if any(state.base is None for state in states):
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_WITHIN):
                    await self.refresh()

    def renewed_at(self, period: Period) -> float:
        """When this day or this month ends (UTC), in Unix seconds."""
        return _end(period, self._clock.wall())

    def reserve(self, call_id: str, key: ClientKey, estimate: Estimate) -> str:
        """Admit a call, which `settle` ends; gives what to tell of limits that are nearly reached, "" for nothing.
        Raises `Fault`: rate_limited for a minute's limit, quota_spent for a day's or a month's."""
        limits = key.limits
        if limits is None:
            return ""
        now = self._clock.wall()
        state = self._keys.setdefault(key.id, _Key())
        self._forget(state, now)
        notices = []
        for cap in limits.caps():
            used = self._used(state, cap, now)
            if used >= cap.most:
                raise _refusal(key.name, cap, used, self._resets(state, cap, now), now)
            if used >= cap.most * limits.soft:
                notices.append(self._notice(key, state, cap, used, now))
        if estimate.unpriced and any(cap.unit == "usd" for cap in limits.caps()):
            notices.append(self._uncounted(key, state, estimate.model))
        tokens = estimate.input + round(self._output(estimate.model))
        price = estimate.price
        cost = round(estimate.input * price[0] + self._output(estimate.model) * price[1]) if price is not None else 0
        self._open[call_id] = _Open(key.id, tokens, cost, estimate.model)
        state.open.tokens += tokens
        state.open.cost += cost
        state.requests.append(now)
        return "; ".join(notices)

    def settle(self, record: Record) -> None:
        """A call is over, on whichever way. One that was never reserved is left alone."""
        opened = self._open.pop(record.call_id, None)
        if opened is None:
            return
        state, usage = self._keys[opened.key], record.usage
        state.open.tokens -= opened.tokens
        state.open.cost -= opened.cost
        self._settled += 1
        if usage is None:
            return
        self._learn(opened.model, usage.output)
        now = self._clock.wall()
        state.recent.append((now, usage.total))
        state.recent_tokens += usage.total
        state.add(self._settled, _day(record.began or now), usage.total, record.cost or 0)

    @property
    def young(self) -> bool:
        """Whether calls of the process before this one count for a minute still."""
        return self._clock.wall() < self._began + MINUTE

    def mark(self) -> int:
        """How many calls are settled now; to be given to `load` with sums that have all of them."""
        return self._settled

    def load(self, sums: Mapping[str, Sums], mark: int) -> None:
        """Take over what the ledger has. mark: all calls that were settled before it are in there."""
        self._period = _day(self._clock.wall())
        for name, state in self._keys.items():
            found = sums.get(name, Sums())
            state.take(found, mark, self._period[:7])
            state.before = tuple([past for past in found.minute if past.began < self._began])  # others are known here

    def used(self, key: ClientKey) -> dict[str, int]:
        """What a key has used of each of its limits: requests, tokens or micro-USD, those of running calls included."""
        state, now = self._keys.get(key.id), self._clock.wall()
        if key.limits is None or state is None:
            return {}
        self._forget(state, now)
        return {cap.name: self._used(state, cap, now) for cap in key.limits.caps()}

    def resets(self, key: ClientKey) -> dict[str, float]:
        """When each limit of a key has room again, in Unix seconds: the end of the day or the month; a full limit of a
        minute lets a call in then, another counts nothing any more. A minute in which nothing was used is left out."""
        state, now = self._keys.get(key.id) or _Key(), self._clock.wall()
        self._forget(state, now)
        found = {}
        for cap in () if key.limits is None else key.limits.caps():
            used = self._used(state, cap, now)
            if cap.period != "minute" or used >= cap.most:
                found[cap.name] = self._resets(state, cap, now)
            elif used > 0:
                began = [*(past.began for past in state.before), *state.requests]
                ended = [at for at, _ in (*_ended(state, now), *state.recent)]
                found[cap.name] = max(began if cap.unit == "requests" else ended, default=now) + MINUTE
        return found

    def _used(self, state: _Key, cap: Cap, now: float) -> int:
        if cap.unit == "requests":
            return len(state.requests) + sum(past.began > now - MINUTE for past in state.before)
        if cap.period == "minute":
            return state.recent_tokens + state.open.tokens + sum(tokens for _, tokens in _ended(state, now))
        today = _day(now)
        since = today if cap.period == "day" else today[:7]
        known = state.base or Sums()
        base = known.day if cap.period == "day" else known.month
        later = [found for day, found in state.later_by_day.items() if day.startswith(since)]
        if cap.unit == "usd":
            settled = base[1] if self._period.startswith(since) else 0
            return settled + sum(found.cost for found in later) + state.open.cost
        settled = base[0] if self._period.startswith(since) else 0
        return settled + sum(found.tokens for found in later) + state.open.tokens

    def _resets(self, state: _Key, cap: Cap, now: float) -> float:
        if cap.unit == "requests":
            began = sorted([*(past.began for past in state.before if past.began > now - MINUTE), *state.requests])
            return began[len(began) - cap.most] + MINUTE
        if cap.period == "minute":
            left = self._used(state, cap, now) - cap.most
            for at, tokens in sorted([*_ended(state, now), *state.recent]):
                left -= tokens
                if left < 0:
                    return at + MINUTE
            return now + MINUTE
        return _end(cap.period, now)

    def _notice(self, key: ClientKey, state: _Key, cap: Cap, used: int, now: float) -> str:
        told = f"{cap.name} {used / cap.most:.0%} of {amount(cap.most, cap.unit)}"
        once = f"{cap.name} {_day(now) if cap.period == 'day' else _day(now)[:7]}"
        if cap.period != "minute" and once not in state.told:
            state.told = {each for each in state.told if not each.startswith(f"{cap.name} ")} | {once}
            _log.warning("the key %s has used %s", key.name, told)
        return told

    def _asks(self, key: ClientKey) -> bool:
        """Whether the ledger knows more of a key's use than this process: of a minute only while it is young."""
        caps = () if key.limits is None else tuple(key.limits.caps())
        lasting = any(cap.period != "minute" for cap in caps)
        return lasting or (bool(caps) and self.young)

    def _uncounted(self, key: ClientKey, state: _Key, model: str) -> str:
        """A limit in dollars that a call does not count against. In the log once for a model."""
        told = f"usd limits do not count {model}: its price is not known"
        if model not in state.uncounted and len(state.uncounted) < _MODELS:
            state.uncounted.add(model)
            _log.warning(
                "the key %s has a limit in dollars, and nobody knows the price of %s: its calls count for nothing "
                "(usage.prices can name one; a limit of tokens counts them)",
                key.name,
                model,
            )
        return told

    def _output(self, model: str) -> float:
        return self._outputs.get(model, TYPICAL_OUTPUT)

    def _learn(self, model: str, output: int) -> None:
        if model not in self._outputs and len(self._outputs) >= _MODELS:
            del self._outputs[next(iter(self._outputs))]
        known = self._outputs.get(model)
        self._outputs[model] = float(output) if known is None else known + _WEIGHT * (output - known)

    def _forget(self, state: _Key, now: float) -> None:
        while state.requests and state.requests[0] <= now - MINUTE:
            state.requests.popleft()
        while state.recent and state.recent[0][0] <= now - MINUTE:
            state.recent_tokens -= state.recent.popleft()[1]


def _refusal(name: str, cap: Cap, used: int, resets: float, now: float) -> Fault:
    """Whose limit, how much, and when it resets."""
    wait = max(1, math.ceil(resets - now))
    when = datetime.fromtimestamp(math.ceil(resets), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = (
        f"The key {name!r} has used {amount(used, cap.unit)}, calls in progress included, of the "
        f"{amount(cap.most, cap.unit)} that it may use per {cap.period} ({cap.name}). This ends at {when}."
    )
    facts = {"limit": cap.name, "most": cap.most, "used": used, "resets_at": when}
    if cap.period == "minute":
        return Fault("rate_limited", text, retry_after=float(wait), details=facts)
    return Fault("quota_spent", text, retry_after=float(wait), code="budget_exceeded", details=facts)


def _ended(state: _Key, now: float) -> list[tuple[float, int]]:
    """When calls of earlier processes ended within the last minute, and their tokens."""
    return [(past.ended, past.tokens) for past in state.before if past.ended > now - MINUTE]


def _end(period: Period, now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "day":
        return (today + timedelta(days=1)).timestamp()
    return (today.replace(day=28) + timedelta(days=4)).replace(day=1).timestamp()


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def starts(now: float) -> tuple[float, float]:
    """When this day and this month began (UTC), in Unix seconds."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today.timestamp(), today.replace(day=1).timestamp()
