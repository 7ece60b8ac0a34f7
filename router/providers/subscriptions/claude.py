"""``claude-oauth``: Anthropic's Messages with the bearer token of a subscription.

The protocol asks for the bearer in place of the key and for one beta. Nothing else of Claude Code is sent: no prompt of
its own, no beta of its own, no name of its own.
"""

from __future__ import annotations

import re

from router.providers.config import ProviderConfig
from router.providers.protocol import Outgoing, ProtocolRules, Ruling, refused
from router.providers.subscriptions.bearer import ANTHROPIC_PATHS, ANTHROPIC_VERSION, bearer

BETA = "oauth-2025-04-20"


def execute(provider: ProviderConfig, outgoing: Outgoing) -> tuple[str, dict[str, str]]:
    """See `Executor`."""
    headers = bearer(outgoing)
    headers.setdefault("anthropic-version", ANTHROPIC_VERSION)
    named = [beta.strip() for beta in headers.get("anthropic-beta", "").split(",")]
    headers["anthropic-beta"] = ",".join(dict.fromkeys((*filter(None, named), BETA)))
    base = outgoing.base_url.removesuffix("/v1")
    return f"{base}/v1{ANTHROPIC_PATHS[outgoing.operation]}", headers


RULES = ProtocolRules(
    rulings=(
        refused("(this credential|this token|this oauth \\w+) (is|may) only (be )?(authorized|used)\\b"),
        refused("oauth authentication is (currently )?not allowed"),
        refused("(this|your) (organization|account) has been (disabled|suspended|banned)"),
        Ruling(
            kind="bad_request",
            words=re.compile(r"(error|bad request|invalid request)?\.?\Z", re.IGNORECASE),
            statuses=frozenset({400}),
            message="Anthropic refused this request without saying why ({said}). It may be that it takes the "
            "sign-in of a subscription from its own programs only.",
        ),
    )
)
