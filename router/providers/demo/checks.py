"""What the demo refuses, so that a client's mistakes show here as they would at a real provider."""

from __future__ import annotations

from router.faults import bad_request
from router.wire.conversation import Audio, Conversation, Document, Foreign, Image, Inline, Video, all_parts

_KNOWN = {
    Image: ("image/",),
    Audio: ("audio/",),
    Video: ("video/",),
    Document: ("application/pdf", "text/", "application/json", "application/octet-stream"),
}


def refuse_unknown_parts(conversation: Conversation) -> None:
    """Raises `Fault` bad_request for parts of an unknown kind, media of an impossible type, and several answers."""
    if conversation.n is not None and conversation.n > 1:
        raise bad_request("n: the demo gives one answer; leave `n` out.", "n")
    for part in all_parts(conversation):
        if isinstance(part, Foreign) and part.meaningful and part.text is None:
            kind = part.raw.get("type", "unknown")
            raise bad_request(f"{part.where or 'a part'}: unknown type {kind!r}.", part.where or None)
        known = _KNOWN.get(type(part))
        source = getattr(part, "source", None)
        if known is not None and isinstance(source, Inline) and not source.media_type.startswith(known):
            raise bad_request(f"The media type {source.media_type!r} is not supported. Send one of {', '.join(known)}.")
