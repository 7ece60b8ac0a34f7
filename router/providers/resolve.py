"""From settings to `ProviderConfig` values: which accounts, addresses, models and names each provider has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from router.accounts.record import Account
from router.policies.shapes import rule_of
from router.providers.config import Custom, Kind, ProviderConfig
from router.providers.registry import KNOWN, catalogue, demo_models, vertex_address
from router.relay.accounts import Connected
from router.secret import Secret
from router.settings.checks import configured_names
from router.settings.custom_models import CustomModel
from router.settings.environment import PickedUp, pick_up
from router.settings.presets import Preset, shipped_presets
from router.settings.provider_blocks import (
    AIStudio,
    ApiKey,
    KeyedUpstream,
    NamedAnthropicCompatible,
    NamedOpenAICompatible,
    OpenAICompatible,
    Upstream,
    Vertex,
    WebAI,
)
from router.settings.provider_names import BUILT_IN, BY_KEY, SIGN_INS, plain, provider_names
from router.settings.schema import Settings
from router.settings.sign_in_blocks import block_of, sign_ins, turned_on
from router.settings.sign_ins import SignIn
from router.wire.conversation import Dialect

_KINDS: Mapping[str, Kind] = {kind: kind for kind in get_args(Kind)}


class SignedIn(Struct, frozen=True, kw_only=True):
    """What the account store holds, as far as routing is concerned. accounts: by provider id. accepted: providers
    whose caveat somebody accepted at a sign-in. connected: what services offer, by provider id. listed: models that a
    provider was found to have, in place of the shipped ones."""

    accounts: Mapping[str, tuple[Account, ...]] = {}
    accepted: frozenset[str] = frozenset()
    connected: Mapping[str, Connected] = {}
    listed: Mapping[str, tuple[str, ...]] = {}


NOBODY = SignedIn()


def resolve(
    settings: Settings,
    environ: Mapping[str, str],
    presets: Mapping[str, Preset] | None = None,
    signed_in: SignedIn = NOBODY,
) -> tuple[ProviderConfig, ...]:
    """Every provider that this version knows, the usable ones with accounts, the others with their `reason`.

    Pure. Keys of the environment count where a block gives none of its own. signed_in: accounts of the store. In the
    order of `priority`, then: what users named themselves, built-in ones, presets, sign-ins.
    """
    presets = shipped_presets() if presets is None else presets
    found, _ = pick_up(environ, presets, settings.server.port)
    blocks = settings.providers
    providers = [
        *(_compatible(entry, presets) for entry in blocks.openai_compatible),
        *(_anthropic_compatible(entry) for entry in blocks.anthropic_compatible),
        *(_built_in(name, getattr(blocks, name), found.get(name), signed_in.accounts.get(name, ())) for name in BY_KEY),
        _vertex(blocks.vertex),
        *(
            _preset(name, preset, blocks.presets.get(name), found.get(name), signed_in.accounts.get(name, ()))
            for name, preset in presets.items()
        ),
        _aistudio(blocks.aistudio or AIStudio(), signed_in.connected.get("aistudio", Connected())),
        _webai(blocks.webai or WebAI(), signed_in.connected.get("webai", Connected())),
        *(_subscription(name, facts, settings, signed_in) for name, facts in sign_ins(blocks).items()),
        _demo(blocks.demo.enabled),
    ]
    names = provider_names(presets, configured_names(settings))
    added: dict[str, list[CustomModel]] = {}
    for model in settings.models.custom:
        added.setdefault(names.single(model.provider) or "", []).append(model)
    providers = [_with_custom(provider, added.get(provider.id, ())) for provider in providers]
    return tuple(sorted(providers, key=lambda provider: provider.priority))


def _with_custom(provider: ProviderConfig, models: Sequence[CustomModel]) -> ProviderConfig:
    """With models that were added one by one: a provider that passes every name on goes on doing so."""
    if not models:
        return provider
    return replace(
        provider,
        models={**provider.models, **{model.name: model.aliases for model in models}},
        open=not provider.models,
        custom={model.name: Custom(model.display_name, model.facts) for model in models},
    )


def _built_in(name: str, block: KeyedUpstream, found: PickedUp | None, stored: tuple[Account, ...]) -> ProviderConfig:
    known = KNOWN[name]
    accounts = _with_stored(_accounts(name, block, found), stored)
    own = block.addresses or ((found.base_url,) if found and found.base_url and not block.api_keys else ())
    elsewhere = bool(own) and own != known.base_urls
    dialects: tuple[Dialect, ...] = (known.elsewhere or known.dialects) if elsewhere else known.dialects
    if isinstance(block, OpenAICompatible) and block.dialects:
        dialects = block.dialects
    return _config(
        name,
        block,
        kind=known.kind,
        names=BUILT_IN[name],
        dialects=dialects,
        base_urls=own or known.base_urls,
        accounts=accounts,
        listed=() if elsewhere else catalogue().get(name, ()),
        missing=f"no API key: set {known.keys}",
    )


def _preset(
    name: str,
    preset: Preset,
    block: OpenAICompatible | None,
    found: PickedUp | None,
    stored: tuple[Account, ...],
) -> ProviderConfig:
    present, block = block is not None, block or OpenAICompatible()
    accounts = _with_stored(_accounts(name, block, found, keyless=preset.keyless and present), stored)
    if preset.keyless:
        missing = f"not configured: write `providers: {{{name}: {{}}}}` to use the server at {preset.base_url}"
    else:
        missing = f"no API key: set providers.{name}.api_keys or {' or '.join(preset.env)}"
    return _config(
        name,
        block,
        kind="openai-compatible",
        names=preset.names,
        dialects=block.dialects or preset.dialects,
        base_urls=block.addresses or (preset.base_url,),
        accounts=accounts,
        quirks={**preset.quirks, **block.quirks},
        missing=missing,
    )


def _compatible(entry: NamedOpenAICompatible, presets: Mapping[str, Preset]) -> ProviderConfig:
    preset = presets.get(plain(entry.preset)) if entry.preset is not None else None
    return _config(
        plain(entry.name),
        entry,
        kind="openai-compatible",
        dialects=entry.dialects or (preset.dialects if preset else ("chat",)),
        base_urls=entry.addresses or ((preset.base_url,) if preset else ()),
        accounts=_accounts(plain(entry.name), entry, None, keyless=preset is None or preset.keyless),
        quirks={**(preset.quirks if preset else {}), **entry.quirks},
        missing=f"no API key: set api_keys of {entry.name} in providers.openai_compatible",
    )


def _anthropic_compatible(entry: NamedAnthropicCompatible) -> ProviderConfig:
    return _config(
        plain(entry.name),
        entry,
        kind="anthropic-compatible",
        dialects=("messages",),
        base_urls=entry.addresses,
        accounts=_accounts(plain(entry.name), entry, None, keyless=True),
    )


def _vertex(block: Vertex | None) -> ProviderConfig:
    known = KNOWN["vertex"]
    block = block or Vertex()
    accounts = tuple(_account("vertex", at, key) for at, key in enumerate(block.service_account_files, 1))
    project = block.project or next(filter(None, (_project(account.secret) for account in accounts)), None)
    missing = "no project: set providers.vertex.project" if accounts and not project else ""
    return _config(
        "vertex",
        block,
        kind=known.kind,
        names=BUILT_IN["vertex"],
        dialects=known.dialects,
        base_urls=block.addresses or (vertex_address(block.location),),
        accounts=accounts if project else (),
        listed=catalogue().get("vertex", ()),
        settings={"project": project or "", "location": block.location},
        missing=missing or f"no service account: set {known.keys}",
    )


def _project(secret: Secret) -> str | None:
    try:
        facts = json.loads(secret.reveal())
    except ValueError:
        return None
    project = facts.get("project_id") if isinstance(facts, dict) else None
    return project if isinstance(project, str) else None


def _demo(enabled: bool) -> ProviderConfig:
    known = KNOWN["demo"]
    account = Account(id="demo/1", provider="demo", label="1", secret=Secret(""))
    return ProviderConfig(
        id="demo",
        kind=known.kind,
        dialects=known.dialects,
        accounts=(account,) if enabled else (),
        prefix="demo",
        listed=demo_models(),
        priority=1_000_000,
        reason=None if enabled else "switched off: providers.demo.enabled is false",
    )


def _subscription(name: str, facts: SignIn, settings: Settings, signed_in: SignedIn) -> ProviderConfig:
    """Off until turned on; its accounts come from the store."""
    block = block_of(settings.providers, name)
    accounts = signed_in.accounts.get(name, ())
    made = _config(
        name,
        block if block.enabled else block.model_copy(update={"enabled": True}),
        kind=_KINDS[name],
        names=SIGN_INS[name].names,
        dialects=facts.upstream.dialects,
        base_urls=facts.upstream.base_urls,
        accounts=accounts,
        listed=signed_in.listed.get(name) or facts.upstream.models,
        settings=facts.upstream.extra,
        missing=f"no account: sign in with `switchyard login {SIGN_INS[name].login[0]}`",
    )
    if turned_on(block, name in signed_in.accepted):
        return made
    place = f"providers.{SIGN_INS[name].blocks[0]}"
    return replace(made, accounts=(), reason=f"off: turn it on with `switchyard login` or `{place}: {{enabled: true}}`")


def _aistudio(block: AIStudio, offered: Connected) -> ProviderConfig:
    """Its accounts are the services that are connected, and its models theirs."""
    known = KNOWN["aistudio"]
    names = tuple(f"{model}-aistudio" for model in offered.models) or catalogue().get("aistudio", ())
    made = _config(
        "aistudio",
        block,
        kind=known.kind,
        names=BUILT_IN["aistudio"],
        dialects=known.dialects,
        base_urls=block.addresses or known.base_urls,
        accounts=offered.accounts,
        listed=names,
        missing="no service is connected: start the AI Studio service, or connect a browser to /v1/ws",
    )
    return replace(made, comes=block.enabled)


def _webai(block: WebAI, offered: Connected) -> ProviderConfig:
    """Its accounts are the services that are known, and its models theirs."""
    known = KNOWN["webai"]
    made = _config(
        "webai",
        block,
        kind=known.kind,
        names=BUILT_IN["webai"],
        dialects=known.dialects,
        base_urls=known.base_urls,
        accounts=offered.accounts,
        listed=tuple(model if model.startswith("gpt4free:") else f"{model}-webai" for model in offered.models),
        missing="no service is known: start the WebAI service, or set providers.webai.endpoint",
    )
    return replace(made, comes=block.enabled)


def _accounts(name: str, block: KeyedUpstream, found: PickedUp | None, *, keyless: bool = False) -> tuple[Account, ...]:
    """The block's keys; else the one of the environment; else, where none is needed, one without a secret."""
    if block.api_keys:
        return tuple(_account(name, at, key) for at, key in enumerate(block.api_keys, 1))
    if found is not None:
        return (Account(id=f"{name}/env", provider=name, label="env", secret=found.key),)
    if keyless:
        return (Account(id=f"{name}/1", provider=name, label="1", secret=Secret("")),)
    return ()


