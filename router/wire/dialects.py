"""The table of the four dialects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from router.wire import chat, gemini, messages, responses
from router.wire.conversation import Dialect
from router.wire.dialect import DialectSpec

DIALECTS: Mapping[Dialect, DialectSpec] = MappingProxyType(
    {"chat": chat.SPEC, "responses": responses.SPEC, "messages": messages.SPEC, "gemini": gemini.SPEC}
)
