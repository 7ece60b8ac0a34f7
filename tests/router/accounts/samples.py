"""Account files as the programs write them, with tokens of ours. Each token holds ``canary``, so leaks are seen."""

from __future__ import annotations

import base64
import json
from typing import Any


def jwt(claims: dict[str, Any]) -> str:
    """A token whose claims can be read and whose signature means nothing."""
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "canary"])


ID_TOKEN = jwt(
    {
        "email": "ann@example.com",
        "exp": 1_800_003_600,
        "https://api.openai.com/auth": {
            "chatgpt_account_id": "acc-0001",
            "chatgpt_plan_type": "plus",
            "chatgpt_user_id": "user-0001",
        },
    }
)

SAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "claude": (
        "claude-ann@example.com.json",
        {
            "id_token": "",
            "access_token": "sk-ant-oat01-canary-access",
            "refresh_token": "sk-ant-ort01-canary-refresh",
            "last_refresh": "2026-09-01T10:00:00.123456789+08:00",
            "email": "ann@example.com",
            "account_uuid": "0b5ae4de-0001",
            "organization_uuid": "77aa21c0-0001",
            "organization_name": "Ann's organization",
            "claude_device_ids": ["canary-device"],
            "type": "claude",
            "expired": "2026-09-01T18:00:00+08:00",
            "disabled": False,
        },
    ),
    "codex": (
        "codex-1f2e3d4c-ann@example.com-plus.json",
        {
            "id_token": ID_TOKEN,
            "access_token": "canary-codex-access",
            "refresh_token": "rt_canary-codex-refresh",
            "account_id": "acc-0001",
            "last_refresh": "2026-09-01T02:00:00Z",
            "email": "ann@example.com",
            "type": "codex",
            "expired": "2026-09-11T02:00:00Z",
        },
    ),
    "antigravity": (
        "antigravity-ann@example.com.json",
        {
            "type": "antigravity",
            "access_token": "ya29.canary-antigravity-access",
            "refresh_token": "1//canary-antigravity-refresh",
            "expires_in": 3599,
            "timestamp": 1_800_000_000_000,
            "expired": "2027-01-15T08:59:59Z",
            "email": "ann@example.com",
            "project_id": "useful-fold-1",
        },
    ),
    "kimi": (
        "kimi-1730000000000.json",
        {
            "access_token": "canary-kimi-access",
            "refresh_token": "canary-kimi-refresh",
            "token_type": "Bearer",
            "scope": "kimi-code",
            "device_id": "7a1d-device",
            "expired": "2026-09-01T02:15:00Z",
            "type": "kimi",
            "timestamp": 1_730_000_000_000,
        },
    ),
    "xai": (
        "xai-ann@example.com.json",
        {
            "type": "xai",
            "access_token": "canary-xai-access",
            "refresh_token": "canary-xai-refresh",
            "id_token": jwt({"email": "ann@example.com"}),
            "token_type": "Bearer",
            "expires_in": 21600,
            "expired": "2026-09-01T08:00:00Z",
            "last_refresh": "2026-09-01T02:00:00Z",
            "email": "ann@example.com",
            "sub": "u-0001",
            "base_url": "https://api.x.ai/v1",
            "redirect_uri": "",
            "token_endpoint": "https://auth.x.ai/oauth2/token",
            "auth_kind": "oauth",
        },
    ),
    "gemini": (
        "gemini-ann@example.com-useful-fold-1.json",
        {
            "token": {
                "access_token": "ya29.canary-gemini-access",
                "refresh_token": "1//canary-gemini-refresh",
                "token_uri": "https://oauth2.googleapis.com/token",
                "client_id": "681255809395.apps.googleusercontent.com",
                "client_secret": "canary-client-secret",
                "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
                "universe_domain": "googleapis.com",
                "expiry": "2026-09-01T03:00:00.5Z",
            },
            "project_id": "useful-fold-1",
            "email": "ann@example.com",
            "auto": True,
            "checked": True,
            "type": "gemini",
        },
    ),
    "qwen": (
        "qwen-ann.json",
        {
            "access_token": "canary-qwen-access",
            "refresh_token": "canary-qwen-refresh",
            "last_refresh": "2026-09-01T02:00:00Z",
            "resource_url": "portal.qwen.ai",
            "email": "ann",
            "type": "qwen",
            "expired": "2026-09-01T08:00:00Z",
        },
    ),
    "iflow": (
        "iflow-ann@example.com-1730000000.json",
        {
            "access_token": "canary-iflow-access",
            "refresh_token": "canary-iflow-refresh",
            "last_refresh": "2026-09-01T02:00:00Z",
            "expired": "2026-09-03T02:00:00Z",
            "api_key": "sk-canary-iflow-key",
            "email": "ann@example.com",
            "token_type": "bearer",
            "scope": "read",
            "cookie": "",
            "type": "iflow",
        },
    ),
    "llmux-claude": (
        "tokens.json",
        {
            "token_type": "oauth_flow",
            "access_token": "sk-ant-oat01-canary-llmux",
            "refresh_token": "sk-ant-ort01-canary-llmux",
            "expires_at": 1_800_000_000,
        },
    ),
    "llmux-claude-long": (
        "tokens.json",
        {
            "token_type": "long_term",
            "access_token": "sk-ant-oat01-canary-year",
            "refresh_token": None,
            "expires_at": 1_830_000_000,
        },
    ),
    "llmux-chatgpt": (
        "tokens.json",
        {
            "OPENAI_API_KEY": None,
            "tokens": {
                "id_token": ID_TOKEN,
                "access_token": jwt({"exp": 1_800_003_600}),
                "refresh_token": "rt_canary-llmux-refresh",
                "account_id": "acc-0001",
            },
            "last_refresh": "2026-09-01T02:00:00.000000Z",
        },
    ),
    "claude-code": (
        ".credentials.json",
        {
            "claudeAiOauth": {
                "accessToken": "sk-ant-oat01-canary-code",
                "refreshToken": "sk-ant-ort01-canary-code",
                "expiresAt": 1_800_000_000_000,
                "scopes": ["user:inference"],
                "subscriptionType": "max",
            },
            "mcpOAuth": {"other": {"accessToken": "canary-of-another-service"}},
        },
    ),
    "sketch-claude": (
        "llmux-claude-ann@example.com.json",
        {
            "access_token": "canary-sketch-access",
            "refresh_token": "canary-sketch-refresh",
            "expires_at": "2026-11-23T10:30:00Z",
            "provider": "llmux-claude",
        },
    ),
    "sketch-ctonew": (
        "ctonew-default.json",
        {
            "clerk_jwt_cookie": jwt({"rotating_token": "canary"}),
            "saved_at": "2026-11-22T09:00:00Z",
            "provider": "ctonew",
        },
    ),
    "sketch-metadata": (
        "auth-claude-oauth-ann@example.com.json",
        {
            "id": "auth-claude-oauth-ann@example.com",
            "provider": "claude-oauth",
            "access_token": "sk-ant-canary-metadata",
            "refresh_token": "sk-ant-canary-metadata-refresh",
            "expires_at": "2026-11-22T10:00:00Z",
            "metadata": {"email": "ann@example.com", "name": "Ann", "organization": "org-123"},
            "attributes": {"thinking_budget_default": "8000"},
        },
    ),
}

VERTEX = {
    "type": "vertex",
    "project_id": "proj-1",
    "email": "svc@proj-1.iam.gserviceaccount.com",
    "location": "us-central1",
    "service_account": {
        "type": "service_account",
        "project_id": "proj-1",
        "private_key_id": "abc",
        "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
        "client_email": "svc@proj-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    },
}
STORAGE_STATE = {"cookies": [{"name": "SID", "value": "canary", "domain": ".google.com"}], "origins": []}


def text(which: str) -> bytes:
    """A sample as its program writes it."""
    return json.dumps(SAMPLES[which][1], indent=2).encode()
