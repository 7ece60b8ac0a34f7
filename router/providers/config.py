"""What the gateway knows of one configured provider: values that settings are resolved into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from router.accounts.record import Account
from router.wire.conversation import Dialect

Kind = Literal[
    "openai",
    "anthropic",
    "gemini",
    "vertex",
    "openai-compatible",
    "anthropic-compatible",
    "demo",
    "claude-oauth",  # from here on: a person signs in (`router.settings.sign_ins`)
    "chatgpt-oauth",
    "gemini-cli",
    "antigravity",
    "qwen-oauth",
    "kimi-oauth",
    "xai-oauth",
    "iflow",
    "copilot",
    "ctonew",
    "aistudio",  # reached through a service that has connected (`router.relay`)
    "webai",  # the same, over HTTP (`router.relay.announced`)
]


class Custom(Struct, frozen=True):
    """What the settings say of one model that was added by itself. title: for people. facts: as of `Capabilities`."""

    title: str | None = None
    facts: Mapping[str, object] = {}


class ProviderConfig(Struct, frozen=True, kw_only=True):
    """One provider as configured.

    id: the one name used in routes, prefixes, metrics. names: every other name that a user may write for it.
    dialects: upstream dialects it speaks, the preferred first. base_urls: tried in order, without a trailing slash;
    for Gemini without version (``…/v1beta`` is added by the executor where absent).
    prefix: written as ``prefix/model`` by users; the id always works too. models: upstream name -> names shown for it
    (aliases); empty: any name is passed on. open: the same where there are some. custom: upstream name -> what is said
    of it, for those of `models` that were added one by one. listed: models shown in model lists. accounts: may be empty
    (keyless local servers get one with an empty secret). headers: extra request headers. proxy: of all accounts.
    quirks: capability overrides for every model of this provider, as keys of `Capabilities`.
    max_concurrency: calls that it gets at once, None for any number. max_queue: calls that may wait for a place at it.
    reason: why it cannot serve at all (switched off, no account). comes: it is on, and its accounts are services that
    connect, so that it may have some in a moment.
    """

    id: str
    kind: Kind
    names: tuple[str, ...] = ()
    dialects: tuple[Dialect, ...] = ("chat",)
    base_urls: tuple[str, ...] = ()
    prefix: str | None = None
    models: Mapping[str, tuple[str, ...]] = {}
    open: bool = False
    custom: Mapping[str, Custom] = {}
    excluded: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    headers: Mapping[str, str] = {}
    proxy: str | None = None
    quirks: Mapping[str, object] = {}
    settings: Mapping[str, str] = {}  # kind-specific facts: Vertex project, location
    priority: int = 0
    max_concurrency: int | None = None
    max_queue: int = 100
    reason: str | None = None
    comes: bool = False

    def __repr__(self) -> str:
        return f"ProviderConfig({self.id}, {len(self.accounts)} accounts)"  # headers and proxy hold secrets
