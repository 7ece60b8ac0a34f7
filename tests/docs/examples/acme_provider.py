"""An executor for a provider that speaks Chat Completions at an unusual address with an unusual header."""

from __future__ import annotations

from router.providers.config import ProviderConfig
from router.providers.executor import Outgoing


def acme(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """URL and headers of one call; see `router.providers.executor.Executor`."""
    headers = dict(outgoing.headers)
    headers["acme-token"] = outgoing.credential.reveal()
    return f"{outgoing.base_url}/engines/{outgoing.model}/chat", headers
