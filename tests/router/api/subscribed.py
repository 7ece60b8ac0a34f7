"""A router whose accounts are subscriptions, before the simulated back ends that these are for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.accounts.record import Access, Account
from router.providers.resolve import Stored
from router.secret import Secret
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


@dataclass
class SignedIn:
    """A stand-in for the keeper. renewals: account id -> the tokens that come next, as they are asked for."""

    tokens: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    renewals: dict[str, list[str]] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    async def access(self, account: str) -> Access:
        return Access(Secret(self.tokens[account]), self.facts.get(account, {}))

    async def renew(self, account: str, rejected: Secret) -> bool:
        self.rejected.append((account, rejected.reveal()))
        coming = self.renewals.get(account, [])
        if coming:
            self.tokens[account] = coming.pop(0)
        return self.tokens[account] != rejected.reveal()


def facts_of(provider: str, label: str) -> dict[str, str]:
    """What a sign-in would have learnt of an account."""
    return {
        "chatgpt-oauth": {"account_id": f"acc-{label}"},
        "gemini-cli": {"project_id": f"project-{label}"},
        "antigravity": {"project_id": f"project-{label}"},
        "kimi-oauth": {"device_id": f"device-{label}"},
    }.get(provider, {})


@asynccontextmanager
async def subscribed(
    upstream: Upstream,
    folder: Path,
    *labels: str,
    changes: dict[str, Any] | None = None,
    tokens: Mapping[str, str] | None = None,
    facts: Mapping[str, Mapping[str, str]] | None = None,
    **of_account: Any,
) -> AsyncIterator[tuple[Running, SignedIn]]:
    """Accounts with these labels (one, "a", without) for each provider. tokens, facts: of accounts by id, in place of
    good ones. of_account: further fields of every account."""
    signed_in = SignedIn()
    accounts: dict[str, tuple[Account, ...]] = {}
    for provider in HOSTS:
        made = []
        for label in labels or ("a",):
            account = Account(
                id=f"{provider}/{label}",
                provider=provider,
                label=label,
                secret=Secret(""),
                stored=True,
                **of_account,
            )
            signed_in.tokens[account.id] = (tokens or {}).get(account.id, f"oat-sim-{provider}-{label}-canary")
            signed_in.facts[account.id] = (facts or {}).get(account.id, facts_of(provider, label))
            made.append(account)
        accounts[provider] = tuple(made)
    blocks = {provider.replace("-", "_"): {"base_url": upstream.base_url(host)} for provider, host in HOSTS.items()}
    settings = merged({"providers": blocks}, changes or {})
    stored = Stored(accounts=accounts, accepted=frozenset(HOSTS))
    async with running(upstream, folder, settings, stored=stored, signed_in=signed_in) as router:
        yield router, signed_in
