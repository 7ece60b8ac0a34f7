"""What several executors share: the bearer header, and the paths of two dialects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import Fault
from router.providers.config import ProviderConfig
from router.providers.protocol import Operation, Outgoing
from router.wire.conversation import Dialect

ANTHROPIC_VERSION = "2023-06-01"
"""Sent where the caller names none (https://docs.anthropic.com/en/api/versioning)."""
ANTHROPIC_PATHS: Mapping[Operation, str] = MappingProxyType(
    {"generate": "/messages", "count_tokens": "/messages/count_tokens"}
)
OPENAI_GENERATES: Mapping[Dialect, str] = MappingProxyType({"chat": "/chat/completions", "responses": "/responses"})
OPENAI_PATHS: Mapping[Operation, str] = MappingProxyType(
    {"count_tokens": "/responses/input_tokens", "embed": "/embeddings", "images": "/images/generations"}
)


def bearer(outgoing: Outgoing) -> dict[str, str]:
    """The caller's headers that may go on, and the token (RFC 6750, section 2.1)."""
    headers = dict(outgoing.headers)
    if outgoing.credential:
        headers["authorization"] = f"Bearer {outgoing.credential.reveal()}"
    return headers


def openai(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """Chat, Responses and their neighbours below the base URL."""
    path = OPENAI_PATHS.get(outgoing.operation) or OPENAI_GENERATES[outgoing.dialect]
    return outgoing.base_url + path, bearer(outgoing)


def fact(outgoing: Outgoing, name: str, what: str) -> str:
    """A fact of the account that the protocol asks for. Raises `Fault` upstream_auth where it was never learnt."""
    value = outgoing.facts.get(name, "")
    if not value or not value.isascii() or not value.isprintable():
        raise Fault("upstream_auth", f"The account has no {what}: sign in once more.")
    return value


def domains(provider: ProviderConfig) -> tuple[str, ...]:
    """Hosts at which an account's own base URL may lie (``upstream.extra.domains`` of the sign-in)."""
    return tuple(provider.settings.get("domains", "").split())
