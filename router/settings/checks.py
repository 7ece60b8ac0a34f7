"""Mistakes that no single field shows: names given twice, unknown providers in routes, an open door without a key."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from router.models.patterns import compile_pattern
from router.settings.alias_checks import alias_mistakes
from router.settings.auth import Key
from router.settings.combo_checks import combo_mistakes
from router.settings.custom_models import PLACE, custom_mistakes
from router.settings.document import Document
from router.settings.key_rights import unknown_provider, wrong_rights
from router.settings.mistakes import Mistake, Path, dotted, nearest
from router.settings.presets import Preset, shipped_presets
from router.settings.provider_blocks import Upstream, Vertex
from router.settings.provider_names import GROUPS, SIGN_INS, ProviderNames, plain, provider_names
from router.settings.schema import Settings
from router.settings.sign_in_blocks import blocks_of
from router.settings.sign_in_blocks import mistakes as sign_in_mistakes
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
    if providers.aistudio is not None:
        yield "aistudio", ("providers", "aistudio"), providers.aistudio
    if providers.webai is not None:
        yield "webai", ("providers", "webai"), providers.webai
    for name, block in providers.presets.items():
        yield name, ("providers", name), block
    for name in SIGN_INS:
        for place, subscription in blocks_of(providers, name):
            yield name, place, subscription
    for at, entry in enumerate(providers.openai_compatible):
        yield plain(entry.name), ("providers", "openai_compatible", at), entry
    for at, other in enumerate(providers.anthropic_compatible):
        yield plain(other.name), ("providers", "anthropic_compatible", at), other


def configured_names(settings: Settings) -> tuple[str, ...]:
    """Names of the compatible servers, which users invent."""
    providers = settings.providers
    names = [entry.name for entry in providers.openai_compatible]
    return tuple(plain(name) for name in (*names, *(entry.name for entry in providers.anthropic_compatible)))


def names_in(settings: Settings) -> ProviderNames:
    """Every name of a provider that may be written beside these settings."""
    return provider_names(shipped_presets(), configured_names(settings))


def check(
    settings: Settings,
    document: Document,
    presets: Mapping[str, Preset],
    client_keys_exist: Callable[[Settings], bool],
    original: Callable[[Path], Path] = lambda path: path,
    missing: Callable[[str], str | None] = lambda path: None,
) -> Iterator[Mistake]:
    """Every mistake between fields. original: from a place in `settings` to the place in the file. missing: why a file
    that the settings name cannot be read."""
    names = provider_names(presets, (*configured_names(settings), *_written_names(document.values)))
    checker = _Checker(settings, document, names, presets, original)
    yield from checker.door(client_keys_exist)
    yield from checker.certificate(missing)
    yield from checker.prices(missing)
    yield from checker.names()
    yield from checker.prefixes()
    yield from checker.servers()
    yield from checker.routes()
    yield from checker.aliases()
    yield from checker.facts()
    yield from checker.policies()
    yield from checker.sign_ins()


def _written_names(values: Any) -> Iterator[str]:
    """Names of compatible servers as they stand in the file, also of those that have another mistake."""
    providers = values.get("providers")
    for kind in ("openai_compatible", "anthropic_compatible"):
        entries = providers.get(kind) if isinstance(providers, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield entry["name"]


class _Checker:
    def __init__(
        self,
        settings: Settings,
        document: Document,
        names: ProviderNames,
        presets: Mapping[str, Preset],
        original: Callable[[Path], Path],
    ) -> None:
        self._original = original
        self._settings = settings
        self._document = document
        self._presets = presets
        self._table = names

    def _mistake(self, path: Path, problem: str, remedy: str | None = None, near: str | None = None) -> Mistake:
        path = self._original(path)
        line = self._document.line(path)
        return Mistake(path=dotted(path), problem=problem, line=line, nearest=near, remedy=remedy)

    def door(self, client_keys_exist: Callable[[Settings], bool]) -> Iterator[Mistake]:
        host = self._settings.server.host
        written = any(key.scope == "client" for key in self._settings.auth.keys)
        if not is_loopback(host) and not written and not client_keys_exist(self._settings):
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
            single = self._table.single(prefix)
            means = self._table.resolve(prefix) if single is None else (single,)
            if owner.get(prefix, name) != name or (means and means != (name,)):
                other = owner.get(prefix) or means[0]
                yield self._mistake(
                    (*path, "prefix"), f"{block.prefix!r} already stands for {other}", "Choose another."
                )
            owner.setdefault(prefix, name)

    def servers(self) -> Iterator[Mistake]:
        """Compatible servers have an address, presets exist, and the accounts of one provider have different labels."""
        for _, path, block in upstreams(self._settings):
            preset = getattr(block, "preset", None)
            if preset is not None and plain(preset) not in self._presets:
                near = nearest(preset, self._presets)
                yield self._mistake((*path, "preset"), f"names the preset {preset!r}, which does not exist", near=near)
            elif isinstance(path[-1], int) and not block.addresses and preset is None:
                yield self._mistake(path, "has no base_url", "Give base_url, or a preset.")
            kind = "service_account_files" if isinstance(block, Vertex) else "api_keys"
            seen: set[str] = set()
            for at, key in enumerate(getattr(block, kind, ())):
                label = key.label or str(at + 1)
                if label in seen:
                    yield self._mistake((*path, kind, at), f"has the label {label!r} of another key", "Choose another.")
                seen.add(label)
                yield from self._patterns(key.excluded, (*path, kind, at, "excluded"))

    def routes(self) -> Iterator[Mistake]:
        prefixes = {plain(block.prefix) for _, _, block in upstreams(self._settings) if block.prefix is not None}
        for at, route in enumerate(self._settings.models.routing):
            yield from self._patterns((route.pattern,), ("models", "routing", at, "pattern"), plain_is_regex=True)
            for rank, group in enumerate(route.providers):
                if not group:
                    yield self._mistake(("models", "routing", at, "providers", rank), "is a group of no providers")
                for name in group:
                    if plain(name) not in prefixes:
                        yield from self._providers((name,), ("models", "routing", at, "providers", rank))
        yield from self._patterns(self._settings.models.exclusions, ("models", "exclusions"))
        for text, model in self._settings.routing.smaller_models.items():
            yield from self._patterns((text,), ("routing", "smaller_models", text))
            if not model.strip():
                yield self._mistake(("routing", "smaller_models", text), "names no model")
        for _, place, block in upstreams(self._settings):
            yield from self._patterns(block.excluded_models, (*place, "excluded_models"))

    def _patterns(self, patterns: Iterable[str], path: Path, *, plain_is_regex: bool = False) -> Iterator[Mistake]:
        for pattern in patterns:
            try:
                compile_pattern(pattern, plain_is_regex=plain_is_regex)
            except ValueError as error:
                yield self._mistake(path, f"has a wrong pattern: {error}")

    def aliases(self) -> Iterator[Mistake]:
        blocks, custom = tuple(upstreams(self._settings)), self._settings.models.custom
        added = [(self._table.single(model.provider) or model.provider, model) for model in custom]
        shown = self._settings.models.aliases
        for one in alias_mistakes(shown, blocks, added, lambda path: dotted(self._original(path))):
            yield self._mistake(one.path, one.problem, one.remedy)
        for path, problem, remedy, near in custom_mistakes(custom, blocks, self._table):
            yield self._mistake(path, problem, remedy, near)
        for two in combo_mistakes(self._settings.models.combos, self._settings.models.aliases):
            yield self._mistake(two.path, two.problem, two.remedy)

    def certificate(self, missing: Callable[[str], str | None]) -> Iterator[Mistake]:
        """The files of the listening port's certificate can be read. missing: why a path cannot."""
        for name, path in (("cert", self._settings.server.tls.cert), ("key", self._settings.server.tls.key)):
            why = missing(path) if path is not None else None
            if why is not None:
                problem = f"names the file {path!r}, which cannot be read: {why}"
                yield self._mistake(("server", "tls", name), problem, "Correct the path or its rights.")

    def prices(self, missing: Callable[[str], str | None]) -> Iterator[Mistake]:
        """The operator's own price table can be read."""
        path = self._settings.usage.prices
        why = missing(path) if path is not None else None
        if why is not None:
            problem = f"names the file {path!r}, which cannot be read: {why}"
            yield self._mistake(("usage", "prices"), problem, "Correct the path or its rights.")

    def sign_ins(self) -> Iterator[Mistake]:
        """What the blocks change of a sign-in fits it, and no sign-in has two blocks."""
        for path, problem, remedy in sign_in_mistakes(self._settings.providers):
            yield self._mistake(path, problem, remedy)

    def policies(self) -> Iterator[Mistake]:
        """What policies name is there."""
        for at, key in enumerate(self._settings.auth.keys):
            for found in wrong_rights(key, self._table):
                yield self._mistake(("auth", "keys", at, found.path), found.problem, found.remedy, found.nearest)
        yield from self._same_keys()
        for at, rule in enumerate(self._settings.policies.payload):
            path: Path = ("policies", "payload", at)
            yield from self._patterns(rule.models, (*path, "models"))
            yield from self._providers(rule.when.providers, (*path, "when", "providers"))

    def _same_keys(self) -> Iterator[Mistake]:
        """One key that stands there twice has no rights of which anybody could say what they are."""
        seen: dict[str, Key] = {}
        for at, key in enumerate(self._settings.auth.keys):
            before = seen.setdefault(key.fingerprint, key)
            if before is not key and (before.narrows or key.narrows):
                problem = f"is the key of {before.name!r} once more, and one of the two is narrowed or of another scope"
                yield self._mistake(("auth", "keys", at), problem, "Keep one of the two.")

    def _providers(self, names: Iterable[str], path: Path) -> Iterator[Mistake]:
        for name in names:
            found = unknown_provider(name, self._table, path)
            if found is not None:
                yield self._mistake(path, found.problem, found.remedy, found.nearest)

    def facts(self) -> Iterator[Mistake]:
        for _, path, block in upstreams(self._settings):
            yield from self._capabilities((*path, "quirks"), block.quirks)
        for pattern, facts in self._settings.models.capabilities.items():
            yield from self._patterns((pattern,), ("models", "capabilities", pattern))
            yield from self._capabilities(("models", "capabilities", pattern), facts)
        for at, model in enumerate(self._settings.models.custom):
            yield from self._capabilities((*PLACE, at, "capabilities"), model.capabilities)

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
