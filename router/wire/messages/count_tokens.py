"""An estimate of a request's input tokens, for any dialect: where no provider can be asked, and before its answer."""

from __future__ import annotations

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

SEVENTHS_PER_CHAR = 2  # 3.5 characters to a token; sevenths of tokens keep sums exact
IMAGE_TOKENS = 1_600  # Anthropic's maximum for one picture, and near the others' usual figures
SOUND_TOKENS = 1_000
PDF_BYTES_PER_TOKEN = 30  # a page is about 60 KB, and 2,000 tokens as text and picture
PDF_LEAST_TOKENS = 1_500
TURN_TOKENS = 4
TOOL_TOKENS = 12


def estimate(conversation: Conversation) -> int:
    """Tokens of system text, turns and tools; at least 1. Pictures and documents by a flat rate."""
    sevenths = _parts(conversation.system)
    for turn in conversation.turns:
        sevenths += 7 * TURN_TOKENS + _parts(turn.parts)
    for tool in conversation.tools:
        sevenths += 7 * TOOL_TOKENS + _text(len(tool.name) + len(tool.description or ""))
        if tool.schema is not None:
            sevenths += _text(len(dumps(tool.schema)))
    if conversation.output is not None and conversation.output.schema is not None:
        sevenths += _text(len(dumps(conversation.output.schema)))
    return max(1, _rounded_up(sevenths))


def estimate_text(characters: int) -> int:
    """Tokens of that many characters."""
    return _rounded_up(_text(characters))


def _rounded_up(sevenths: int) -> int:
    return -(-sevenths // 7)


def _text(characters: int) -> int:
    return SEVENTHS_PER_CHAR * characters


def _parts(parts: Iterable[Part]) -> int:
    return sum(_part(part) for part in parts)


def _part(part: Part) -> int:
    if isinstance(part, Text | Refusal | Thinking):
        return _text(len(part.text))
    if isinstance(part, ToolCall):
        return 7 * TURN_TOKENS + _text(len(part.name) + len(part.arguments))
    if isinstance(part, ToolResult):
        return 7 * TURN_TOKENS + _parts(part.content)
    if isinstance(part, Image):
        return 7 * IMAGE_TOKENS
    if isinstance(part, Document):
        return _document(part)
    if isinstance(part, Audio | Video):
        return 7 * SOUND_TOKENS
    if isinstance(part, Foreign):
        return _text(len(part.text) if part.text is not None else len(dumps(part.raw)))
    return 0


def _document(part: Document) -> int:
    if not isinstance(part.source, Inline):
        return 7 * PDF_LEAST_TOKENS
    size = len(part.source.data) * 3 // 4
    if part.source.media_type.startswith("text/"):
        return _text(size)
    return 7 * max(PDF_LEAST_TOKENS, size // PDF_BYTES_PER_TOKEN)
