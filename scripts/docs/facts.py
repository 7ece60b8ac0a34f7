"""What a person must say about each kind of fault and each capability, because no code says it. A test finds gaps."""

from __future__ import annotations

CAUSES: dict[str, tuple[str, str]] = {
    "bad_request": (
        "The request cannot work: malformed, or something that the target cannot be told.",
        "Change what the message names; it has the JSON path.",
    ),
    "too_long": (
        "The prompt exceeds the window of every candidate.",
        "Shorten it, or route to a model with a larger window.",
    ),
    "unauthenticated": (
        "No key, or none of this gateway.",
        "Send a client key; `switchyard keys list` shows which there are.",
    ),
    "forbidden": ("The key may not do this.", "Use a key with the scope that the message names."),
    "refused": (
        "The provider does not let this account do this (region, plan, permission).",
        "Use another account, or ask the provider.",
    ),
    "not_found": (
        "No such model, provider or path, here or at every provider of the plan.",
        "Take one of the nearest names in the message; `switchyard explain MODEL`.",
    ),
    "too_large": ("The body is larger than allowed.", "Send less, or raise `server.limits.body_bytes`."),
    "conflict": (
        "The provider reports a conflict with another request, or a call with the same `idempotency-key` still runs.",
        "Try again.",
    ),
    "unsupported_upgrade": ("A WebSocket was asked for.", "Use HTTP with `stream: true`."),
    "rate_limited": (
        "A limit of the provider, of every account that could serve, or the client key's own `concurrency`.",
        "Wait for `retry-after`, or add an account or a second provider to the route.",
    ),
    "quota_spent": (
        "Credit or quota of the account is used up.",
        "Top up, wait for the next period, or add another account.",
    ),
    "overloaded": (
        "The provider (or its `max_concurrency`), or this gateway (`server.limits.streams`), has no capacity now.",
        "Try again after `retry-after`; add another provider to the route.",
    ),
    "unavailable": (
        "Nothing can serve this now: no account, every account resting, or the gateway is stopping.",
        "The message names each provider and why. `switchyard doctor`.",
    ),
    "timeout": (
        "The provider was silent, or the call took longer than allowed.",
        "Try again; for slow models raise `server.timeouts.first_token`.",
    ),
    "upstream_auth": (
        "The provider rejected the gateway's own credential. Never shown as a 401, which would blame your key.",
        "Renew the provider's key in the settings.",
    ),
    "upstream_broken": (
        "The provider failed, answered nonsense, could not be reached, or cut its stream.",
        "Try again; if it stays, check the provider's `base_url` and its status page.",
    ),
    "cancelled": ("The client went away.", "Nothing; it is in the log only."),
    "internal": ("A mistake of this gateway.", "Report it with the request id; the log has the trace."),
}
"""Kind of fault -> cause, fix."""

MEANINGS: dict[str, str] = {
    "context_window": "tokens of prompt and answer together",
    "max_output": "most tokens of an answer",
    "temperature_max": "the highest temperature; a higher one is clamped",
    "temperature_with_top_p": "temperature and top_p may be given together",
    "penalties": "accepts presence and frequency penalties",
    "stop": "accepts stop sequences; otherwise the answer is cut here",
    "max_stops": "how many stop sequences; the rest is cut here",
    "seed": "accepts a seed",
    "thinking_by_default": "thinks unless told not to",
    "min_budget": "fewest thinking tokens",
    "max_budget": "most thinking tokens",
    "tools": "calls tools",
    "forced_tool": "can be made to call a tool",
    "forced_tool_with_thinking": "can be made to call a tool while it thinks",
    "server_tools_with_functions": "such tools may stand beside functions",
    "tool_name_max": "longest tool name; longer ones are renamed and renamed back",
    "images": "takes images",
    "image_urls": "takes images by URL",
    "image_types": "media types of images",
    "documents": "takes documents",
    "document_urls": "takes documents by URL",
    "audio": "takes audio",
    "video": "takes video",
    "images_in_results": "takes images inside tool results",
    "system_in_middle": "takes system messages in the middle of a conversation",
    "developer_role": "Chat: knows the role `developer`",
    "json_object": "has a JSON mode",
    "json_schema": "follows a JSON schema",
    "strict_tools": "knows `strict` of tools",
    "max_tokens_key": "Chat: name of the output limit",
    "n": "gives several answers at once",
    "logprobs": "reports log probabilities",
    "embeddings": "makes embeddings",
    "image_output": "makes images",
}
"""Capability -> meaning, where its declaration has no comment."""
