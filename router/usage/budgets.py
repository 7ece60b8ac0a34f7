"""What client keys have used against their limits: reserved before a call, settled after it, never counted twice.

A call is admitted while what is settled and what running calls are expected to use stay below the limit. So a limit may
be passed by what was in progress when it was reached, and by nothing else; and nobody is refused below it. Synchronous,
no I/O; sums of days and months, and what other processes did in the last minute, come from the ledger and are taken
over again and again (`load`), so that they hold over restarts and for several processes.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct

from router.access.keys import ClientKey
from router.access.limits import Cap, Period, amount
from router.call import Record
from router.clock import Clock
from router.faults import Fault
from router.usage.key_use import KeyUse, Past, Reading
from router.usage.periods import MINUTE, day_of, end_of, since
from router.wire.events import Usage

_log = logging.getLogger("switchyard.usage")
TYPICAL_OUTPUT = 400.0
"""Tokens that an answer is expected to have where nothing is known yet."""
READ_WITHIN = 10.0
PASSING = 5.0
"""Seconds after which a caller may ask again whose limit is full of calls in progress alone."""
UNREADABLE = (
    "What the key {!r} has used of its limits cannot be read now, and usage.unreadable is refuse. Ask again, or tell "
    "the operator: /readyz of the gateway names the cause."
)
_WEIGHT = 0.2
_MODELS = 512


class Estimate(Struct, frozen=True):
    """What a call is expected to use. model: as asked for. price: micro-USD for each input and each output token, None
    where nothing is to be paid for them, or where nobody knows (unpriced)."""

    model: str
    input: int
    price: tuple[float, float] | None = None
    unpriced: bool = False


class _Open(Struct, frozen=True):
    """A call in progress. day: to which it will count."""

    key: str
    day: str
    tokens: int
    cost: int
    model: str


class Budgets:
    """Of one process. Outlives the settings: a key brings its limits along."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alone_since = clock.wall()
        self._keys: dict[str, KeyUse] = {}
        self._open: dict[str, _Open] = {}
        self._outputs: dict[str, float] = {}
        self._reading = asyncio.Lock()
        self.read: Callable[[], Awaitable[None]] | None = None
        """Reads the ledger and calls `load`; None while there is none."""
        self.opened: Callable[[], Awaitable[object]] | None = None
        """Waits for the moment from which on `read` is there, if ever."""
        self.unread: float | None = None
        """Since when (Unix time) the ledger cannot be read, though a key with limits asks for it. None: it can."""

    async def refresh(self) -> None:
        """Read the sums again, where anybody has a limit. One that cannot be read leaves the last one."""
        if self.read is not None and self._keys:
            async with self._reading:
                try:
                    await self.read()
                except Exception:
                    self._cannot_read()
                    raise

    async def ready(self, key: ClientKey, *, refuse: bool = False) -> None:
        """Know what a key with limits has used before; waits for the ledger at most once. Where it cannot be read the
        key counts from zero until it can; refuse: raises `Fault` instead, and each call looks again."""
        if not self._asks(key):
            return
        state = self._keys.setdefault(key.id, KeyUse())
        if not state.known:
            why = f"not within {READ_WITHIN:g} s"
            try:
                async with asyncio.timeout(READ_WITHIN):
                    await self.refresh()
            except Exception as error:  # of the database, which is not known here
                why = why if isinstance(error, TimeoutError) else type(error).__name__
            if not state.known:
                self._cannot_read()
                _log.warning(
                    "what the key %s has used before is not known: the ledger cannot be read (%s)", key.name, why
                )
                if refuse:
                    raise Fault("unavailable", UNREADABLE.format(key.name), retry_after=PASSING)
                state.known = True

    async def look(self, keys: Iterable[ClientKey]) -> None:
        """Know what these keys have used before, for whoever looks at them; where the ledger cannot be read in time,
        only what was settled here is known."""
        limited = [key for key in keys if self._asks(key)]
        states = [self._keys.setdefault(key.id, KeyUse()) for key in limited]
        if not all(state.known for state in states):
            with suppress(Exception):  # of the database, which is not known here
                async with asyncio.timeout(READ_WITHIN):
                    if self.opened is not None:
                        await self.opened()
                    await self.refresh()

    def renewed_at(self, period: Period) -> float:
        """When this day or this month ends (UTC), in Unix seconds."""
        return end_of(period, self._clock.wall())

    def reserve(self, call_id: str, key: ClientKey, estimate: Estimate, began: float | None = None) -> str:
        """Admit a call, which `settle` ends; gives what to tell of limits that are nearly reached, "" for nothing.
        began: Unix time, which decides to which day it counts. Raises `Fault`: rate_limited for a minute's limit,
        quota_spent for a day's or a month's, which is rate_limited too while only calls in progress stand in the way;
        of several the one that lasts longest."""
        limits = key.limits
        if limits is None:
            return ""
        now = self._clock.wall()
        state = self._keys.setdefault(key.id, KeyUse())
        notices, reached = [], []
        for cap in limits.caps():
            used = state.used(cap, now)
            if used >= cap.most:
                passing = cap.period != "minute" and state.settled(cap, now) < cap.most
                reached.append((now + PASSING if passing else _resets(state, cap, now), cap, used, passing))
            elif used >= cap.most * limits.soft:
                notices.append(self._notice(key, state, cap, used, now))
        if reached:
            resets, cap, used, passing = max(reached, key=lambda each: each[0])
            raise _refusal(key.name, cap, used, None if passing else resets, now)
        if estimate.unpriced and any(cap.unit == "usd" for cap in limits.caps()):
            notices.append(self._uncounted(key, state, estimate.model))
        tokens = estimate.input + round(self._output(estimate.model))
        price = estimate.price
        cost = round(estimate.input * price[0] + self._output(estimate.model) * price[1]) if price is not None else 0
        opened = _Open(key.id, day_of(began or now), tokens, cost, estimate.model)
        self._open[call_id] = opened
        state.hold(opened.day, tokens, cost)
        state.requests.append((now, call_id))
        return "; ".join(notices)

    def settle(self, record: Record) -> None:
        """A call is over, on whichever way. One that was never reserved is left alone."""
        opened = self._open.pop(record.call_id, None)
        if opened is None:
            return
        state, usage = self._keys[opened.key], record.usage
        state.hold(opened.day, -opened.tokens, -opened.cost)
        if usage is not None:
            self._learn(opened.model, usage.output)
            now = self._clock.wall()
            state.ended(record.call_id, record.began or now, now, _tokens(usage), record.cost or 0)

    @property
    def young(self) -> bool:
        """Whether calls of other processes count for a minute still."""
        return self._clock.wall() < self._alone_since + MINUTE

    def waiting(self) -> list[str]:
        """Calls that are settled and not known to be in the ledger."""
        return [call_id for state in self._keys.values() for call_id in state.waiting()]

    def load(
        self, reading: Reading, there: Collection[str], running: Mapping[str, tuple[Past, ...]] | None = None
    ) -> None:
        """Take over what the ledger has. there: those of `waiting` that it had at that moment. running: by the ids of
        keys, the calls of other processes that serve beside this one; None where there are none."""
        self.unread = None
        if running is not None:
            self._alone_since = reading.at
        for name, state in self._keys.items():
            state.take(reading, name, there, (running or {}).get(name, ()))

    def used(self, key: ClientKey) -> dict[str, int]:
        """What a key has used of each of its limits: requests, tokens or micro-USD, those of running calls included."""
        state, now = self._keys.get(key.id), self._clock.wall()
        if key.limits is None or state is None:
            return {}
        return {cap.name: state.used(cap, now) for cap in key.limits.caps()}

    def resets(self, key: ClientKey) -> dict[str, float]:
        """When each limit of a key has room again, in Unix seconds: the end of the day or the month; a full limit of a
        minute lets a call in then, another counts nothing any more. A minute in which nothing was used is left out."""
        state, now = self._keys.get(key.id) or KeyUse(), self._clock.wall()
        found = {}
        for cap in () if key.limits is None else key.limits.caps():
            used = state.used(cap, now)
            if cap.period != "minute" or used >= cap.most:
                found[cap.name] = _resets(state, cap, now)
            elif used > 0:
                found[cap.name] = state.empty(cap, now)
        return found

    def _cannot_read(self) -> None:
        if self.unread is None:
            self.unread = self._clock.wall()

    def _notice(self, key: ClientKey, state: KeyUse, cap: Cap, used: int, now: float) -> str:
        told = f"{cap.name} {used / cap.most:.0%} of {amount(cap.most, cap.unit)}"
        once = f"{cap.name} {since(cap.period, now)}"
        if cap.period != "minute" and once not in state.told:
            state.told = {each for each in state.told if not each.startswith(f"{cap.name} ")} | {once}
            _log.warning("the key %s has used %s", key.name, told)
        return told

    def _asks(self, key: ClientKey) -> bool:
        """Whether the ledger knows more of a key's use than this process: of a minute only while it is young."""
        caps = () if key.limits is None else tuple(key.limits.caps())
        lasting = any(cap.period != "minute" for cap in caps)
        return lasting or (bool(caps) and self.young)

    def _uncounted(self, key: ClientKey, state: KeyUse, model: str) -> str:
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


