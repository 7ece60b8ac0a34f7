"""The upstream models that every client dialect is put to, and the strict check that each body must pass."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from router.models.capabilities import load
from router.providers.config import ProviderConfig
from router.wire.capabilities import Capabilities
from router.wire.conversation import Dialect
from router.wire.dialect import DialectSpec
from router.wire.dialects import DIALECTS
from tests.simulators import (
    behaviour,
    chat_answer,
    chat_check,
    gemini_answer,
    gemini_check,
    messages_answer,
    messages_check,
    models,
    responses_answer,
    responses_check,
)
from tests.simulators.prompt import Prompt
from tests.simulators.reply import Reply

CLIENTS: tuple[Dialect, ...] = ("chat", "responses", "messages", "gemini")
_TABLE = load()
_HOSTS: dict[Dialect, Any] = {"chat": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"}
_HEADERS = {"anthropic-version": "2023-06-01"}


@dataclass(frozen=True)
class Target:
    """One upstream model in one dialect."""

    dialect: Dialect
    model: str

    def __str__(self) -> str:
        return f"{self.dialect}:{self.model}"

    @property
    def spec(self) -> DialectSpec:
        return DIALECTS[self.dialect]

    @property
    def capabilities(self) -> Capabilities:
        host = _HOSTS[self.dialect]
        return _TABLE.capabilities(ProviderConfig(id=host, kind=host), self.model, self.dialect)

    def check(self, body: dict[str, Any], digest: str = "d" * 64) -> Prompt:
        """What the real server would read. Raises `Refusal` for what it would refuse."""
        body = json.loads(json.dumps(body))
        facts = models.find(_HOSTS[self.dialect], self.model)
        assert facts is not None
        if self.dialect == "chat":
            return chat_check.check(body, facts, digest)
        if self.dialect == "responses":
            return responses_check.check(body, facts, digest, {})
        if self.dialect == "messages":
            return messages_check.check(body, facts, digest, _HEADERS)
        return gemini_check.check(body, self.model, facts, digest, stream=True)

    def answer(self, prompt: Prompt) -> Reply:
        """What the simulated model answers, streamed or whole as the request says."""
        answer = behaviour.answer(prompt)
        if self.dialect == "gemini":
            return gemini_answer.respond(prompt, answer, sse=True)
        module: Any = {"chat": chat_answer, "responses": responses_answer, "messages": messages_answer}[self.dialect]
        reply: Reply = module.respond(prompt, answer)
        return reply


TARGETS: tuple[Target, ...] = (
    Target("chat", "gpt-4.1"),
    Target("chat", "gpt-5.2"),
    Target("chat", "o3"),
    Target("responses", "gpt-5.2"),
    Target("responses", "gpt-5-mini"),
    Target("messages", "claude-sonnet-4-5"),
    Target("messages", "claude-opus-4-6"),
    Target("messages", "claude-opus-4-8"),
    Target("messages", "claude-opus-5"),
    Target("messages", "claude-opus-5-5"),
    Target("gemini", "gemini-2.5-flash"),
    Target("gemini", "gemini-2.5-pro"),
    Target("gemini", "gemini-3-pro"),
    Target("gemini", "gemini-3-flash"),
)
