"""How each provider's access is renewed, one small module per way."""

from __future__ import annotations

from collections.abc import Mapping

from router.accounts.renewal import Renew
from router.accounts.renewals import clerk, copilot, iflow, oauth

RENEWALS: Mapping[str, Renew] = {
    "claude-oauth": oauth.renew,
    "chatgpt-oauth": oauth.renew,
    "gemini-cli": oauth.renew,
    "antigravity": oauth.renew,
    "qwen-oauth": oauth.renew,
    "kimi-oauth": oauth.renew,
    "xai-oauth": oauth.renew,
    "copilot": copilot.renew,
    "iflow": iflow.renew,
    "ctonew": clerk.renew,
}
"""By the ids of the sign-ins."""
