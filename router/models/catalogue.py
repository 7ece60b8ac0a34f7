"""The models to show, from what the providers offer. Neutral: each list shape is written by the edge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from router.models.capabilities import CapabilityTable
from router.models.patterns import Pattern, compile_pattern
from router.providers.config import ProviderConfig
from router.wire.capabilities import Capabilities

DEMO_LABEL = "demo"
Origin: TypeAlias = Literal["custom", "settings", "listed", "alias"]
"""Where a model comes from: `models.custom`, the provider's `models`, what is known of the provider, or a name that
stands for another one."""


class Model(Struct, frozen=True, kw_only=True):
    """One entry. id: the name to ask for. provider: its id, "" for an alias of the settings. model: the upstream's
    name, or what the alias stands for. created: Unix seconds, 0 where nobody says. label: "demo" for made-up answers.
    """

    id: str
    provider: str
    model: str
    display_name: str
    context_window: int | None = None
    max_output: int | None = None
    created: int = 0
    label: str | None = None
    capabilities: Capabilities | None = None
    origin: Origin = "alias"


class Catalogue(Struct, frozen=True):
    """Models by the name to ask for, in the order of the settings; names are compared without case."""

    models: tuple[Model, ...]
    by_id: Mapping[str, Model]

    def find(self, name: str) -> Model | None:
        """The entry of exactly this name; ``models/`` in front, as Gemini clients write, is taken off."""
        plain = name.removeprefix("models/").lower()
        return self.by_id.get(plain)


def build(
    providers: Sequence[ProviderConfig],
    capabilities: CapabilityTable,
    *,
    aliases: Mapping[str, str | Sequence[str]] | None = None,
    exclusions: Sequence[str] = (),
) -> Catalogue:
    """Everything that can be asked for by a name of its own. Providers that cannot serve, patterns, and excluded names
    are left out; of two entries of one name the first stays. `exclusions` must be valid patterns."""
    excluded = [compile_pattern(text) for text in exclusions]
    found: dict[str, Model] = {}
    for provider in sorted(providers, key=lambda each: each.priority):
        if provider.reason is None and provider.accounts:
            for model in _of(provider, capabilities):
                if not _any(excluded, model.id) and not _any(excluded, model.model):
                    found.setdefault(model.id.lower(), model)
    for model in _aliases(aliases or {}, found):
        if not _any(excluded, model.id):
            found.setdefault(model.id.lower(), model)
    return Catalogue(tuple(found.values()), found)


def _of(provider: ProviderConfig, table: CapabilityTable) -> Iterator[Model]:
    excluded = [compile_pattern(text) for text in provider.excluded]
    for upstream, shown in _offered(provider):
        if _any(excluded, upstream):
            continue
        known = table.capabilities(provider, upstream, provider.dialects[0])
        custom = provider.custom.get(upstream)
        for name in shown:
            yield Model(
                id=name,
                provider=provider.id,
                model=upstream,
                display_name=(custom.title if custom is not None else None) or name,
                context_window=known.context_window,
                max_output=known.max_output,
                label=DEMO_LABEL if provider.kind == "demo" else None,
                capabilities=known,
                origin="custom" if custom is not None else "settings" if upstream in provider.models else "listed",
            )


def _offered(provider: ProviderConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Upstream names with the names shown for them: aliases where there are some, behind the prefix if any."""
    aliased = {name.lower() for shown in provider.models.values() for name in shown}
    for upstream, shown in provider.models.items():
        yield upstream, tuple(_prefixed(provider, name) for name in shown or (upstream,))
    for name in provider.listed:
        if name not in provider.models and name.lower() not in aliased:
            yield name, (_prefixed(provider, name),)
    own = {name: upstream for account in provider.accounts for name, upstream in account.aliases.items()}
    for name, upstream in own.items():  # which only some accounts have
        if name not in provider.models and name not in provider.listed:
            yield upstream, (_prefixed(provider, name),)


def _prefixed(provider: ProviderConfig, name: str) -> str:
    if provider.prefix is None or name.lower().startswith(f"{provider.prefix.lower()}/"):
        return name
    return f"{provider.prefix}/{name}"


def _aliases(aliases: Mapping[str, str | Sequence[str]], known: Mapping[str, Model]) -> Iterator[Model]:
    for name, target in aliases.items():
        if compile_pattern(name).exact is None:
            continue
        first = target if isinstance(target, str) else next(iter(target), "")
        base = known.get(first.lower()) or known.get(first.lower().rpartition("/")[2])
        yield Model(
            id=name,
            provider="",
            model=first,
            display_name=f"{name} ({first})",
            context_window=base.context_window if base is not None else None,
            max_output=base.max_output if base is not None else None,
            label=base.label if base is not None else None,
            capabilities=base.capabilities if base is not None else None,
        )


def _any(patterns: Iterable[Pattern], name: str) -> bool:
    return any(pattern.matches(name) for pattern in patterns)
