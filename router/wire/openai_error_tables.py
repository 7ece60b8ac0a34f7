"""What OpenAI's error codes, types and statuses mean here, and how each kind of fault is called there.

Sources: developers.openai.com "Error codes"; ``codex-rs`` response error codes; compatible servers as observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.faults import Kind

BY_CODE: Mapping[str, Kind] = MappingProxyType(
    {
        "context_length_exceeded": "too_long",
        "exceed_context_size_error": "too_long",  # llama.cpp
        "insufficient_quota": "quota_spent",
        "credit_balance_exhausted": "quota_spent",
        "billing_hard_limit_reached": "quota_spent",
        "billing_not_active": "quota_spent",
        "billing_error": "quota_spent",
        "usage_limit_reached": "quota_spent",
        "usage_not_included": "quota_spent",
        "workspace_owner_credits_depleted": "quota_spent",
        "rate_limit_exceeded": "rate_limited",
        "rate_limit_error": "rate_limited",
        "slow_down": "rate_limited",
        "requests": "rate_limited",
        "tokens": "rate_limited",
        "server_is_overloaded": "overloaded",
        "service_unavailable_error": "overloaded",
        "overloaded_error": "overloaded",
        "engine_overloaded_error": "overloaded",
        "invalid_api_key": "upstream_auth",
        "authentication_error": "upstream_auth",
        "token_expired": "upstream_auth",
        "permission_error": "refused",
        "unsupported_country_region_territory": "refused",
        "model_not_found": "not_found",
        "not_found_error": "not_found",
        "request_too_large": "too_large",
        "timeout": "timeout",
        "invalid_prompt": "bad_request",
        "bio_policy": "bad_request",
        "cyber_policy": "bad_request",
    }
)

TOO_LONG_MESSAGES = (
    "maximum context length",
    "context window",
    "context length",
    "context size",
    "prompt is too long",
    "input is too long",
    "maximum number of tokens",
)

AUTH_MESSAGES = ("api key not valid", "invalid api key", "incorrect api key", "api key expired", "token has expired")

RENDERED: Mapping[Kind, tuple[str, str | None]] = MappingProxyType(
    {
        "bad_request": ("invalid_request_error", None),
        "too_long": ("invalid_request_error", "context_length_exceeded"),
        "unauthenticated": ("authentication_error", "invalid_api_key"),
        "forbidden": ("permission_error", None),
        "refused": ("permission_error", None),
        "not_found": ("invalid_request_error", "model_not_found"),
        "too_large": ("invalid_request_error", "request_too_large"),
        "conflict": ("invalid_request_error", "conflict"),
        "unsupported_upgrade": ("invalid_request_error", "unsupported_upgrade"),
        "rate_limited": ("rate_limit_error", "rate_limit_exceeded"),
        "quota_spent": ("insufficient_quota", "insufficient_quota"),
        "overloaded": ("service_unavailable_error", "server_is_overloaded"),
        "unavailable": ("service_unavailable_error", "service_unavailable"),
        "timeout": ("server_error", "timeout"),
        "upstream_auth": ("server_error", "upstream_error"),
        "upstream_broken": ("server_error", "upstream_error"),
        "cancelled": ("server_error", "cancelled"),
        "internal": ("server_error", "internal_error"),
    }
)
"""Kind -> (``type``, ``code``)."""
