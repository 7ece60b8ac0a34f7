"""``qwen-oauth``: Chat at the host that the sign-in named (``resource_url``)."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec.structs import replace

from router.providers.config import ProviderConfig
from router.providers.origin import bound
from router.providers.protocol import Outgoing, ProtocolRules, refused
from router.providers.subscriptions.bearer import domains, openai


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    base = bound(outgoing.facts.get("resource_url"), outgoing.base_url, domains(provider))
    if not urlsplit(base).path.rstrip("/"):
        base += "/v1"  # it is told as a host alone
    return openai(provider, replace(outgoing, base_url=base))


RULES = ProtocolRules(rulings=(refused("(this|your) account has been (disabled|suspended|banned)"),))
