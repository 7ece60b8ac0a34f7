"""When something that failed may be tried again: the state machines of accounts and of targets. Pure.

An account (whole, one quota bucket of it, or one model of it) cools for the time that the provider named, or for a
guess of ours that doubles. A target (provider + model) has a circuit that opens when it fails again and again. Both
come back through one probe at a time; a success closes them at once. Times are Unix seconds and come in as arguments.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from msgspec import Struct

from router import faults
from router.faults import Fault

HealthState: TypeAlias = Literal["ready", "cooling", "probing", "expired", "needs_login", "refused", "disabled"]
Scope: TypeAlias = Literal["account", "bucket", "model", "target"]
Key: TypeAlias = tuple[str, Scope, str]
"""Account id ("" for a target), scope, and which bucket, model or target."""

CIRCUIT = (1.0, 2.0, 4.0, 8.0, 10.0)
"""Seconds that a target's circuit stays open, by the number of failed openings; the last one repeats."""
OPEN_AFTER = 3
"""Failures in a row that open a circuit. One alone, among the successes of others, says nothing about the target."""
FIRST_GUESS, LONGEST_GUESS = 1.0, 120.0
"""Cooling of an account without a hint: doubles from the first to the longest."""
LONGEST_HINT = 1800.0
"""A hint is obeyed in full up to here; then one probe goes through."""
LATEST_HINT = 0.05
"""Share of a hint that is waited beyond it, at most, so that not all come back at once; never more than a second."""
PROBE_LIMIT = 120.0
"""Seconds after which a probe that nobody reported on no longer blocks the next one."""
SUSPENDED = LONGEST_HINT
"""Seconds until one probe tests an account whose renewed credential was not taken either."""
HeldState: TypeAlias = Literal["expired", "needs_login", "refused", "disabled"]
"""What whoever keeps an account may say of it without a call."""
HELD: frozenset[HealthState] = frozenset(("expired", "needs_login", "disabled"))


class Entry(Struct, frozen=True, kw_only=True):
    """What is known of one key; no entry means ready.

    at: when the state began. until: when it ends by itself. strikes: failures since the last success. hinted: `until`
    is the provider's word, not our guess. capped: it named a later time. probe: since when a probe is under way.
    """

    state: HealthState = "ready"
    at: float
    until: float | None = None
    strikes: int = 0
    cause: str = ""
    hinted: bool = False
    capped: bool = False
    probe: float | None = None


class Admission(Struct, frozen=True):
    """open: go. due: its time is over, one attempt may probe. early: half of our own guess is over, one may probe where
    nothing else is left. wait: not before `until` (None: time alone does not help)."""

    verdict: Literal["open", "due", "early", "wait"]
    until: float | None = None


OPEN = Admission("open")


def lasting(entry: Entry | None) -> bool:
    """Whether no call changes the entry: a person, a renewal or the operator must."""
    return entry is not None and (entry.state in HELD or (entry.state != "ready" and entry.until is None))


def admit(entry: Entry | None, now: float) -> Admission:
    """May an attempt go through now?"""
    if entry is None or entry.state == "ready":
        return OPEN
    if entry.state in HELD or entry.until is None:
        return Admission("wait", None)
    if entry.probe is not None and now - entry.probe < PROBE_LIMIT:
        return Admission("wait", max(entry.until, now + FIRST_GUESS))
    if now >= entry.until:
        # The provider said when its limit is over, so there is nothing left to probe.
        return OPEN if entry.hinted and not entry.capped and entry.state == "cooling" else Admission("due")
    if entry.hinted:
        return Admission("wait", entry.until)
    half = entry.at + (entry.until - entry.at) / 2
    return Admission("early") if now >= half else Admission("wait", half)


def probing(entry: Entry, now: float) -> Entry:
    """A probe goes out."""
    return _with(entry, probe=now)


def unprobed(entry: Entry) -> Entry:
    """The probe ended without a verdict: the next attempt may probe."""
    return _with(entry, probe=None)


def cooled(
    entry: Entry | None,
    fault: Fault,
    now: float,
    began: float,
    chance: random.Random,
    *,
    probe: bool = False,
    refused: bool = False,
    suspend: bool = False,
) -> Entry:
    """An account's entry after an attempt, begun at `began`, failed with `fault`.

    An attempt that was already under way when the cooling began adds no strike: ten parallel calls that meet one limit
    are one event. refused: the credential may not do this. suspend: not even after it was renewed.
    """
    if entry is not None and lasting(entry):
        return entry
    if refused and fault.details.get("for_good") is True:
        return Entry(state="refused", at=now, strikes=1, cause=cause(fault))
    same_event = entry is not None and entry.state != "ready" and began < entry.at and not probe
    strikes = 1 if entry is None else entry.strikes + (0 if same_event else 1)
    hint = fault.retry_after if fault.retry_after is not None and fault.retry_after > 0 else None
    if suspend:
        return Entry(
            state="refused",
            at=now,
            until=now + SUSPENDED,
            strikes=strikes,
            cause=cause(fault),
            hinted=True,
            capped=True,
        )
    if hint is None and same_event and entry is not None:
        return entry
    until = now + (guess(strikes, chance, spent=fault.kind == "quota_spent") if hint is None else hinted(hint, chance))
    if same_event and entry is not None and entry.until is not None:
        until = max(until, entry.until)
    return Entry(
        state="refused" if refused else "cooling",
        at=now,
        until=until,
        strikes=strikes,
        cause=cause(fault),
        hinted=hint is not None,
        capped=hint is not None and hint > LONGEST_HINT,
    )


