"""``xai-oauth``: xAI's API, Responses and Chat, with the bearer token of a Grok plan."""

from __future__ import annotations

from router.providers.protocol import ProtocolRules, refused
from router.providers.subscriptions.bearer import openai

execute = openai
RULES = ProtocolRules(rulings=(refused("(this|your) (account|team|user) has been (disabled|suspended|blocked)"),))
