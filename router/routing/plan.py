"""A model name turned into an ordered list of candidates, with the reason for each. Pure.

`draft` is the one engine: `plan` (what serves) and `router.routing.explain` (what tells) both call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import lcm
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.call import Resume
from router.faults import Fault, bad_request
from router.net.proxies import Way
from router.policies.payload import Payload
from router.policies.thinking import Wish
from router.providers.config import ProviderConfig
from router.routing.combos import Combo
from router.routing.names import check_name, unknown_model
from router.routing.nearest import did_you_mean, nearest
from router.routing.resolve import Found, Skipped, resolve
from router.routing.steps import Target
from router.routing.table import Table
from router.settings.provider_names import plain
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect, Reasoning

Surface: TypeAlias = Literal["generate", "embeddings", "images"]

SURFACES: Mapping[Surface, tuple[Dialect, ...]] = MappingProxyType(
    {
        "generate": ("chat", "responses", "messages", "gemini"),
        "embeddings": ("chat", "gemini", "responses"),
        "images": ("chat", "gemini", "responses"),
    }
)
"""Upstream dialects whose providers have a surface at all (``wire.md`` 11)."""

_REMEMBERED = 1024  # names come from clients, so the memory needs a bound
_TURNS = 12
_PLANS = 48  # of one name; what a call needs comes from clients as well
_MEDIA: tuple[tuple[str, str], ...] = (
    ("tools", "tools"),
    ("images", "images"),
    ("documents", "documents"),
    ("audio", "audio"),
    ("video", "video"),
)


class Needs(Struct, frozen=True, kw_only=True):
    """What a call asks of its target. input_tokens: an estimate of the prompt, None where nobody counted."""

    dialect: Dialect
    surface: Surface = "generate"
    tools: bool = False
    images: bool = False
    documents: bool = False
    audio: bool = False
    video: bool = False
    input_tokens: int | None = None


class Candidate(Struct, frozen=True, kw_only=True):
    """One target of a plan.

    provider: its id. model: the upstream's own name. dialect: which one to speak to it; lane "raw" where it is the
    caller's. rank: position, equal for providers that rotate. why: for a person. stands_in: the name
    to show for it, where it is another model than the one that was asked for. member: which of several models that
    the name stands for, from 0; None where it stands for one. way: the proxy that its combo names.
    """

    provider: str
    model: str
    dialect: Dialect
    lane: Literal["raw", "translated"]
    rank: int
    why: str
    capabilities: Capabilities
    stands_in: str | None = None
    member: int | None = None
    way: Way | None = None

    def through(self, provider: ProviderConfig) -> ProviderConfig:
        """The provider as this target's calls find it: behind the proxy of the combo."""
        return provider if self.way is None else replace(provider, proxy=self.way.proxy)


class Plan(Struct, frozen=True, kw_only=True):
    """asked: the name as the client wrote it. reasoning: what a suffix asked for; replaces the body's own wish.
    how: the steps from the name to the candidates, in words. fault: why nothing can serve, where there is no candidate.
    grace: seconds before heads and heartbeats, resume: what follows a break, where the route says so, else None.
    limits: fields of `router.call.Limits` that the route has in its own way.
    smaller: candidates of a smaller model, for when the limits of all others are met.
    route: the number of the rule that it comes from, if one has a say. payload: rules for the bodies of its attempts.
    combo: the named chain that the name is. wish: what is asked of thinking, where that depends on the account too.
    """

    asked: str
    candidates: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    reasoning: Reasoning | None = None
    how: tuple[str, ...] = ()
    fault: Fault | None = None
    grace: float | None = None
    resume: Resume | None = None
    limits: Mapping[str, Any] = {}
    smaller: tuple[Candidate, ...] = ()
    route: int | None = None
    payload: tuple[Payload, ...] = ()
    combo: Combo | None = None
    wish: Wish | None = None


def plan(table: Table, asked: str, *, needs: Needs, pinned: str | None = None, rotation: int = 0) -> Plan:
    """Candidates for `asked` in order, at least one.

    pinned: only this provider (any of its names). rotation: a counter of the caller; turns providers of equal rank.
    Raises `Fault`: bad_request (a name that cannot be one, a surface that nobody has), not_found (with the nearest
    names), unavailable (known, but no provider with an account serves it).
    """
    made = draft(table, asked, needs=needs, pinned=pinned, rotation=rotation)
    if made.fault is not None:
        raise made.fault
    return made


