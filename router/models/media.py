"""Pictures, files, sound and film that a model does not take: refused before any upstream call, naming the place. Pure.

Never dropped: the answer would be confidently wrong (`wire.md` 3.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from router.faults import bad_request
from router.wire.capabilities import Capabilities
from router.wire.conversation import (
    Audio,
    Conversation,
    Dialect,
    Document,
    Image,
    Inline,
    Part,
    Source,
    ToolResult,
    Url,
    Video,
)

_PLACES: Mapping[Dialect, tuple[str, str]] = MappingProxyType(
    {
        "chat": ("messages", "content"),
        "responses": ("input", "content"),
        "messages": ("messages", "content"),
        "gemini": ("contents", "parts"),
    }
)


def refuse_media(conversation: Conversation, capabilities: Capabilities) -> None:
    """Raises `Fault` bad_request for the first part that the model cannot be given. Call it before turns are merged."""
    for part, where in placed(conversation):
        wrong = _wrong(part, capabilities)
        if wrong is not None:
            raise bad_request(f"{where}: the model '{conversation.model}' {wrong}", where)


def placed(conversation: Conversation) -> Iterator[tuple[Part, str]]:
    """Every part of the turns, those inside tool results too, with its place in the caller's body."""
    turns, parts = _PLACES[conversation.dialect]
    # Chat's leading system messages stand in `system`, one part each; elsewhere system text has a key of its own.
    offset = len(conversation.system) if conversation.dialect == "chat" else 0
    for index, turn in enumerate(conversation.turns):
        for place, part in enumerate(turn.parts):
            where = f"{turns}[{index + offset}].{parts}[{place}]"
            yield part, where
            if isinstance(part, ToolResult):
                for inner, piece in enumerate(part.content):
                    yield piece, f"{where}.content[{inner}]"


def _wrong(part: Part, capabilities: Capabilities) -> str | None:
    """What is wrong with giving `part` to the model, as the end of a sentence; None where nothing is."""
    match part:
        case Image(source=source):
            return _wrong_image(source, capabilities)
        case Document(source=source):
            return _wrong_document(source, capabilities)
        case Audio() if not capabilities.audio:
            return "takes no audio. Send a transcript, or choose a model that listens."
        case Video() if not capabilities.video:
            return "takes no video. Send pictures or text, or choose a model that takes video."
    return None


def _wrong_image(source: Source, capabilities: Capabilities) -> str | None:
    if not capabilities.images:
        return "takes no images. Describe the image in words, or choose a model that sees."
    if isinstance(source, Url) and not capabilities.image_urls:
        return "takes no image URLs. Send the image itself as base64."
    if isinstance(source, Inline) and _usual(source.media_type) not in capabilities.image_types:
        allowed = ", ".join(capabilities.image_types)
        return f"takes no {source.media_type} images. Convert it to one of {allowed}."
    return None


def _usual(media_type: str) -> str:
    lower = media_type.lower()
    return "image/jpeg" if lower == "image/jpg" else lower


def _wrong_document(source: Source, capabilities: Capabilities) -> str | None:
    if isinstance(source, Inline) and source.media_type.startswith("text/"):
        return None  # can be sent as text
    if not capabilities.documents:
        return "takes no files. Send the text of the document."
    if isinstance(source, Url) and not capabilities.document_urls:
        return "takes no URLs of files. Send the file itself as base64."
    return None
