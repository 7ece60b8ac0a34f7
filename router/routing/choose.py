"""Which account of a provider serves a model now: priority tier first, then the strategy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Literal, TypeAlias

from msgspec import Struct

from router.accounts import quota
from router.accounts.quota import Window
from router.accounts.record import Account
from router.providers.config import ProviderConfig
from router.routing import scopes
from router.routing.cooldown import Admission, Entry, Key, admit

Strategy: TypeAlias = Literal["round-robin", "fill-first", "weighted", "least-busy", "most-quota-left"]


BY_LOAD: frozenset[str] = frozenset({"aistudio", "webai"})
"""Kinds whose accounts say how busy they are, which is better than any strategy."""
TOLD_EVERY: Mapping[str, float] = MappingProxyType({"webai": 30.0})
"""Kinds whose accounts say themselves how they are, and the seconds until they say it again: worth coming back for."""
PREFERRED = "it is wanted for this call"
ONLY = "no other account can serve now"
DUE = "its rest is over, and only an attempt can tell whether it works again"
ALONE = "no other account of its priority is free"
EARLY = "all accounts rest, and this one may have recovered"
LEAST_LOADED = "its service says that it is the least busy"
CHOSEN_BY: Mapping[Strategy, str] = MappingProxyType(
    {
        "round-robin": "it is its turn (round_robin)",
        "fill-first": "it is the first one that is free (fill_first)",
        "weighted": "it is its turn by weight (weighted)",
        "least-busy": "it has the fewest calls (least_busy)",
        "most-quota-left": "it has the most quota left (most_quota_left)",
    }
)
"""Why an account was chosen, for people; strategies are named as in the settings."""
_ALIAS = "this name is an alias that other accounts have"


def _unknown(account: str) -> float | None:
    return None


class View(Struct, frozen=True, kw_only=True):
    """All health at one moment. busy: attempts under way by account. turns: leases so far by provider. windows: what is
    known of the quotas of accounts, by account and name. load: how busy the service behind an account says it is, 1 for
    all that it can do; None where no service is behind it."""

    entries: Mapping[Key, Entry]
    busy: Mapping[str, int]
    turns: Mapping[str, int]
    now: float
    strategy: Strategy = "round-robin"
    windows: Mapping[str, Mapping[str, Window]] = {}
    load: Callable[[str], float | None] = _unknown


class Waiting(Struct, frozen=True):
    """Why one account ("": the whole target) cannot be used now. until: Unix time, None where time does not help."""

    account: str
    state: str
    cause: str
    until: float | None


class Outlook(Struct, frozen=True, kw_only=True):
    """account: the one to take, None if none can serve. why: it was chosen, "" where the provider has no other.
    probes: the keys that this attempt would test. waiting: every account that cannot serve, with its reason.
    retry_after: seconds until the earliest one may."""

    account: Account | None = None
    why: str = ""
    probes: tuple[Key, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    retry_after: float | None = None


class _Standing(Struct, frozen=True):
    account: Account
    verdict: Literal["open", "due", "early"]
    probes: tuple[Key, ...]


def look(
    provider: ProviderConfig, model: str, view: View, *, avoid: Collection[str] = (), prefer: str | None = None
) -> Outlook:
    """The account that an attempt would get now, and why others would not be taken.

    avoid: accounts already tried for this call. prefer: taken wherever it can serve at all, whatever its tier.
    """
    circuit = scopes.target(provider.id, model)
    gate = admit(view.entries.get(circuit), view.now)
    if gate.verdict == "wait":
        waiting = (_waiting("", circuit, gate, view),)
        return Outlook(waiting=waiting, retry_after=_soonest(waiting, view.now))
    able: list[_Standing] = []
    waits: list[Waiting] = []
    others = _others_alias(provider, model)
    for account in provider.accounts:
        bar = _bar(account, model, others) if others or account.limited else None
        if bar is not None:
            waits.append(Waiting(account.id, "disabled", bar, None))
        elif account.id in avoid:
            waits.append(Waiting(account.id, "ready", "already tried for this call", None))
        else:
            _stand(account, model, view, able, waits)
    if not able:
        soonest = _soonest(waits, view.now)
        return Outlook(waiting=tuple(waits), retry_after=_told_next(provider, view) if soonest is None else soonest)
    chosen, why = _choose(able, provider, model, view, prefer)
    probes = chosen.probes if gate.verdict == "open" else (circuit, *chosen.probes)
    return Outlook(account=chosen.account, why=why, probes=probes, waiting=tuple(waits))


def servable(provider: ProviderConfig, model: str) -> bool:
    """Whether the settings of any account let it serve `model`."""
    others = _others_alias(provider, model)
    return any(_bar(account, model, others) is None for account in provider.accounts)


def _bar(account: Account, model: str, others: bool) -> str | None:
    """What keeps an account from a model, in words. others: see `_others_alias`."""
    return account.bar(model) or (_ALIAS if others and model not in account.aliases else None)


def _others_alias(provider: ProviderConfig, model: str) -> bool:
    """Whether `model` is a name that accounts gave to something, and no model of the provider's own."""
    for account in provider.accounts:
        if model in account.aliases:
            return model not in provider.models and model not in provider.listed
    return False