def _resets(state: KeyUse, cap: Cap, now: float) -> float:
    return state.renewed(cap, now) if cap.period == "minute" else end_of(cap.period, now)


def _tokens(usage: Usage) -> int:
    """As the ledger adds them up, also where a provider counts more from its cache than there was."""
    return usage.fresh_input + usage.cache_read + usage.cache_write + usage.output


def _refusal(name: str, cap: Cap, used: int, resets: float | None, now: float) -> Fault:
    """Whose limit, how much, and when it resets; None: there may be room as soon as calls in progress end."""
    text = (
        f"The key {name!r} has used {amount(used, cap.unit)}, calls in progress included, of the "
        f"{amount(cap.most, cap.unit)} that it may use per {cap.period} ({cap.name})."
    )
    facts: dict[str, object] = {"limit": cap.name, "most": cap.most, "used": used}
    if resets is None:
        text += " What is settled is less: there may be room as soon as calls in progress end."
        return Fault("rate_limited", text, retry_after=PASSING, details=facts)
    wait = max(1.0, math.ceil(resets - now))
    when = datetime.fromtimestamp(math.ceil(resets), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text, facts = f"{text} This ends at {when}.", {**facts, "resets_at": when}
    if cap.period == "minute":
        return Fault("rate_limited", text, retry_after=wait, details=facts)
    return Fault("quota_spent", text, retry_after=wait, code="budget_exceeded", details=facts)