def draft(table: Table, asked: str, *, needs: Needs, pinned: str | None = None, rotation: int = 0) -> Plan:
    """`plan` that reports instead of raising: without candidates, `Plan.fault` says why."""
    try:
        name = check_name(asked)
        only = () if pinned is None else _provider(table, pinned)
        _refuse_excluded(table, name)
    except Fault as fault:
        return Plan(asked=asked, fault=fault)
    offered = _offers(table, name, only, needs)
    turn = rotation % offered.turns
    tokens, needs = needs.input_tokens, replace(needs, input_tokens=None)
    made = offered.plans.get((turn, needs))
    if made is None:
        made = _drafted(table, name, only, needs, offered, turn)
        if made.fault is None and offered.turns <= _TURNS:
            if len(offered.plans) >= _PLANS:
                offered.plans.clear()
            offered.plans[turn, needs] = made
    return made if tokens is None else _small_last(made, tokens)


def _small_last(made: Plan, tokens: int) -> Plan:
    """Windows that an estimate of the prompt does not fit into come last, and are not left out: estimates are rough."""

    def too_small(candidate: Candidate) -> bool:
        window = candidate.capabilities.context_window
        return window is not None and tokens > window

    if not any(map(too_small, (*made.candidates, *made.smaller))):
        return made
    return replace(
        made,
        candidates=tuple(sorted(made.candidates, key=too_small)),
        smaller=tuple(sorted(made.smaller, key=too_small)),
    )


def _drafted(table: Table, name: str, only: tuple[str, ...], needs: Needs, offered: _Offered, rotation: int) -> Plan:
    found, able, unable = offered.found, offered.able, offered.unable
    skipped = list(unable)
    offers = _fitting(_rotated(able, rotation), needs, skipped)
    return Plan(
        asked=name,
        candidates=tuple(offers),
        skipped=tuple(skipped),
        reasoning=found.reasoning,
        how=found.how,
        fault=None if offers else _nothing(table, name, found, skipped, needs),
        grace=next((target.grace for target in found.targets if target.grace is not None), None),
        resume=next((target.resume for target in found.targets if target.resume is not None), None),
        limits=next((target.limits for target in found.targets if target.limits), {}),
        combo=found.combo,
        route=next((target.route for target in found.targets if target.route is not None), None),
        smaller=_smaller(table, name, offers, only, needs, found.combo) if table.smaller and offers else (),
    )


def _smaller(
    table: Table,
    name: str,
    offers: Sequence[Candidate],
    only: tuple[str, ...],
    needs: Needs,
    combo: Combo | None,
) -> tuple[Candidate, ...]:
    """The candidates of the smaller model that the settings have for this one: for the name that was asked for, or for
    the first model that it leads to. What the caller wishes of thinking stays; a suffix here would say nothing. It goes
    through the proxy of the combo that it stands in for."""
    names = (name, offers[0].model)
    rule = next((each for asked in names for each in table.smaller if each.pattern.matches(asked)), None)
    if rule is None:
        return ()
    known = {(each.provider, each.model) for each in offers}
    able = _offers(table, rule.targets[0], only, needs).able
    fitting = _fitting([each for each in able if (each.provider, each.model) not in known], needs, [])
    first, why, shown = 1 + max(each.rank for each in offers), f"smaller model for '{name}'", rule.targets[0]
    way = None if combo is None else combo.way
    return tuple(
        replace(each, rank=first + each.rank, why=f"{why}: {each.why}", stands_in=shown, way=each.way or way)
        for each in fitting
    )


def _provider(table: Table, pinned: str) -> tuple[str, ...]:
    ids = table.resolve_provider(pinned)
    if not ids:
        hint = did_you_mean(nearest(plain(pinned), table.ids))
        raise Fault("not_found", f"No provider is named '{pinned}'.{hint}", code="provider_not_found")
    return ids


def _refuse_excluded(table: Table, name: str) -> None:
    for pattern in table.exclusions:
        if pattern.matches(name):
            text = f"The model '{name}' is excluded here by models.exclusions ('{pattern.text}')."
            raise Fault("not_found", text, param="model", code="model_not_found")


class _Offered(Struct, frozen=True):
    """What a name leads to, before a call's own needs. turns: after so many calls the rotation begins anew. plans: what
    was made of it, by turn and needs."""

    found: Found
    able: Sequence[Candidate]
    unable: Sequence[Skipped]
    turns: int
    plans: dict[tuple[int, Needs], Plan]


def _offers(table: Table, name: str, only: tuple[str, ...], needs: Needs) -> _Offered:
    """What a name leads to. Every call asks, so that what serves is remembered."""
    key = (name, only, needs.dialect, needs.surface)
    known: _Offered | None = table.remembered.get(key)
    if known is not None:
        return known
    found = resolve(table, name, only)
    skipped = list(found.skipped)
    able = _unique(table, found.targets, needs, skipped)
    offered = _Offered(found, able, skipped, lcm(*map(len, _ranks(able))), {})
    if able:
        if len(table.remembered) >= _REMEMBERED:
            table.remembered.clear()
        table.remembered[key] = offered
    return offered


