"""A router whose accounts are subscriptions, before the simulated back ends that these are for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from router.accounts.credential import Credential
from router.accounts.stores.files import FileStore
from router.clock import SystemClock
from router.secret import Secret
from router.settings.sign_ins import shipped_sign_ins
from tests.router.api.harness import Running, merged, running
from tests.simulators import Upstream

HOSTS = {
    "claude-oauth": "claude",
    "chatgpt-oauth": "chatgpt",
    "gemini-cli": "code-assist",
    "antigravity": "antigravity",
    "qwen-oauth": "qwen",
    "kimi-oauth": "kimi",
    "xai-oauth": "xai",
    "iflow": "iflow",
    "copilot": "copilot",
}
"""The simulated host of each provider."""
MODELS = {
    "claude-oauth": "claude-sonnet-4-5-20250929",
    "chatgpt-oauth": "gpt-5.1-codex",
    "gemini-cli": "gemini-3-flash-preview",
    "antigravity": "gemini-3-flash",
    "qwen-oauth": "qwen3-coder-plus",
    "kimi-oauth": "kimi-for-coding",
    "xai-oauth": "grok-code-fast-1",
    "iflow": "glm-4.6",
    "copilot": "gpt-4.1",
}
"""A model of each provider."""
NOBODY = "http://127.0.0.1:9/usage"
"""Where plans tell how much of them is left: nowhere, rather than at the real provider."""


def facts_of(provider: str, label: str) -> dict[str, str]:
    """What a sign-in would have learnt of an account."""
    return {
        "chatgpt-oauth": {"account_id": f"acc-{label}"},
        "gemini-cli": {"project_id": f"project-{label}"},
        "antigravity": {"project_id": f"project-{label}"},
        "kimi-oauth": {"device_id": f"device-{label}"},
    }.get(provider, {})


def write_account(folder: Path, provider: str, label: str, **facts: Any) -> Credential:
    """An account file as a sign-in leaves it, for a router with this folder."""
    fields: dict[str, Any] = {
        "access": Secret(token_of(provider, label)),
        "refresh": Secret(f"rt-sim-{provider}-{label}-canary"),
        "expires_at": time.time() + 86_400.0,
        "issued_at": time.time(),
        "facts": facts_of(provider, label),
    }
    credential = Credential(provider=provider, label=label, **{**fields, **facts})
    FileStore(folder / "accounts", None, SystemClock()).save(credential)
    return credential


def token_of(provider: str, label: str) -> str:
    """The access token of an account that nobody changed."""
    return f"oat-sim-{provider}-{label}-canary"


@asynccontextmanager
async def subscribed(
    upstream: Upstream,
    folder: Path,
    *labels: str,
    changes: dict[str, Any] | None = None,
    tokens: Mapping[str, str] | None = None,
    facts: Mapping[str, Mapping[str, str]] | None = None,
    **of_account: Any,
) -> AsyncIterator[Running]:
    """Accounts with these labels (one, "a", without) for each provider, all turned on. tokens, facts: of accounts by
    id, in place of good ones. of_account: further fields of every account."""
    for provider in HOSTS:
        for label in labels or ("a",):
            account = f"{provider}/{label}"
            given: dict[str, Any] = dict(of_account)
            if tokens is not None and account in tokens:
                given["access"] = Secret(tokens[account])
            if facts is not None and account in facts:
                given["facts"] = facts[account]
            write_account(folder, provider, label, **given)
    blocks: dict[str, Any] = {
        provider.replace("-", "_"): {"enabled": True, "base_url": upstream.base_url(host)}
        for provider, host in HOSTS.items()
    }
    for provider in HOSTS:
        if shipped_sign_ins()[provider].upstream.usage_url is not None:  # a router that lives for long asks there
            blocks[provider.replace("-", "_")]["sign_in"] = {"upstream": {"usage_url": NOBODY}}
    async with running(upstream, folder, merged({"providers": blocks}, changes or {})) as router:
        yield router
