"""Mistakes that no single field shows: names given twice, unknown providers in routes, an open door without a key."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from router.settings.document import Document
from router.settings.mistakes import Mistake, Path, dotted, nearest
from router.settings.presets import Preset
from router.settings.provider_blocks import Upstream
from router.settings.provider_names import GROUPS, RESERVED, ProviderNames, plain, provider_names
from router.settings.schema import Settings
from router.wire.capabilities import Capabilities


def is_loopback(host: str) -> bool:
    """Whether listening on `host` reaches this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def upstreams(settings: Settings) -> Iterator[tuple[str, Path, Upstream]]:
    """Id, place and block of every configured provider that is called over HTTP."""
    providers = settings.providers
    for name in ("openai", "anthropic", "gemini"):
        yield name, ("providers", name), getattr(providers, name)
    if providers.vertex is not None:
        yield "vertex", ("providers", "vertex"), providers.vertex
    for name, block in providers.presets.items():
        yield name, ("providers", name), block
    for at, entry in enumerate(providers.openai_compatible):
        yield plain(entry.name), ("providers", "openai_compatible", at), entry
    for at, other in enumerate(providers.anthropic_compatible):
        yield plain(other.name), ("providers", "anthropic_compatible", at), other


def configured_names(settings: Settings) -> tuple[str, ...]:
    """Names of the compatible servers, which users invent."""
    providers = settings.providers
    names = [entry.name for entry in providers.openai_compatible]
    return tuple(plain(name) for name in (*names, *(entry.name for entry in providers.anthropic_compatible)))


def check(
    settings: Settings,
    document: Document,
    presets: Mapping[str, Preset],
    client_keys_exist: bool,
    original: Callable[[Path], Path] = lambda path: path,
) -> Iterator[Mistake]:
    """Every mistake between fields. original: from a place in `settings` to the place in the file."""
    checker = _Checker(settings, document, presets, original)
    yield from checker.door(client_keys_exist)
    yield from checker.names()
    yield from checker.prefixes()
    yield from checker.routes()
    yield from checker.aliases()
    yield from checker.facts()


class _Checker:
    def __init__(
        self,
        settings: Settings,
        document: Document,
        presets: Mapping[str, Preset],
        original: Callable[[Path], Path],
    ) -> None:
        self._original = original
        self._settings = settings
        self._document = document
        self._presets = presets
        self._table: ProviderNames = provider_names(presets, configured_names(settings))

    def _mistake(self, path: Path, problem: str, remedy: str | None = None, near: str | None = None) -> Mistake:
        path = self._original(path)
        line = self._document.line(path)
        return Mistake(path=dotted(path), problem=problem, line=line, nearest=near, remedy=remedy)

    def door(self, client_keys_exist: bool) -> Iterator[Mistake]:
        host = self._settings.server.host
        if not is_loopback(host) and not self._settings.auth.keys and not client_keys_exist:
            yield self._mistake(
                ("server", "host"),
                f"opens the router on {host} while there is no client key",
                "Make one with `switchyard keys create NAME`, or listen on 127.0.0.1.",
            )

    def names(self) -> Iterator[Mistake]:
        """Each compatible server has a name of its own, not one that stands for another provider."""
        taken = provider_names(self._presets)
        seen: set[str] = set()
        for name, path, _ in upstreams(self._settings):
            if not isinstance(path[-1], int):
                if name not in self._presets and name in self._settings.providers.presets:
                    near = nearest(name, (*type(self._settings.providers).model_fields, *self._presets))
                    remedy = "Other servers go under providers.openai_compatible, with a name and a base_url."
                    yield self._mistake(path, "is no provider", remedy, near)
                seen.add(name)
                continue
            if name in seen or taken.resolve(name) or name in GROUPS:
                yield self._mistake(
                    (*path, "name"), f"{name!r} is the name of another provider", "Choose another name."
                )
            seen.add(name)

    def prefixes(self) -> Iterator[Mistake]:
        owner: dict[str, str] = {}
        for name, path, block in upstreams(self._settings):
            if block.prefix is None:
                continue
            prefix = plain(block.prefix)
            means = self._table.resolve(prefix)
            if owner.get(prefix, name) != name or (means and means != (name,)):
                other = owner.get(prefix) or means[0]
                yield self._mistake(
                    (*path, "prefix"), f"{block.prefix!r} already stands for {other}", "Choose another."
                )
            owner.setdefault(prefix, name)

    def routes(self) -> Iterator[Mistake]:
        prefixes = {plain(block.prefix) for _, _, block in upstreams(self._settings) if block.prefix is not None}
        for at, route in enumerate(self._settings.models.routing):
            for rank, group in enumerate(route.providers):
                for name in group:
                    if self._table.resolve(name) or plain(name) in prefixes:
                        continue
                    near = nearest(name, self._table.known)
                    remedy = None if near else f"Known are {', '.join(sorted(set(self._table.ids.values())))}."
                    path = ("models", "routing", at, "providers", rank)
                    yield self._mistake(path, f"names the provider {name!r}, which is not known", remedy, near)

    def aliases(self) -> Iterator[Mistake]:
        """One name stands for one model: across `models.aliases` and the models of all providers."""
        meaning: dict[str, tuple[str, str]] = {
            alias: (model, f"models.aliases.{alias}") for alias, model in self._settings.models.aliases.items()
        }
        for name, path, block in upstreams(self._settings):
            for at, model in enumerate(block.models):
                place = (*path, "models", at)
                for alias in model.shown_as:
                    means = f"{name}/{model.name}"
                    before = meaning.setdefault(alias, (means, dotted(self._original(place))))
                    if before[0] not in (means, model.name):
                        yield self._mistake(
                            place,
                            f"gives the alias {alias!r} to {model.name!r}, but {before[1]} gives it to {before[0]!r}",
                            "Keep one. To let several providers serve one name, write a rule in models.routing.",
                        )

    def facts(self) -> Iterator[Mistake]:
        for _, path, block in upstreams(self._settings):
            yield from self._capabilities((*path, "quirks"), block.quirks)
        for pattern, facts in self._settings.models.capabilities.items():
            yield from self._capabilities(("models", "capabilities", pattern), facts)

    def _capabilities(self, path: Path, facts: Mapping[str, Any]) -> Iterator[Mistake]:
        known = Capabilities.__struct_fields__
        for name, value in facts.items():
            if name not in known:
                yield self._mistake((*path, name), "is no fact about a model", near=nearest(name, known))
                continue
            try:
                msgspec.convert({name: value}, Capabilities)
            except msgspec.ValidationError as error:
                yield self._mistake((*path, name), f"does not fit: {str(error).split(' - ')[0]}")


def reserved_blocks(settings: Settings) -> Mapping[str, bool]:
    """Reserved providers whose block is in the settings -> whether it is enabled."""
    found: dict[str, bool] = {}
    for name, entry in RESERVED.items():
        for place in entry.blocks:
            block: Any = settings.providers
            for step in place.split("."):
                block = getattr(block, step, None)
            if block is not None:
                found[name] = found.get(name, False) or block.enabled
    return found