def _ranks(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    return [list(members) for _, members in groupby(candidates, key=lambda candidate: candidate.rank)]


def _rotated(candidates: Sequence[Candidate], rotation: int) -> list[Candidate]:
    ordered: list[Candidate] = []
    for rank in _ranks(candidates):
        turn = rotation % len(rank)
        ordered += rank[turn:] + rank[:turn]
    return ordered


def _unique(table: Table, targets: Sequence[Target], needs: Needs, skipped: list[Skipped]) -> list[Candidate]:
    """Targets as candidates, each once, with the dialect to speak; without providers that lack the surface."""
    candidates: list[Candidate] = []
    seen: set[tuple[str, str]] = set()
    for target in targets:
        provider = target.provider
        if (provider.id, target.model) in seen:
            continue
        seen.add((provider.id, target.model))
        if any(pattern.matches(target.model) for pattern in table.exclusions):
            skipped.append(Skipped(provider.id, target.model, "models.exclusions names it", "model"))
            continue
        spoken = tuple(dialect for dialect in provider.dialects if dialect in SURFACES[needs.surface])
        if not spoken:
            skipped.append(Skipped(provider.id, target.model, f"it has no {needs.surface}", "surface"))
            continue
        dialect = _dialect(table, target, spoken, needs)
        candidates.append(
            Candidate(
                provider=provider.id,
                model=target.model,
                dialect=dialect,
                lane="raw" if dialect == needs.dialect else "translated",
                rank=target.rank,
                why=target.why,
                member=target.member,
                way=target.way,
                capabilities=table.capabilities.capabilities(provider, _upstream(provider, target.model), dialect),
            )
        )
    return candidates


def _dialect(table: Table, target: Target, spoken: tuple[Dialect, ...], needs: Needs) -> Dialect:
    """The caller's own where provider and model have it, else the provider's preferred one that the model has."""
    model = _upstream(target.provider, target.model)
    only = table.capabilities.capabilities(target.provider, model, spoken[0]).dialects
    fit = tuple(dialect for dialect in spoken if not only or dialect in only) or spoken
    return needs.dialect if needs.dialect in fit else fit[0]


def _upstream(provider: ProviderConfig, model: str) -> str:
    """What the accounts that gave a model another name call it upstream: the first one's word, as models go."""
    return next((account.aliases[model] for account in provider.accounts if model in account.aliases), model)


def _fitting(candidates: list[Candidate], needs: Needs, skipped: list[Skipped]) -> list[Candidate]:
    """Without those that lack what the call needs, unless all do: then the refusal names the place in the body."""
    lacking = [_lacks(candidate.capabilities, needs) for candidate in candidates]
    if any(lacking) and not all(lacking):
        for candidate, words in zip(candidates, lacking, strict=True):
            if words:
                reason = f"the model does not take {' or '.join(words)}"
                skipped.append(Skipped(candidate.provider, candidate.model, reason, "need"))
        candidates = [candidate for candidate, words in zip(candidates, lacking, strict=True) if not words]
    return candidates


def _lacks(capabilities: Capabilities, needs: Needs) -> list[str]:
    if needs.surface != "generate":
        return []
    return [word for field, word in _MEDIA if getattr(needs, field) and not getattr(capabilities, field)]


def _nothing(table: Table, name: str, found: Found, skipped: Sequence[Skipped], needs: Needs) -> Fault:
    """Why there is no candidate: nobody knows the name, nobody has the surface, or nobody has an account."""
    if not skipped:
        return unknown_model(name, table.known_names())
    reasons = "; ".join(f"{skip.provider}: {skip.reason}" for skip in dict.fromkeys(skipped))
    if any(skip.cause == "surface" for skip in skipped):
        words = {"embeddings": "embeddings", "images": "image generation"}.get(needs.surface, "this")
        return bad_request(f"No provider of '{name}' has {words} ({reasons}). Choose another model.", "model")
    if all(skip.cause == "model" for skip in skipped):
        fault = unknown_model(name, table.known_names())
        return Fault("not_found", f"{fault.message} ({reasons})", param="model", code="model_not_found")
    return Fault(
        "unavailable",
        f"No provider can serve '{name}' now: {reasons}. Configure an account for one of them, or another route.",
        param="model",
        details={"skipped": [{"provider": skip.provider, "reason": skip.reason} for skip in skipped]},
    )
