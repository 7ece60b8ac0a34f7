"""An estimate of a request's input tokens, for any dialect: where no provider can be asked, and before its answer."""

from __future__ import annotations

import math
from collections.abc import Iterable

from router.wire.codec import dumps
from router.wire.conversation import (
    Audio,
    Conversation,
    Document,
    Foreign,
    Image,
    Inline,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Video,
)

CHARS_PER_TOKEN = 3.5
IMAGE_TOKENS = 1_600  # Anthropic's maximum for one picture, and near the others' usual figures
SOUND_TOKENS = 1_000
PDF_BYTES_PER_TOKEN = 30  # a page is about 60 KB, and 2,000 tokens as text and picture
PDF_LEAST_TOKENS = 1_500
TURN_TOKENS = 4
TOOL_TOKENS = 12


def estimate(conversation: Conversation) -> int:
    """Tokens of system text, turns and tools; at least 1. Pictures and documents by a flat rate."""
    tokens = _parts(conversation.system)
    for turn in conversation.turns:
        tokens += TURN_TOKENS + _parts(turn.parts)
    for tool in conversation.tools:
        tokens += TOOL_TOKENS + _text(len(tool.name) + len(tool.description or ""))
        if tool.schema is not None:
            tokens += _text(len(dumps(tool.schema)))
    if conversation.output is not None and conversation.output.schema is not None:
        tokens += _text(len(dumps(conversation.output.schema)))
    return max(1, math.ceil(tokens))


def estimate_text(characters: int) -> int:
    """Tokens of that many characters."""
    return math.ceil(_text(characters))


def _text(characters: int) -> float:
    return characters / CHARS_PER_TOKEN


def _parts(parts: Iterable[Part]) -> float:
    return sum(_part(part) for part in parts)


def _part(part: Part) -> float:
    if isinstance(part, Text | Refusal | Thinking):
        return _text(len(part.text))
    if isinstance(part, ToolCall):
        return TURN_TOKENS + _text(len(part.name) + len(part.arguments))
    if isinstance(part, ToolResult):
        return TURN_TOKENS + _parts(part.content)
    if isinstance(part, Image):
        return IMAGE_TOKENS
    if isinstance(part, Document):
        return _document(part)
    if isinstance(part, Audio | Video):
        return SOUND_TOKENS
    if isinstance(part, Foreign):
        return _text(len(part.text) if part.text is not None else len(dumps(part.raw)))
    return 0


def _document(part: Document) -> float:
    if not isinstance(part.source, Inline):
        return PDF_LEAST_TOKENS
    size = len(part.source.data) * 3 / 4
    if part.source.media_type.startswith("text/"):
        return _text(round(size))
    return max(PDF_LEAST_TOKENS, size / PDF_BYTES_PER_TOKEN)
