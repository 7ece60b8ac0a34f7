"""``iflow``: Chat with the API key that the sign-in brought."""

from __future__ import annotations

from router.providers.protocol import ProtocolRules, refused
from router.providers.subscriptions.bearer import openai

execute = openai
RULES = ProtocolRules(rulings=(refused("(this|your) account has been (disabled|suspended|banned)"),))
