"""Where one call is in its plan: which target comes next, when to stop, what to tell when nothing is left. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from router.accounts.health import Cooling, Lease
from router.call import Limits
from router.faults import Fault, Kind
from router.routing.cooldown import LATEST_HINT
from router.routing.plan import Candidate, Plan

LIMITS: frozenset[Kind] = frozenset(("rate_limited", "quota_spent"))
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0
_PASSING = frozenset({"upstream_broken", "overloaded", "unavailable"})
"""Faults that may be over in a moment: the last target is tried once more."""


class Walk:
    """Where one call is in its plan: what was tried, what to try next, and what to say when nothing is left."""

    def __init__(self, plan: Plan, limits: Limits, now: float, prefer: str | None = None) -> None:
        self._plan = plan
        self._limits = limits
        self._deadline = now + limits.deadline
        self._left = _home_first(plan.candidates, prefer)
        self._smaller = plan.smaller
        self._full: list[Candidate] = []
        self._limited = False
        self._replayed: tuple[Candidate, Fault] | None = None
        self._tried: dict[str, set[str]] = {}
        self._faults: list[tuple[Candidate, Fault]] = []
        self._coolings: list[Cooling] = []
        self._resting: list[str] = []  # members of a combo that could not be asked, and why
        self._decisive: Fault | None = None
        self._attempts = 0
        self._again = True
        self._wait = 0.0

    def next(self, now: float) -> Candidate | None:
        """The next target to try; None where the plan, the budget or the time is used up."""
        if self._attempts >= self._limits.max_attempts or now >= self._deadline:
            return None
        if not self._left and not self._full and self._limited and self._smaller:
            self._left, self._smaller = list(self._smaller), ()
        return self._left[0] if self._left else None

    def beside(self, candidate: Candidate) -> list[Candidate]:
        """Targets that may be asked while `candidate` keeps the caller waiting: the next ones, then itself with another
        account. None where one attempt is left."""
        if self._attempts + 2 > self._limits.max_attempts:
            return []
        return [*(other for other in self._left if other is not candidate), candidate]

    def avoid(self, candidate: Candidate) -> set[str]:
        """Accounts of this target's provider that were tried and failed."""
        return self._tried.setdefault(f"{candidate.provider}\0{candidate.model}", set())

    def crowded(self, candidate: Candidate) -> None:
        """The target's provider has as many calls as it may: the others first."""
        self._left.remove(candidate)
        self._full.append(candidate)

    def full(self, now: float) -> list[Candidate]:
        """The targets whose turn it is to be waited for: nobody else is left, and there is time."""
        if self._left or self._attempts >= self._limits.max_attempts or now >= self._deadline:
            return []
        return self._full

    def remaining(self, now: float) -> float:
        """Seconds in which another attempt may begin."""
        return self._deadline - now

    def freed(self, provider: str) -> Candidate:
        """A place at one of the full providers is there: its target is next, and the others may be free as well."""
        self._left = sorted(self._full, key=lambda each: each.provider != provider)
        self._full = []
        return self._left[0]

    def unserved(self, fault: Fault) -> None:
        """There was no place at any of the full providers."""
        self._faults.append((self._full[0], fault))
        self._full = []

    def cooling(self, candidate: Candidate, cooling: Cooling) -> None:
        """No account of the target can be used (any more)."""
        self._left.remove(candidate)
        if self.avoid(candidate):
            return
        self._coolings.append(cooling)
        if self._plan.combo is not None:
            self._resting.append(f"{candidate.provider}/{candidate.model}: {cooling.fault().message}")
        if any(reason.cause.startswith(tuple(LIMITS)) for reason in cooling.reasons):
            self._limited = True
            if self._limits.quota_exceeded == "fail":
                self._end(cooling.fault())

    def replayed(self, candidate: Candidate, fault: Fault) -> None:
        """An attempt failed for a secret that was renewed since: the same account is asked once more."""
        self._attempts += 1
        self._wait = 0.0
        self._replayed = (candidate, fault)

    def failed(self, candidate: Candidate, lease: Lease, fault: Fault, *, final: bool = False) -> None:
        """An attempt failed: another account, another target, or the end. final: the target fails whenever it is asked,
        so it is not asked again."""
        self._attempts += 1
        self._faults.append((candidate, fault))
        self._wait = 0.0
        if fault.kind == "too_long":
            window = candidate.capabilities.context_window or 0
            self._keep(lambda other: (other.capabilities.context_window or 0) > window)
        elif fault.kind in ("bad_request", "too_large") and _about_target(fault):
            self._left.remove(candidate)
        elif not fault.meaning.moves_on:
            self._end(fault)  # about the request itself, whatever became of the targets before
        elif fault.kind in LIMITS:
            self._met_limit(candidate, lease, fault)
        elif final or fault.kind in ("not_found", "timeout"):
            self._left.remove(candidate)  # not the account's doing; a silent route is tried once
        else:
            self.avoid(candidate).add(lease.account.id)
            if self._again and self._is_last(candidate) and fault.kind in _PASSING:
                self._again = False
                self.avoid(candidate).discard(lease.account.id)
                self._wait = max(FIRST_PAUSE, fault.retry_after or 0.0)

    def _met_limit(self, candidate: Candidate, lease: Lease, fault: Fault) -> None:
        """As the setting says: another account, another provider, or nobody. Smaller models come when all others had
        their turn."""
        self._limited = True
        if self._limits.quota_exceeded == "fail":
            self._end(fault)
        elif self._limits.quota_exceeded == "next_provider":
            self._keep(lambda other: other.provider != candidate.provider)
        else:
            self.avoid(candidate).add(lease.account.id)

    def _end(self, decisive: Fault | None) -> None:
        """Nothing more is tried. decisive: what is told whatever else failed."""
        self._left, self._full, self._smaller, self._decisive = [], [], (), decisive

    def _keep(self, test: Callable[[Candidate], bool]) -> None:
        """Only such targets come into question any more."""
        self._left = [other for other in self._left if test(other)]
        self._full = [other for other in self._full if test(other)]

    def _is_last(self, candidate: Candidate) -> bool:
        return len(self._left) == 1 and self._left[0] is candidate and not self._full

    def pause(self, now: float, chance: random.Random) -> float:
        """Seconds to wait before the same target is tried once more; 0 where another one is next."""
        if self._wait == 0.0:
            return 0.0
        wait = self._wait * (1.0 + LATEST_HINT + chance.random() / 4)  # behind what the hint has closed
        if self._wait > LONGEST_PAUSE or now + wait >= self._deadline:
            self._left = []  # which leaves the smaller models, where a limit was met
            return 0.0
        return wait

    def verdict(self) -> Fault:
        """The fault to tell: the last real one, with what else was tried; else why every account rests."""
        if self._decisive is not None:
            return self._decisive
        if not self._faults and self._replayed is not None:
            self._faults.append(self._replayed)
        if self._faults:
            fault = _most_telling([fault for _, fault in self._faults])
            others = [
                f"{self._called(candidate)}: {other.message}" for candidate, other in self._faults if other is not fault
            ]
            others += self._resting
            if others and fault.meaning.whose != "caller":
                told = "; ".join(dict.fromkeys(others))
                fault.message = f"{fault.message} (also tried {told[:600]})"
            return fault
        if self._coolings:
            soonest = min(self._coolings, key=_wait_of)
            return soonest.fault()
        if self._plan.fault is not None:
            return self._plan.fault
        return Fault("unavailable", f"No provider can serve {self._plan.asked} now.")

    def _called(self, candidate: Candidate) -> str:
        """Members of a combo may be models of one provider."""
        return candidate.provider if self._plan.combo is None else f"{candidate.provider}/{candidate.model}"


def _wait_of(cooling: Cooling) -> float:
    return float("inf") if cooling.retry_after is None else cooling.retry_after


def _about_target(fault: Fault) -> bool:
    """A request that this target cannot be given (found before sending): another target may still take it."""
    return fault.status is None and fault.passthrough is None


def _most_telling(faults: list[Fault]) -> Fault:
    """Recoverable faults before hopeless ones before "no such model": a client that may retry must learn it."""
    for test in (
        lambda fault: fault.meaning.retryable,
        lambda fault: fault.kind != "not_found",
        lambda fault: True,
    ):
        told = [fault for fault in faults if test(fault)]
        if told:
            return told[-1]
    raise AssertionError("no fault to tell")


def _home_first(candidates: Sequence[Candidate], prefer: str | None) -> list[Candidate]:
    """Within one rank, first the provider of the account that made what this call brings back."""
    home = (prefer or "").partition("/")[0]
    return sorted(candidates, key=lambda each: (each.rank, each.provider != home)) if home else list(candidates)
