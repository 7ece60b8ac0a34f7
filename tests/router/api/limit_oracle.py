"""What keys with limits may do, by a model of the test's own: a list of calls, added up anew for every question.

It hears who was admitted, who was refused and what each call has used, and says at that very moment whether that was
right: admitted while what is settled and what running calls are expected to use are below each limit, and refused only
then. Money in micro-dollars, time in Unix seconds.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from router.faults import Fault

FIRST_GUESS = 400
"""Tokens of an answer of a model that has not answered yet."""
PRICES = {"openai": (2.0, 8.0), "anthropic": (3.0, 15.0), "gemini": (0.3, 2.5)}
"""Micro-dollars per token of fresh input and of output."""
SAID = re.compile(
    r"The key '(?P<key>[^']+)' has used (?P<used>[\d,.]+) (?P<unit>\w+), calls in progress included, of the "
    r"(?P<most>[\d,.]+) (?P=unit) that it may use per (?P<period>\w+) \((?P<limit>\w+)\)\. "
    r"(?:This ends at (?P<at>\S+)|What is settled is less: there may be room as soon as calls in progress end)\.$"
)
PASSING = 5
"""Seconds to wait where calls in progress alone stand in the way."""


@dataclass
class Counted:
    """An admitted call. held: tokens and money that are expected. used: what it really was, None while it runs."""

    began: float
    admitted: float
    model: str
    held: tuple[int, int]
    ended: float = math.inf
    used: tuple[int, int] | None = None
    estimated: bool = False
    order: tuple[int, float] = (0, math.inf)  # when it began and ended, among all events

    @property
    def counts(self) -> tuple[int, int]:
        return self.held if self.used is None else self.used


@dataclass
class Refused:
    """A refusal that was right. limits: those that may be named, each with when it resets (None: as soon as calls in
    progress end) and what was used."""

    key: str
    at: float
    limits: dict[str, tuple[float | None, int]]


@dataclass
class Oracle:
    """limits: of each key by its name, money in micro-dollars."""

    limits: Mapping[str, Mapping[str, int]]
    now: Callable[[], float]
    calls: dict[str, list[Counted]] = field(default_factory=lambda: defaultdict(list))
    running: dict[str, tuple[str, Counted]] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    averages: dict[str, float] = field(default_factory=dict)
    events: int = 0

    def used(self, key: str, limit: str, now: float) -> int:
        """Everything that counts against a limit now."""
        unit, _, period = limit.partition("_per_")
        calls = self.calls[key]
        if unit == "requests":
            return sum(call.admitted > now - 60 for call in calls)
        at = 1 if unit == "usd" else 0
        if period == "minute":
            return sum(call.counts[at] for call in calls if call.ended > now - 60)
        return sum(call.counts[at] for call in calls if _same(period, call.began, now))

    def admitted(self, call_id: str, key: str, began: float, estimate: Any, first: str) -> None:
        """estimate: as the router made it. first: the provider that is asked first."""
        now = self.now()
        for limit, most in self.limits[key].items():
            assert self.used(key, limit, now) < most, f"{key} was admitted beyond {limit}"
        output = self.averages.get(estimate.model, FIRST_GUESS)
        fresh, out = PRICES[first]
        held = estimate.input + round(output), round(estimate.input * fresh + output * out)
        self.events += 1
        call = Counted(began, now, estimate.model, held, order=(self.events, math.inf))
        self.calls[key].append(call)
        self.running[call_id] = key, call

    def was_refused(self, call_id: str, key: str, fault: Fault) -> None:
        now = self.now()
        reached = {
            limit: (self._resets(key, limit, now), used)
            for limit, most in self.limits[key].items()
            if (used := self.used(key, limit, now)) >= most
        }
        assert reached, f"a phantom refusal: {fault.message}; {self.told(key)}"
        ends = {limit: now + PASSING if resets is None else resets for limit, (resets, _) in reached.items()}
        last = max(ends.values())
        self.refused[call_id] = Refused(
            key, now, {limit: facts for limit, facts in reached.items() if ends[limit] == last}
        )

    def settled(self, call_id: str, record: Any) -> None:
        _, call = self.running.pop(call_id, ("", None))
        if call is None:
            return
        self.events += 1
        call.ended, usage = self.now(), record.usage
        call.order = call.order[0], self.events
        call.used = (0, 0) if usage is None else (usage.input + usage.output, record.cost or 0)
        if usage is not None:
            call.estimated = usage.estimated
            known = self.averages.get(call.model)
            self.averages[call.model] = usage.output if known is None else known + 0.2 * (usage.output - known)

    def told(self, key: str) -> dict[str, str]:
        now = self.now()
        return {limit: f"{self.used(key, limit, now)} of {most}" for limit, most in self.limits[key].items()}

    def check_answer(self, call_id: str, message: str, retry_after: int) -> str:
        """What a client was told of a refusal. Gives the limit."""
        refused, said = self.refused[call_id], SAID.match(message)
        assert said is not None, message
        limit = said["limit"]
        assert said["key"] == refused.key and limit in refused.limits, (message, refused)
        resets, used = refused.limits[limit]
        unit, _, period = limit.partition("_per_")
        assert (said["unit"], said["period"]) == ("USD" if unit == "usd" else unit, period)
        times, off = (1e6, 50) if unit == "usd" else (1, 0)
        assert abs(float(said["used"].replace(",", "")) * times - used) <= max(off, used * 0.005 if used > 1e6 else 0)
        assert abs(float(said["most"].replace(",", "")) * times - self.limits[refused.key][limit]) <= off
        if resets is None:
            assert (retry_after, said["at"]) == (PASSING, None), message
            return limit
        assert retry_after == max(1, math.ceil(resets - refused.at)), message
        ends = datetime.fromtimestamp(math.ceil(resets), UTC)
        assert said["at"] == ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        return limit

    def check_excess(self) -> None:
        """No limit was passed by more than what was in flight when the last call came in."""
        for key, limits in self.limits.items():
            for limit, most in limits.items():
                unit, _, period = limit.partition("_per_")
                if period == "minute":
                    continue
                at = 1 if unit == "usd" else 0
                for name in {_name(limit, call.began) for call in self.calls[key]}:
                    own = [call for call in self.calls[key] if _name(limit, call.began) == name]
                    last = max(call.order[0] for call in own)
                    flying = [call for call in own if call.order[1] > last]
                    used, excess = sum(call.counts[at] for call in own), sum(call.counts[at] for call in flying)
                    assert used < most + excess, (key, limit, name, used, excess)

    def _resets(self, key: str, limit: str, now: float) -> float | None:
        unit, _, period = limit.partition("_per_")
        if period == "minute":
            return self._minute_resets(key, unit, limit, now)
        ended = [call for call in self.calls[key] if call.used is not None and _same(period, call.began, now)]
        if sum(call.counts[1 if unit == "usd" else 0] for call in ended) < self.limits[key][limit]:
            return None
        today = datetime.fromtimestamp(now, UTC)
        year, month = today.year, today.month
        if period == "month":
            year, month = (year + 1, 1) if month == 12 else (year, month + 1)
            return datetime(year, month, 1, tzinfo=UTC).timestamp()
        return (now // 86_400 + 1) * 86_400

    def _minute_resets(self, key: str, unit: str, limit: str, now: float) -> float:
        """The first moment at which enough of what counts now does not any more."""
        most, calls = self.limits[key][limit], self.calls[key]
        times = [call.admitted if unit == "requests" else call.ended for call in calls]
        for at in sorted({time + 60 for time in times if now - 60 < time < math.inf}):
            left = [call for call, time in zip(calls, times, strict=True) if time + 60 > at]
            if (len(left) if unit == "requests" else sum(call.counts[0] for call in left)) < most:
                return at
        return now + 60


def _name(limit: str, at: float) -> str:
    day = datetime.fromtimestamp(at, UTC).date().isoformat()
    return day[:7] if limit.endswith("month") else day


def _same(period: str, one: float, other: float) -> bool:
    return _name(period, one) == _name(period, other)