def forewarned(entry: Entry | None, until: float, why: str, now: float, chance: random.Random) -> Entry | None:
    """An account's entry when the provider says, ahead of any refusal, that nothing goes through before `until`."""
    if lasting(entry) or until <= now:
        return entry
    end = now + hinted(until - now, chance)
    if entry is not None and entry.state != "ready" and entry.until is not None and entry.until >= end - 1.0:
        return entry
    strikes = 1 if entry is None else max(1, entry.strikes)
    capped = until - now > LONGEST_HINT
    return Entry(state="cooling", at=now, until=end, strikes=strikes, cause=why[:200], hinted=True, capped=capped)


def tripped(
    entry: Entry | None, fault: Fault, now: float, began: float, chance: random.Random, *, probe: bool = False
) -> Entry:
    """A target's entry after an attempt failed there. A hint opens the circuit at once."""
    if entry is not None and entry.state != "ready" and began < entry.at and not probe:
        return entry
    strikes = 1 if entry is None else entry.strikes + 1
    hint = fault.retry_after if fault.retry_after is not None and fault.retry_after > 0 else None
    if hint is not None:
        seconds = hinted(hint, chance)
    elif strikes < OPEN_AFTER:
        return Entry(state="ready", at=now, strikes=strikes, cause=cause(fault))
    else:
        seconds = CIRCUIT[min(strikes - OPEN_AFTER, len(CIRCUIT) - 1)]
    return Entry(
        state="cooling",
        at=now,
        until=now + seconds,
        strikes=strikes,
        cause=cause(fault),
        hinted=hint is not None,
        capped=hint is not None and hint > LONGEST_HINT,
    )


def recovered(key: Key, entry: Entry | None, began: float, *, probe: bool) -> Entry | None:
    """The entry after an attempt succeeded: None (ready), except that an answer begun before an account's limit was met
    says nothing about that limit."""
    if entry is None or lasting(entry):
        return entry
    if key[1] == "target" or probe or began >= entry.at:
        return None
    return entry


def answering(key: Key, entry: Entry | None, began: float, *, probe: bool) -> Entry | None:
    """The entry when an answer has begun: probes are over. A target that begins answers and then cuts them must not
    seem well at each beginning, so its failures are forgotten only by an answer that ends."""
    if key[1] != "target" or entry is None:
        return recovered(key, entry, began, probe=probe)
    if entry.state == "ready":
        return entry
    return Entry(state="ready", at=entry.at, strikes=min(entry.strikes, OPEN_AFTER - 1), cause=entry.cause)


def guess(strikes: int, chance: random.Random, *, spent: bool = False) -> float:
    """Seconds to cool where nobody said how long: doubling, up to a fifth shorter by chance so that not all come back
    at once. spent: money or a plan is used up, which does not pass in a second."""
    exponent = min(max(strikes, 1) - 1, 16)
    full = LONGEST_GUESS if spent else min(FIRST_GUESS * 2**exponent, LONGEST_GUESS)
    return full * (1 - 0.2 * chance.random())


def hinted(hint: float, chance: random.Random) -> float:
    """A provider's hint, never shortened below the cap, with up to a second on top."""
    return min(hint + min(1.0, hint * LATEST_HINT) * chance.random(), LONGEST_HINT)


def cause(fault: Fault) -> str:
    """A short text for status pages: the kind, the upstream status, and what the provider said."""
    status = f" (HTTP {fault.status})" if fault.status is not None else ""
    return f"{fault.kind}{status}: {fault.message}"[:200]


def _with(entry: Entry, *, probe: float | None) -> Entry:
    state: HealthState = entry.state
    if state in ("cooling", "probing"):
        state = "probing" if probe is not None else "cooling"
    return Entry(
        state=state,
        at=entry.at,
        until=entry.until,
        strikes=entry.strikes,
        cause=entry.cause,
        hinted=entry.hinted,
        capped=entry.capped,
        probe=probe,
    )


ACCOUNT_FAULTS: Mapping[faults.Kind, Scope | None] = MappingProxyType(
    # None: the scope is a fact of the provider's kind, see `router.routing.scopes`
    {"rate_limited": None, "quota_spent": None, "upstream_auth": "account", "refused": "model"}
)
TARGET_FAULTS: frozenset[faults.Kind] = frozenset(("overloaded", "upstream_broken", "timeout"))
REFUSALS: frozenset[faults.Kind] = frozenset(("upstream_auth", "refused"))