def _with_stored(written: tuple[Account, ...], stored: tuple[Account, ...]) -> tuple[Account, ...]:
    """The keys of the settings, and those of the store; where two have one name the settings win."""
    taken = {account.id for account in written}
    return (*written, *(account for account in stored if account.id not in taken))


def _account(provider: str, number: int, key: ApiKey) -> Account:
    label = key.label or str(number)
    return Account(
        id=f"{provider}/{label}",
        provider=provider,
        label=label,
        secret=key.key or Secret(""),
        priority=key.priority,
        weight=key.weight,
        proxy=key.proxy,
        models=key.models,
        excluded=key.excluded,
        aliases=key.aliases,
        disabled=key.disabled,
        thinking=rule_of(key.thinking),
    )


def _config(
    name: str,
    block: Upstream,
    *,
    kind: Kind,
    dialects: Sequence[Dialect],
    base_urls: Iterable[str],
    accounts: tuple[Account, ...],
    names: tuple[str, ...] = (),
    listed: tuple[str, ...] = (),
    quirks: Mapping[str, object] | None = None,
    settings: Mapping[str, str] | None = None,
    missing: str = "no API key",
) -> ProviderConfig:
    """What all kinds share. A provider that is switched off keeps its names and loses its accounts."""
    reason = None if accounts else missing
    if accounts and all(account.disabled for account in accounts):
        reason = "every key of it is disabled in the settings"
    if not block.enabled:
        accounts, reason = (), f"switched off in the settings of {name}"
    return ProviderConfig(
        id=name,
        kind=kind,
        names=(*names, block.prefix) if block.prefix else names,
        dialects=tuple(dialects),
        base_urls=tuple(base_urls),
        prefix=block.prefix,
        models={model.name: model.shown_as for model in block.models},
        excluded=block.excluded_models,
        listed=() if block.models else listed,
        accounts=accounts,
        headers=block.headers,
        proxy=block.proxy,
        quirks=block.quirks if quirks is None else quirks,
        settings=settings or {},
        priority=block.priority,
        max_concurrency=block.max_concurrency,
        max_queue=block.max_queue,
        reason=reason,
    )
