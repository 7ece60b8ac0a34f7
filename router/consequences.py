"""What new settings would mean for those who call and those who answer, in sentences. Pure.

`router.settings.change_plan` says which settings differ; this says what follows from that: which client keys gain or
lose which models, whom names lead to, which providers and accounts come and go, which limits change, and what waits for
the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.access.keys import ClientKey
from router.access.limits import KeyLimits
from router.access.rights import Rights
from router.faults import Fault
from router.money import MICRO
from router.providers.config import ProviderConfig
from router.routing.plan import Needs, draft
from router.settings.change_plan import Change
from router.snapshot import Snapshot

MOST = 12
"""Names that one sentence has; of more it tells how many."""
_LIMITS = ("server.limits.", "server.timeouts.", "retry.", "policies.cache.", "observe.request_log_")
_NEEDS = Needs(dialect="chat")
Ways: TypeAlias = Mapping[str, tuple[str, ...]]
"""Names of models, and the targets that would answer, in order; those that nobody serves are not in it."""


class Consequences(Struct, frozen=True):
    """Sentences. keys: what client keys gain and lose. routes: names that lead elsewhere. providers: those that come
    and go, with their accounts. limits: how much, how often, how long. restart: what counts from the next start on."""

    keys: list[str] = []
    routes: list[str] = []
    providers: list[str] = []
    limits: list[str] = []
    restart: list[str] = []


class Side(Struct, frozen=True):
    """The gateway before or after. keys: all client keys; their rights are in the snapshot. now: Unix seconds."""

    snapshot: Snapshot
    keys: Sequence[ClientKey]
    now: float


def consequences(before: Side, after: Side, changes: Iterable[Change]) -> Consequences:
    """What would be different. changes: the settings that are."""
    changes = list(changes)
    was, will = _ways(before.snapshot), _ways(after.snapshot)
    old, new = ({key.id: key for key in side.keys if "client" in key.scopes} for side in (before, after))
    return Consequences(
        keys=[
            *_came_and_went(old, new, after.now),
            *_opens(before.keys, after.keys),
            *_gains(before, after, was, will, [*old.keys() & new.keys()]),
        ],
        routes=list(_routes(was, will)),
        providers=list(_providers(before.snapshot.providers, after.snapshot.providers)),
        limits=[
            *_limits_of_keys(old, new),
            *_limits_of_providers(before.snapshot.providers, after.snapshot.providers),
            *(each.told for each in changes if each.path.startswith(_LIMITS)),
        ],
        restart=[f"{each.path} counts from the next start on." for each in changes if each.applies == "restart"],
    )


def _ways(snapshot: Snapshot) -> Ways:
    """For a key with every right."""
    return {name: way for name in _names(snapshot) if (way := _way(snapshot, Rights(), name))}


def _names(snapshot: Snapshot) -> list[str]:
    return list(dict.fromkeys(each.id for each in snapshot.catalogue.models))


def _way(snapshot: Snapshot, rights: Rights, name: str) -> tuple[str, ...]:
    try:
        plan = rights.narrowed(draft(snapshot.table, name, needs=_NEEDS))
    except Fault:
        return ()
    return tuple(dict.fromkeys(f"{each.provider}/{each.model}" for each in plan.candidates))


def _came_and_went(old: Mapping[str, ClientKey], new: Mapping[str, ClientKey], now: float) -> Iterator[str]:
    gone = {key.name: key for key in old.values() if key.id not in new}
    for key in new.values():
        before = old.get(key.id)
        if before is None and gone.pop(key.name, None) is not None:
            yield f"The key {key.name} becomes another one: its old text is refused."
        elif before is None:
            yield f"The key {key.name} comes."
        elif before.name != key.name:
            yield f"The key {before.name} is called {key.name}."
        if before is not None and before.usable(now) != key.usable(now):
            yield f"The key {key.name} is {'let in again' if key.usable(now) else f'refused: {key.state(now)}'}."
    for name in gone:
        yield f"The key {name} goes: its calls are refused."


def _opens(before: Iterable[ClientKey], after: Iterable[ClientKey]) -> Iterator[str]:
    """What keys open besides models."""
    old, new = (
        {(key.id, scope): key.name for key in keys for scope in key.scopes if scope != "client"}
        for keys in (before, after)
    )
    for (_, scope), name in ((each, new[each]) for each in new if each not in old):
        yield f"The key {name} comes in with the scope {scope}."
    for (_, scope), name in ((each, old[each]) for each in old if each not in new):
        yield f"The key {name} no longer comes in with the scope {scope}."


def _gains(before: Side, after: Side, was: Ways, will: Ways, common: Sequence[str]) -> Iterator[str]:
    """Keys for which the same comes and goes are told together."""
    names = list(dict.fromkeys([*_names(before.snapshot), *_names(after.snapshot)]))
    known = {key.id: key.name for key in after.keys}
    told: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for key in sorted(common, key=lambda each: known[each]):
        had = _of_key(before.snapshot, key, was, names)
        has = _of_key(after.snapshot, key, will, names)
        both = tuple(each for each in names if each in has - had), tuple(each for each in names if each in had - has)
        if any(both):
            told.setdefault(both, []).append(known[key])
    for (gained, lost), keys in told.items():
        every = len(keys) == len(common) > 1
        who = "Every client key" if every else f"The key{'s' if len(keys) > 1 else ''} {_some(keys)}"
        verb = "" if len(keys) > 1 and not every else "s"
        parts = [(f"gain{verb}", gained), (f"lose{verb}", lost)]
        yield f"{who} {' and '.join(f'{does} {_some(models)}' for does, models in parts if models)}."


def _of_key(snapshot: Snapshot, key: str, ways: Ways, names: Iterable[str]) -> set[str]:
    """The models that a key may use."""
    rights = snapshot.access.of(key)
    if not rights.limited and rights.substitution == "any":
        return set(ways)
    return {name for name in names if _way(snapshot, rights, name)}


def _routes(was: Ways, will: Ways) -> Iterator[str]:
    """Names that lead the same new way are told together."""
    moved: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, way in will.items():
        if was.get(name, way) != way:
            moved.setdefault((was[name], way), []).append(name)
    for (old, new), names in moved.items():
        lead = "leads" if len(names) == 1 else "lead"
        yield f"{_some(names)} {lead} to {_some(new, then=True)}, until now to {_some(old, then=True)}."


def _providers(old: Mapping[str, ProviderConfig], new: Mapping[str, ProviderConfig]) -> Iterator[str]:
    for name in [*new, *(each for each in old if each not in new)]:
        was, will = old.get(name), new.get(name)
        serves, served = will is not None and will.reason is None, was is not None and was.reason is None
        if will is not None and serves and not served:
            yield f"The provider {name} serves, with {_some([each.id for each in will.accounts])}."
        elif served and not serves:
            yield f"The provider {name} serves no more{f': {will.reason}' if will is not None else ''}."
        elif was is not None and will is not None and serves:
            yield from _accounts(was, will)
            if was.base_urls != will.base_urls:
                yield f"The provider {name} is asked at another address."


def _accounts(was: ProviderConfig, will: ProviderConfig) -> Iterator[str]:
    old, new = ({each.id: each for each in side.accounts} for side in (was, will))
    for name in new:
        if name not in old:
            yield f"The account {name} comes."
        elif old[name].secret != new[name].secret:
            yield f"The account {name} gets another key."
        elif old[name] != new[name]:
            yield f"The account {name} changes: its order, proxy, models or thinking."
    yield from (f"The account {name} goes." for name in old if name not in new)


def _limits_of_keys(old: Mapping[str, ClientKey], new: Mapping[str, ClientKey]) -> Iterator[str]:
    for key in new.values():
        before = old.get(key.id)
        if before is None:
            continue
        had, has = before.limits or KeyLimits(), key.limits or KeyLimits()
        for name in KeyLimits.__struct_fields__:
            yield from _limit(f"the key {key.name}, {name}", getattr(had, name), getattr(has, name), name)
        yield from _limit(f"the key {key.name}, calls at once", before.concurrency, key.concurrency)
        yield from _limit(f"the key {key.name}, calls that may wait", before.queue, key.queue)


def _limits_of_providers(old: Mapping[str, ProviderConfig], new: Mapping[str, ProviderConfig]) -> Iterator[str]:
    for name in new:
        if name in old:
            was, will = old[name], new[name]
            yield from _limit(f"the provider {name}, calls at once", was.max_concurrency, will.max_concurrency)
            yield from _limit(f"the provider {name}, calls that may wait", was.max_queue, will.max_queue)


def _limit(what: str, was: Any, will: Any, name: str = "") -> Iterator[str]:
    said: Callable[[Any], str] = _dollars if name.startswith("usd_") else _number
    if was != will:
        yield f"Of {what}: {said(will)}, until now {said(was)}."


def _number(value: Any) -> str:
    return "no limit" if value is None else str(value)


def _dollars(value: Any) -> str:
    return "no limit" if value is None else f"${value / MICRO:.2f}"


def _some(names: Sequence[str], *, then: bool = False) -> str:
    """Names in a sentence, not more than `MOST`. then: one after the other."""
    shown = list(names[:MOST])
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    if len(shown) < 2:
        return "".join(shown) or "no account"
    return f"{', '.join(shown[:-1])}{', then ' if then else ' and '}{shown[-1]}"


def side(snapshot: Snapshot, keys: Sequence[ClientKey], now: float) -> Side:
    """One side, on which nothing of what is worked out here is remembered by a table that serves."""
    return Side(replace(snapshot, table=replace(snapshot.table, remembered={})), keys, now)
