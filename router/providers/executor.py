"""Executors: how one kind of provider is asked. Pure: they build requests and know nothing of sending or retrying.

An executor is the URL, the credential header and the headers that the protocol requires, nothing else. The table
`EXECUTORS` has one for each kind; a new provider is a new function here or in a file of its own (docs/extending.md).
`PROTOCOLS` beside it has what some protocols need besides (`router.providers.protocol`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from router.accounts.record import Account
from router.net.message import HttpRequest
from router.providers.config import Kind, ProviderConfig
from router.providers.protocol import PLAIN, WEBAI, Executor, Operation, Outgoing, ProtocolRules
from router.providers.subscriptions import chatgpt, claude, code_assist, copilot, iflow, kimi, qwen, xai
from router.providers.subscriptions.bearer import ANTHROPIC_PATHS, ANTHROPIC_VERSION, openai
from router.version import USER_AGENT
from router.wire.conversation import Dialect

__all__ = ["EXECUTORS", "FORWARDED", "OPERATIONS", "PROTOCOLS", "Operation", "Outgoing", "build", "rules_of"]

FORWARDED: Mapping[Dialect, tuple[str, ...]] = MappingProxyType(
    {
        "chat": ("openai-beta", "idempotency-key"),
        "responses": ("openai-beta", "idempotency-key"),
        "messages": ("anthropic-version", "anthropic-beta", "idempotency-key"),
        "gemini": (),
    }
)
"""The only headers of a caller that reach a provider of the same dialect, by lower-case name."""


def build(provider: ProviderConfig, account: Account, outgoing: Outgoing) -> HttpRequest:
    """The request to send. Headers of the settings win over ours, a caller's never do."""
    url, headers = EXECUTORS[provider.kind](provider, outgoing)
    headers["content-type"] = "application/json"
    headers["accept"] = "text/event-stream" if outgoing.stream else "application/json"
    headers["accept-encoding"] = "identity"
    headers["user-agent"] = USER_AGENT
    for name, value in provider.headers.items():
        headers[name.lower()] = value
    wrap = rules_of(provider.kind).wrap
    body = outgoing.body if wrap is None else wrap(outgoing)
    return HttpRequest("POST", url, headers, body, account.proxy or provider.proxy)


def rules_of(kind: Kind) -> ProtocolRules:
    """What a kind's protocol needs beside URL and headers."""
    return PROTOCOLS.get(kind, PLAIN)


def _anthropic(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    headers = dict(outgoing.headers)
    headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    if outgoing.credential:
        headers["x-api-key"] = outgoing.credential.reveal()
    base = outgoing.base_url if outgoing.base_url.endswith("/v1") else outgoing.base_url + "/v1"
    return base + ANTHROPIC_PATHS[outgoing.operation], headers


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


def _aistudio(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """As Google's own API, but without a key: whoever answers has a session."""
    url = f"{outgoing.base_url}/v1beta/models/{quote(outgoing.model, safe='')}:{_gemini_method(outgoing)}"
    return url, dict(outgoing.headers)


def _webai(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """The service that the account is, under the address that it told."""
    headers = {**outgoing.headers, "authorization": f"Bearer {outgoing.credential.reveal()}"}
    return f"{outgoing.facts.get('endpoint') or outgoing.base_url}/v1/chat/completions", headers


EXECUTORS: Mapping[Kind, Executor] = MappingProxyType(
    {
        "openai": openai,
        "openai-compatible": openai,
        "anthropic": _anthropic,
        "anthropic-compatible": _anthropic,
        "gemini": _gemini,
        "vertex": _vertex,
        "aistudio": _aistudio,
        "webai": _webai,
        "claude-oauth": claude.execute,
        "chatgpt-oauth": chatgpt.execute,
        "gemini-cli": code_assist.execute,
        "antigravity": code_assist.execute,
        "qwen-oauth": qwen.execute,
        "kimi-oauth": kimi.execute,
        "xai-oauth": xai.execute,
        "iflow": iflow.execute,
        "copilot": copilot.execute,
    }
)

PROTOCOLS: Mapping[Kind, ProtocolRules] = MappingProxyType(
    {
        "claude-oauth": claude.RULES,
        "chatgpt-oauth": chatgpt.RULES,
        "gemini-cli": code_assist.RULES,
        "antigravity": code_assist.RULES,
        "qwen-oauth": qwen.RULES,
        "kimi-oauth": kimi.RULES,
        "xai-oauth": xai.RULES,
        "iflow": iflow.RULES,
        "copilot": copilot.RULES,
        "webai": WEBAI,
    }
)
"""What their protocols need besides; kinds that are not here need nothing."""

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
        "aistudio": frozenset({"generate", "count_tokens"}),
        "webai": frozenset({"generate"}),
    }
)
"""What each kind of provider can be asked at all."""
