"""Whose a model's name is: how the names of each maker's models begin, and what marks a subscription. Data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from router.providers.config import ProviderConfig


def _begins(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OPENAI = _begins(r"(gpt-|chatgpt-|o\d|text-embedding-(?!00)|dall-e-|codex-)")
_CLAUDE = _begins("claude-")
_GEMINI = _begins("(gemini-|gemma-|imagen-|text-embedding-00)")
_GROK = _begins("grok-")
_QWEN = _begins(r"(qwen|qwq-)")
_KIMI = _begins("(kimi-|moonshot-)")

VENDORS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "openai": _OPENAI,
        "anthropic": _CLAUDE,
        "gemini": _GEMINI,
        "vertex": _begins("(gemini-|imagen-|text-embedding-00)"),
        "xai": _GROK,
        "qwen": _QWEN,
        "kimi": _KIMI,
    }
)
"""How the names of a vendor's own models begin, per kind of provider (or preset) that is the vendor's own API."""

SUBSCRIPTIONS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "claude-oauth": _CLAUDE,
        "chatgpt-oauth": _begins(r"(gpt-|codex-|o\d)"),
        "gemini-cli": _begins("gemini-"),
        "antigravity": _begins("gemini-"),
        "xai-oauth": _GROK,
        "qwen-oauth": _QWEN,
        "kimi-oauth": _KIMI,
    }
)
"""The same of the sign-ins of a maker's own plans, in order of preference."""

OAUTH = re.compile(r"\A(?P<rest>.+)-oauth\Z", re.IGNORECASE)
"""A name with this ending means the subscription of the model's maker."""

BRANDS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {"ctonew": _begins("ctonew-."), "webai": _begins("gpt4free:.")}
)
"""Names that mean one provider by how they begin, and that it knows with this beginning."""


NICKNAMES: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "aistudio": re.compile(r"\A(?:ai-studio-(?P<behind>.+)|(?P<before>.+)-aistudio)\Z", re.IGNORECASE),
        "webai": re.compile(r"\A(?:webai[-:](?P<behind>.+)|(?P<before>.+)-webai)\Z", re.IGNORECASE),
    }
)
"""Names that mean one provider by how they begin or end, and that it knows without that."""


def bare(provider_id: str, name: str) -> str:
    """The name without what only says which provider is meant."""
    pattern = NICKNAMES.get(provider_id)
    found = pattern.match(name) if pattern is not None else None
    return name if found is None else found["behind"] or found["before"]


def vendor(provider: ProviderConfig, name: str) -> bool:
    """Whether the name looks like a model of this provider's own API."""
    pattern = VENDORS.get(provider.id if provider.kind == "openai-compatible" else provider.kind)
    return pattern is not None and pattern.match(name) is not None


def subscription(provider: ProviderConfig, name: str) -> bool:
    """Whether the name looks like a model of the maker whose plan this sign-in is."""
    pattern = SUBSCRIPTIONS.get(provider.kind)
    return pattern is not None and pattern.match(name) is not None
