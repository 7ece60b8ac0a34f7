"""A model name to targets: alias, ``-oauth``, exact catalogue name, ``provider/rest``, brand, routes, listed names, the
vendor. Pure.

A step that finds no provider able to serve passes on to the next one, and what it found is kept with its reason.
A provider's *catalogue* is what its ``models`` setting names; names that it merely lists come last, so that a route
which the user wrote decides for them. At the very end a vendor's own API is asked for names that are plainly its own,
such as dated snapshots that no list has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from router.routing.choose import servable
from router.routing.combos import Combo
from router.routing.makers import OAUTH, SUBSCRIPTIONS, subscription
from router.routing.steps import PINNED_STEPS, STEPS, Target
from router.routing.suffix import split
from router.routing.table import Alias, Table
from router.wire.conversation import Reasoning

_MAX_DEPTH = 8  # aliases of aliases; exact loops are refused when the table is built


class Skipped(Struct, frozen=True):
    """A target that the plan leaves out. `reason` is a sentence without its full stop. cause: what is missing."""

    provider: str
    model: str
    reason: str
    cause: Literal["account", "model", "need", "surface"]


class Found(Struct, frozen=True, kw_only=True):
    """What a name leads to. reasoning: what a suffix on the way asked for, the outermost winning. combo: the outermost
    one on the way."""

    targets: tuple[Target, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    how: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    combo: Combo | None = None


def resolve(table: Table, name: str, pinned: tuple[str, ...] = ()) -> Found:
    """Everything that `name` (with its suffix) leads to. pinned: ids of the only providers allowed; empty: all."""
    return _resolve(table, name, pinned, 0)


def _resolve(table: Table, name: str, pinned: tuple[str, ...], depth: int) -> Found:
    base, reasoning = split(name, table.exact, lambda plain_name: _reachable(table, plain_name, pinned))
    how: tuple[str, ...] = (f"the suffix of '{name}' sets how much it thinks",) if reasoning is not None else ()
    alias = table.alias(base) if depth < _MAX_DEPTH else None
    combo = table.combos.get(base.lower()) if depth < _MAX_DEPTH else None
    if alias is not None:
        found = _aliased(table, base, alias, pinned, depth)
    elif combo is not None:
        found = _chained(table, base, combo, pinned, depth)
    else:
        found = _of_a_plan(table, base, pinned, depth) or _named(table, base, pinned)
    return Found(
        targets=found.targets,
        skipped=found.skipped,
        how=how + found.how,
        reasoning=reasoning if reasoning is not None else found.reasoning,
        combo=found.combo,
    )


def _reachable(table: Table, name: str, pinned: tuple[str, ...]) -> bool:
    if table.alias(name) is not None or name.lower() in table.combos:
        return True
    planned = _of_a_plan(table, name, pinned, 1)
    return planned is not None or bool(_named(table, name, pinned).targets)


def _of_a_plan(table: Table, name: str, pinned: tuple[str, ...], depth: int) -> Found | None:
    """``claude-sonnet-4-5-oauth``: the rest of the name, at the subscription of its maker alone. None where the name
    has no such ending, says its provider itself, or is somebody's model that is really called so."""
    ending = OAUTH.match(name)
    head, slash, _ = name.partition("/")
    said = bool(slash) and bool(table.resolve_provider(head))
    if ending is None or said or depth >= _MAX_DEPTH or table.exact(name):
        return None
    rest = ending["rest"]
    made_by = _meant(table, rest)
    plans = [provider for provider in table.providers.values() if subscription(provider, made_by)]
    ids = [provider.id for provider in plans if not pinned or provider.id in pinned]
    if not ids:
        return None
    ids.sort(key=lambda each: list(SUBSCRIPTIONS).index(table.providers[each].kind))
    found = _resolve(table, rest, tuple(ids), depth + 1)
    how = f"the ending of '{name}' means a subscription: {', '.join(ids)}"
    return Found(targets=found.targets, skipped=found.skipped, how=(how, *found.how), reasoning=found.reasoning)


