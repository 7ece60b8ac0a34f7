"""Routes, aliases and providers as one immutable lookup structure, built from settings with every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from router.call import Resume
from router.models.capabilities import CapabilityTable, quirk_mistakes
from router.models.loops import way_back
from router.models.patterns import Pattern, compile_pattern
from router.providers.config import ProviderConfig
from router.routing.combos import Combo
from router.routing.nearest import did_you_mean, nearest
from router.settings.provider_names import GROUPS, plain


class Rule(Struct, frozen=True, kw_only=True):
    """One entry of ``models.routing``. pattern: a regular expression (searched) or a glob (``gpt-*``, the whole name).
    providers: names in order; a nested tuple is one rank that rotates. priority: lower comes first; equal ones in file
    order. grace: seconds before heads and heartbeats of its calls, resume: what follows a break; None for the general
    setting. limits: the fields of `router.call.Limits` that are other for its calls."""

    pattern: str
    providers: tuple[str | tuple[str, ...], ...]
    priority: int = 0
    grace: float | None = None
    resume: Resume | None = None
    limits: Mapping[str, Any] = {}


class Route(Struct, frozen=True, kw_only=True):
    """A rule that was checked. number: its place in the file, from 1. ranks: provider ids."""

    number: int
    pattern: Pattern
    ranks: tuple[tuple[str, ...], ...]
    grace: float | None = None
    resume: Resume | None = None
    limits: Mapping[str, Any] = {}


class Alias(Struct, frozen=True):
    """A name that stands for others. In targets of a glob each ``*`` is what the pattern's stood for."""

    pattern: Pattern
    targets: tuple[str, ...]


class Mistake(Struct, frozen=True):
    """One error in the settings. where: path below ``models`` such as ``routing[2].providers[0]``, or a provider's."""

    where: str
    message: str


class RoutingMistakes(ValueError):
    """Everything that is wrong with the routing settings."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(f"{mistake.where}: {mistake.message}" for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class Table(Struct, frozen=True, kw_only=True):
    """What names are looked up in. Built by `build` only.

    ids: every name of a provider, as `plain` gives it -> ids. upstream: provider id -> shown name in lower case ->
    upstream name, for providers that name their models. aliased: provider id -> names in lower case that its accounts
    alone have for models -> as written. listed: shown name in lower case -> ids of providers that offer
    it without more. excluded: provider id -> its exclusions. smaller: which models a smaller one may answer
    for where limits are met. combos: named chains by name in lower case. remembered: what `plan` found before.
    """

    providers: Mapping[str, ProviderConfig]
    ids: Mapping[str, tuple[str, ...]]
    upstream: Mapping[str, Mapping[str, str]]
    aliased: Mapping[str, Mapping[str, str]]
    listed: Mapping[str, tuple[str, ...]]
    excluded: Mapping[str, tuple[Pattern, ...]]
    aliases: Mapping[str, Alias]
    alias_patterns: tuple[Alias, ...]
    routes: tuple[Route, ...]
    exclusions: tuple[Pattern, ...]
    capabilities: CapabilityTable
    smaller: tuple[Alias, ...] = ()
    combos: Mapping[str, Combo] = {}
    remembered: dict[object, Any] = field(default_factory=dict)

    def resolve_provider(self, name: str) -> tuple[str, ...]:
        """The ids that a provider's name means: one, several for a group, none where it is unknown."""
        return self.ids.get(plain(name), ())

    def exact(self, name: str) -> bool:
        """Whether an alias, a combo or a provider's catalogue has exactly this name."""
        lower = name.lower()
        names = (self.aliases, self.combos, self.listed, *self.upstream.values(), *self.aliased.values())
        return any(lower in each for each in names)

    def alias(self, name: str) -> Alias | None:
        """The alias that `name` is, an exact one before a pattern."""
        exact = self.aliases.get(name.lower())
        return exact or next((alias for alias in self.alias_patterns if alias.pattern.matches(name)), None)

    def known_names(self) -> tuple[str, ...]:
        """Every name that can be suggested."""
        names = [alias.pattern.text for alias in self.aliases.values()]
        names += [combo.name for combo in self.combos.values()]
        for provider in self.providers.values():
            for upstream, shown in provider.models.items():
                names += [*shown, upstream]
            names += provider.listed
            names += self.aliased[provider.id].values()
        return tuple(dict.fromkeys(names))


