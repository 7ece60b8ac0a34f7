"""``gemini-cli`` and ``antigravity``: Google's Code Assist, which is Gemini's dialect in an envelope.

``POST {base}/v1internal:generateContent`` with ``{"model", "project", "request": {…, "session_id"}}``; every event of
the answer is ``{"response": {…}, "traceId"}``. Errors have Google's usual envelope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from router.providers.config import ProviderConfig
from router.providers.protocol import Fit, Operation, Outgoing, ProtocolRules, Ruling, refused
from router.providers.subscriptions.bearer import bearer, fact
from router.wire import codec
from router.wire.conversation import JsonObject

_METHODS: Mapping[Operation, str] = MappingProxyType({"generate": "generateContent", "count_tokens": "countTokens"})


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    method = _METHODS[outgoing.operation]
    if outgoing.operation == "generate" and outgoing.stream:
        method = "streamGenerateContent?alt=sse"
    return f"{outgoing.base_url}/v1internal:{method}", bearer(outgoing)


def fit(body: Mapping[str, Any]) -> Fit:
    """See `ProtocolRules.fit`."""
    return Fit({"session_id": _session(body)})


def _session(body: Mapping[str, Any]) -> str:
    """The same for every turn of one conversation: it begins with the same instructions and the same first words."""
    contents = body.get("contents")
    first = contents[0] if isinstance(contents, list) and contents else contents
    system = body.get("systemInstruction", body.get("system_instruction"))
    return hashlib.sha256(codec.dumps([system, first])).hexdigest()[:32]


def wrap(outgoing: Outgoing) -> bytes:
    """See `ProtocolRules.wrap`. Raises `Fault` upstream_auth for an account without a project."""
    if outgoing.operation == "count_tokens":
        counted = {"model": f"models/{outgoing.model}", "contents": _counted(codec.loads(outgoing.body))}
        return codec.dumps({"request": counted})
    project = fact(outgoing, "project_id", "Google Cloud project")
    head = codec.dumps({"model": outgoing.model, "project": project})
    return head[:-1] + b',"request":' + outgoing.body + b"}"


def _counted(body: Any) -> list[Any]:
    """Everything that has to be counted as contents, which is all that this counter takes."""
    body = body if isinstance(body, dict) else {}
    asked = body.get("generateContentRequest", body.get("generate_content_request", body))
    asked = asked if isinstance(asked, dict) else {}
    contents = asked.get("contents")
    system = asked.get("systemInstruction", asked.get("system_instruction"))
    parts = system.get("parts") if isinstance(system, dict) else None
    parts = list(parts) if isinstance(parts, list) else []
    if asked.get("tools"):
        parts.append({"text": codec.dumps_text(asked["tools"])})
    listed = contents if isinstance(contents, list) else []
    return [{"role": "user", "parts": parts}, *listed] if parts else listed


def unwrap(payload: bytes) -> bytes:
    """See `ProtocolRules.unwrap`. What has no envelope (errors, token counts) stays as it is."""
    try:
        inner = codec.raw_members(payload).get("response")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _unwrapped_slowly(payload)
    return payload if inner is None else bytes(inner)


def _unwrapped_slowly(payload: bytes) -> bytes:
    """For what the fast decoder refuses, such as half a surrogate pair at the end of an event."""
    try:
        value: JsonObject | Any = codec.loads(payload)
    except codec.Malformed:
        return payload
    return codec.dumps(value["response"]) if isinstance(value, dict) and "response" in value else payload


RULES = ProtocolRules(
    fit=fit,
    wrap=wrap,
    unwrap=unwrap,
    rulings=(
        Ruling(kind="quota_spent", codes=frozenset({"QUOTA_EXHAUSTED"}), scope="model"),
        Ruling(kind="overloaded", codes=frozenset({"MODEL_CAPACITY_EXHAUSTED"})),
        Ruling(kind="refused", codes=frozenset({"TOS_VIOLATION"}), scope="account", for_good=True),
        refused("this service has been disabled in this account"),
        refused("(this account|your account|your current account) is not eligible for"),
    ),
)