def _stand(account: Account, model: str, view: View, able: list[_Standing], waits: list[Waiting]) -> None:
    """Sort one account into those that can serve and those that wait: the strictest of its keys decides."""
    if not view.entries:  # all is well, as it nearly always is
        able.append(_Standing(account, "open", ()))
        return
    verdict: Literal["open", "due", "early"] = "open"
    probes: list[Key] = []
    held: list[Waiting] = []
    for key in scopes.keys(account.id, account.upstream(model)):
        admission = admit(view.entries.get(key), view.now)
        if admission.verdict == "wait":
            held.append(_waiting(account.id, key, admission, view))
        elif admission.verdict != "open":
            probes.append(key)
            verdict = "early" if "early" in (verdict, admission.verdict) else "due"
    if held:
        waits.append(max(held, key=lambda waiting: float("inf") if waiting.until is None else waiting.until))
    else:
        able.append(_Standing(account, verdict, tuple(probes)))


def _waiting(account: str, key: Key, admission: Admission, view: View) -> Waiting:
    entry = view.entries[key]
    return Waiting(account, entry.state, entry.cause, admission.until)


def _soonest(waiting: Sequence[Waiting], now: float) -> float | None:
    times = [each.until for each in waiting if each.until is not None]
    return max(0.0, min(times) - now) if times else None


def _told_next(provider: ProviderConfig, view: View) -> float | None:
    """Seconds until an account that says itself that it cannot serve says how it is then; None where there is none."""
    held = any(scopes.held(account.id) in view.entries for account in provider.accounts)
    return TOLD_EVERY.get(provider.kind) if held else None


def _choose(
    able: Sequence[_Standing], provider: ProviderConfig, model: str, view: View, prefer: str | None
) -> tuple[_Standing, str]:
    """One of at least one, and why. Per tier: one whose time is over is probed first, else it would never come back
    beside others that work; then the strategy among the open ones; then an early probe, which is better than no
    answer."""
    if len(provider.accounts) == 1:
        return able[0], ""
    for standing in able:
        if standing.account.id == prefer:
            return standing, PREFERRED
    if len(able) == 1:
        return able[0], ONLY
    turn = view.turns.get(provider.id, 0)
    early: list[_Standing] = []
    for _, members in groupby(sorted(able, key=_tier), key=_tier):
        tier = list(members)
        due = [standing for standing in tier if standing.verdict == "due"]
        if due:
            return due[0], DUE
        opened = [standing for standing in tier if standing.verdict == "open"]
        if opened:
            if len(opened) == 1:
                return opened[0], ALONE
            if provider.kind in BY_LOAD:
                return _least_loaded(opened, turn, view, model), LEAST_LOADED
            return STRATEGIES[view.strategy](opened, turn, view, model), CHOSEN_BY[view.strategy]
        early += tier
    return early[0], EARLY


def _tier(standing: _Standing) -> int:
    return standing.account.priority


def _round_robin(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    return able[turn % len(able)]


def _fill_first(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    return able[0]


def _weighted(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    """Shares over a cycle of as many turns as there are weights; a weight of 0 only where there is nothing else."""
    place = turn % (sum(max(0, standing.account.weight) for standing in able) or 1)
    for standing in able:
        place -= max(0, standing.account.weight)
        if place < 0:
            return standing
    return able[0]


def _least_busy(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    start = turn % len(able)
    return min((*able[start:], *able[:start]), key=lambda standing: view.busy.get(standing.account.id, 0))


def _least_loaded(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    """By what services say of themselves; equal ones in turn."""
    start = turn % len(able)
    return min((*able[start:], *able[:start]), key=lambda standing: view.load(standing.account.id) or 0.0)


def _most_quota_left(able: Sequence[_Standing], turn: int, view: View, model: str) -> _Standing:
    """By whole percents: those of equal ones in turn."""
    lefts = [_percent_left(standing.account, model, view) for standing in able]
    best = [standing for standing, left in zip(able, lefts, strict=True) if left == max(lefts)]
    return best[turn % len(best)]


def _percent_left(account: Account, model: str, view: View) -> int:
    known = view.windows.get(account.id)
    if not known:
        return 100
    return round(100 * quota.left(tuple(known.values()), scopes.bucket(account.upstream(model)), view.now))


STRATEGIES: Mapping[Strategy, Callable[[Sequence[_Standing], int, View, str], _Standing]] = MappingProxyType(
    {
        "round-robin": _round_robin,
        "fill-first": _fill_first,
        "weighted": _weighted,
        "least-busy": _least_busy,
        "most-quota-left": _most_quota_left,
    }
)