def _meant(table: Table, name: str) -> str:
    """The first model that a name stands for through aliases, without what it asks of thinking."""
    for _ in range(_MAX_DEPTH):
        name, _reasoning = split(name, table.exact, lambda _: True)
        alias = table.alias(name)
        if alias is None:
            break
        name = _filled_in(alias.targets[0], alias, name).rpartition("/")[2]
    return name


def _aliased(table: Table, name: str, alias: Alias, pinned: tuple[str, ...], depth: int) -> Found:
    models = [_filled_in(text, alias, name) for text in alias.targets]
    return _each(table, name, "alias", models, pinned, depth)


def _chained(table: Table, name: str, combo: Combo, pinned: tuple[str, ...], depth: int) -> Found:
    found = _each(table, name, "combo", combo.targets, pinned, depth)
    how = [f"the strategy of '{name}' is {combo.strategy}"]
    targets = found.targets
    if combo.way is not None:
        how.append(f"accounts without a proxy of their own go through the one of '{name}'")
        targets = tuple(replace(each, way=each.way or combo.way) for each in targets)
    return replace(found, targets=targets, how=(*how, *found.how), combo=combo)


def _each(
    table: Table, name: str, kind: Literal["alias", "combo"], models: Sequence[str], pinned: tuple[str, ...], depth: int
) -> Found:
    """What several models lead to, one behind the other."""
    targets: list[Target] = []
    skipped: list[Skipped] = []
    how: list[str] = []
    reasoning: Reasoning | None = None
    combo: Combo | None = None
    one = kind == "alias" and len(models) == 1
    for member, wanted in enumerate(models):
        how.append(f"'{name}' is {'an alias' if kind == 'alias' else 'a combo'} of '{wanted}'")
        found = _resolve(table, wanted, pinned, depth + 1)
        offset = 1 + max((target.rank for target in targets), default=-1)
        for target in found.targets:
            why, own = f"{kind} '{name}', {target.why}", target.member if one else member
            targets.append(replace(target, rank=target.rank + offset, why=why, member=own))
        combo = found.combo if one else None
        skipped += found.skipped
        how += found.how
        reasoning = reasoning if reasoning is not None else found.reasoning
    return Found(targets=tuple(targets), skipped=tuple(skipped), how=tuple(how), reasoning=reasoning, combo=combo)


def _filled_in(target: str, alias: Alias, name: str) -> str:
    match = alias.pattern.regex.search(name)
    groups = iter(match.groups()) if match is not None else iter(())
    return re.sub(r"\*", lambda _: next(groups, None) or "", target)


def _named(table: Table, name: str, pinned: tuple[str, ...]) -> Found:
    """The steps after the alias, until one has a target."""
    skipped: list[Skipped] = []
    how: list[str] = []
    for step in PINNED_STEPS if pinned else STEPS:
        for text, wanted in step(table, name, pinned):
            targets = [target for target in wanted if _take(table, target, skipped)]
            if wanted:
                how.append(text if targets else f"{text}, but none of them can serve")
            if targets:
                return Found(targets=tuple(targets), skipped=tuple(skipped), how=tuple(how))
    return Found(skipped=tuple(skipped), how=tuple(how))


def _take(table: Table, target: Target, skipped: list[Skipped]) -> bool:
    missing = _missing(table, target)
    if missing is not None and missing not in skipped:
        skipped.append(missing)
    return missing is None


def _missing(table: Table, target: Target) -> Skipped | None:
    """Why a provider cannot serve this model at all; None where it can."""
    provider, model = target.provider, target.model
    if provider.reason is not None:
        return Skipped(provider.id, model, provider.reason, "account")
    names = table.upstream[provider.id]
    closed = bool(names) and not provider.open
    if closed and model.lower() not in names and model.lower() not in table.aliased[provider.id]:
        return Skipped(provider.id, model, "its models do not include this one", "model")
    if any(pattern.matches(model) for pattern in table.excluded[provider.id]):
        return Skipped(provider.id, model, "its settings exclude this model", "model")
    if not provider.accounts:
        return Skipped(provider.id, model, "it has no account", "account")
    if not servable(provider, model):
        return Skipped(provider.id, model, "none of its accounts may use this model", "model")
    return None