def build(
    providers: Sequence[ProviderConfig],
    rules: Sequence[Rule] = (),
    aliases: Mapping[str, str | Sequence[str]] | None = None,
    exclusions: Sequence[str] = (),
    *,
    capabilities: CapabilityTable,
    smaller: Mapping[str, str] | None = None,
    combos: Sequence[Combo] = (),
) -> Table:
    """Check and index. exclusions: patterns of names that nobody may ask for. smaller: pattern of models -> the model
    that may answer for them. Raises `RoutingMistakes` with all."""
    mistakes: list[Mistake] = []
    ids = _provider_names(providers, mistakes)
    upstream = {provider.id: _upstream(provider, mistakes) for provider in providers}
    exact, patterns = _aliases(aliases or {}, mistakes)
    routes = [_route(index, rule, ids, mistakes) for index, rule in enumerate(rules)]
    order = sorted(range(len(rules)), key=lambda index: (rules[index].priority, index))
    excluded = {
        provider.id: _patterns(provider.excluded, f"providers.{provider.id}.excluded", mistakes)
        for provider in providers
    }
    excluded_everywhere = _patterns(exclusions, "exclusions", mistakes)
    smaller_models = [
        Alias(pattern, (model,))
        for text, model in (smaller or {}).items()
        for pattern in _patterns((text,), "routing.smaller_models", mistakes)
    ]
    for provider in providers:
        mistakes += [Mistake(*text.split(": ", 1)) for text in quirk_mistakes(provider)]
    if mistakes:
        raise RoutingMistakes(mistakes)
    return Table(
        providers={provider.id: provider for provider in providers},
        ids=ids,
        upstream=upstream,
        aliased={provider.id: _aliased(provider) for provider in providers},
        listed=_listed(providers),
        excluded=excluded,
        aliases=exact,
        alias_patterns=patterns,
        routes=tuple(route for index in order if (route := routes[index]) is not None),
        exclusions=excluded_everywhere,
        capabilities=capabilities,
        smaller=tuple(smaller_models),
        combos={combo.name.lower(): combo for combo in combos},
    )


def _provider_names(providers: Sequence[ProviderConfig], mistakes: list[Mistake]) -> dict[str, tuple[str, ...]]:
    ids: dict[str, tuple[str, ...]] = {}
    for provider in providers:
        if plain(provider.id) in ids:
            mistakes.append(Mistake(f"providers.{provider.id}", "two providers have this name"))
        ids[plain(provider.id)] = (provider.id,)
    for provider in providers:
        for name in provider.names:
            ids.setdefault(plain(name), (provider.id,))
    for name, members in GROUPS.items():
        present = tuple(member for member in members if member in ids)
        if present and (name not in ids or ids[name][0] in members):
            ids[name] = present
    return ids


def _aliased(provider: ProviderConfig) -> dict[str, str]:
    return {name.lower(): name for account in provider.accounts for name in account.aliases}


def _upstream(provider: ProviderConfig, mistakes: list[Mistake]) -> dict[str, str]:
    names = {model.lower(): model for model in provider.models}
    for model, shown in provider.models.items():
        for name in shown:
            other = names.setdefault(name.lower(), model)
            if other != model and name.lower() != other.lower():
                where = f"providers.{provider.id}.models"
                mistakes.append(Mistake(where, f"the alias {name!r} stands for both {other!r} and {model!r}"))
    return names


def _listed(providers: Sequence[ProviderConfig]) -> dict[str, tuple[str, ...]]:
    listed: dict[str, tuple[str, ...]] = {}
    for provider in sorted(providers, key=lambda each: each.priority):
        for name in provider.listed:
            listed[name.lower()] = (*listed.get(name.lower(), ()), provider.id)
    return listed


def _aliases(
    aliases: Mapping[str, str | Sequence[str]], mistakes: list[Mistake]
) -> tuple[dict[str, Alias], tuple[Alias, ...]]:
    exact: dict[str, Alias] = {}
    patterns: list[Alias] = []
    for name, target in aliases.items():
        where = f"aliases[{name!r}]"
        targets = (target,) if isinstance(target, str) else tuple(target)
        if not targets or not all(text.strip() for text in targets):
            mistakes.append(Mistake(where, "must name at least one model"))
        for pattern in _patterns((name,), where, mistakes):
            if pattern.exact is None:
                patterns.append(Alias(pattern, targets))
            elif pattern.exact in exact:
                mistakes.append(Mistake(where, "two aliases for one name: names are compared without case"))
            else:
                exact[pattern.exact] = Alias(pattern, targets)
    targets_of = {lower: alias.targets for lower, alias in exact.items()}
    for lower, alias in exact.items():
        loop = way_back(lower, targets_of)
        if loop:
            mistakes.append(Mistake(f"aliases[{alias.pattern.text!r}]", f"stands for itself: {' -> '.join(loop)}"))
    return exact, tuple(patterns)


def _route(index: int, rule: Rule, ids: Mapping[str, tuple[str, ...]], mistakes: list[Mistake]) -> Route | None:
    where = f"routing[{index}]"
    patterns = _patterns((rule.pattern,), f"{where}.pattern", mistakes, plain_is_regex=True)
    ranks: list[tuple[str, ...]] = []
    if not rule.providers:
        mistakes.append(Mistake(f"{where}.providers", "must name at least one provider"))
    for place, entry in enumerate(rule.providers):
        rank: list[str] = []
        for name in (entry,) if isinstance(entry, str) else entry:
            found = ids.get(plain(name), ())
            if not found:
                hint = did_you_mean(nearest(plain(name), ids))
                mistakes.append(Mistake(f"{where}.providers[{place}]", f"no provider is named {name!r}.{hint}"))
            rank += found
        ranks.append(tuple(rank))
    if not patterns:
        return None
    return Route(
        number=index + 1,
        pattern=patterns[0],
        ranks=tuple(ranks),
        grace=rule.grace,
        resume=rule.resume,
        limits=rule.limits,
    )


def _patterns(
    texts: Iterable[str], where: str, mistakes: list[Mistake], *, plain_is_regex: bool = False
) -> tuple[Pattern, ...]:
    patterns: list[Pattern] = []
    for text in texts:
        try:
            patterns.append(compile_pattern(text, plain_is_regex=plain_is_regex))
        except ValueError as error:
            mistakes.append(Mistake(where, str(error)))
    return tuple(patterns)
