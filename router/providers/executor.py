"""Executors: how one kind of provider is asked. Pure: they build requests and know nothing of sending or retrying.

An executor is the URL, the credential header and the headers that the protocol requires, nothing else. The table
`EXECUTORS` has one for each kind; a new provider is a new function here or in a file of its own (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import Struct

from router.accounts.record import Account
from router.net.message import HttpRequest
from router.providers.config import Kind, ProviderConfig
from router.secret import Secret
from router.version import USER_AGENT
from router.wire.conversation import Dialect

Operation: TypeAlias = Literal["generate", "count_tokens", "embed", "batch_embed", "images", "predict"]

ANTHROPIC_VERSION = "2023-06-01"
"""Sent where the caller names none (https://docs.anthropic.com/en/api/versioning)."""

FORWARDED: Mapping[Dialect, tuple[str, ...]] = MappingProxyType(
    {
        "chat": ("openai-beta", "idempotency-key"),
        "responses": ("openai-beta", "idempotency-key"),
        "messages": ("anthropic-version", "anthropic-beta", "idempotency-key"),
        "gemini": (),
    }
)
"""The only headers of a caller that reach a provider of the same dialect, by lower-case name."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One upstream call. headers: the caller's, lower-case names, already cut to `FORWARDED`. base_url: one of the
    provider's. credential: resolved for this moment (a key, or a fresh token). facts: what else is known of the account
    (``account_id``, ``project_id``)."""

    operation: Operation
    dialect: Dialect
    model: str
    stream: bool
    body: bytes
    base_url: str
    credential: Secret
    headers: Mapping[str, str] = {}
    facts: Mapping[str, str] = {}


Executor: TypeAlias = Callable[[ProviderConfig, Outgoing], tuple[str, dict[str, str]]]
"""URL and headers for one call."""


def build(provider: ProviderConfig, account: Account, outgoing: Outgoing) -> HttpRequest:
    """The request to send. Headers of the settings win over ours, a caller's never do."""
    url, headers = EXECUTORS[provider.kind](provider, outgoing)
    headers["content-type"] = "application/json"
    headers["accept"] = "text/event-stream" if outgoing.stream else "application/json"
    headers["accept-encoding"] = "identity"
    headers["user-agent"] = USER_AGENT
    for name, value in provider.headers.items():
        headers[name.lower()] = value
    return HttpRequest("POST", url, headers, outgoing.body, account.proxy or provider.proxy)


_OPENAI_GENERATES: dict[Dialect, str] = {"chat": "/chat/completions", "responses": "/responses"}
_OPENAI_PATHS: dict[Operation, str] = {
    "count_tokens": "/responses/input_tokens",
    "embed": "/embeddings",
    "images": "/images/generations",
}


def _openai(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    headers = dict(outgoing.headers)
    if outgoing.credential:
        headers["authorization"] = f"Bearer {outgoing.credential.reveal()}"
    path = _OPENAI_PATHS.get(outgoing.operation) or _OPENAI_GENERATES[outgoing.dialect]
    return outgoing.base_url + path, headers


_ANTHROPIC_PATHS: dict[Operation, str] = {"generate": "/messages", "count_tokens": "/messages/count_tokens"}


def _anthropic(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    headers = dict(outgoing.headers)
    headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    if outgoing.credential:
        headers["x-api-key"] = outgoing.credential.reveal()
    base = outgoing.base_url if outgoing.base_url.endswith("/v1") else outgoing.base_url + "/v1"
    return base + _ANTHROPIC_PATHS[outgoing.operation], headers


_GEMINI_METHODS: dict[Operation, str] = {
    "count_tokens": "countTokens",
    "embed": "embedContent",
    "batch_embed": "batchEmbedContents",
    "images": "generateContent",
    "predict": "predict",
}


def _gemini_method(outgoing: Outgoing) -> str:
    if outgoing.operation == "generate":
        return "streamGenerateContent?alt=sse" if outgoing.stream else "generateContent"
    return _GEMINI_METHODS[outgoing.operation]


def _gemini(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    headers = dict(outgoing.headers)
    headers["x-goog-api-key"] = outgoing.credential.reveal()
    base = outgoing.base_url
    if not base.endswith(("/v1", "/v1beta", "/v1alpha")):
        base += "/v1beta"
    return f"{base}/models/{quote(outgoing.model, safe='')}:{_gemini_method(outgoing)}", headers


def _vertex(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    headers = dict(outgoing.headers)
    headers["authorization"] = f"Bearer {outgoing.credential.reveal()}"
    project = quote(provider.settings["project"], safe="")
    location = quote(provider.settings.get("location", "global"), safe="")
    model = quote(outgoing.model, safe="")
    path = f"/v1/projects/{project}/locations/{location}/publishers/google/models/{model}"
    return f"{outgoing.base_url}{path}:{_gemini_method(outgoing)}", headers


EXECUTORS: Mapping[Kind, Executor] = MappingProxyType(
    {
        "openai": _openai,
        "openai-compatible": _openai,
        "anthropic": _anthropic,
        "anthropic-compatible": _anthropic,
        "gemini": _gemini,
        "vertex": _vertex,
    }
)

OPERATIONS: Mapping[Kind, frozenset[Operation]] = MappingProxyType(
    {
        "openai": frozenset({"generate", "count_tokens", "embed", "images"}),
        "openai-compatible": frozenset({"generate", "embed", "images"}),
        "anthropic": frozenset({"generate", "count_tokens"}),
        "anthropic-compatible": frozenset({"generate", "count_tokens"}),
        "gemini": frozenset({"generate", "count_tokens", "embed", "batch_embed", "images", "predict"}),
        "vertex": frozenset({"generate", "count_tokens", "predict", "images"}),
        "demo": frozenset({"generate", "count_tokens", "embed", "images"}),
        "claude-oauth": frozenset({"generate", "count_tokens"}),
        "chatgpt-oauth": frozenset({"generate"}),
        "gemini-cli": frozenset({"generate", "count_tokens"}),
        "antigravity": frozenset({"generate", "count_tokens"}),
        "qwen-oauth": frozenset({"generate"}),
        "kimi-oauth": frozenset({"generate"}),
        "xai-oauth": frozenset({"generate"}),
        "iflow": frozenset({"generate"}),
        "copilot": frozenset({"generate", "embed"}),
        "ctonew": frozenset({"generate"}),
        "reserved": frozenset(),
    }
)
"""What each kind of provider can be asked at all."""
