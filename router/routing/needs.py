"""What a conversation asks of its target. Pure."""

from __future__ import annotations

from router.routing.plan import Needs
from router.wire.conversation import Audio, Conversation, Dialect, Document, Image, Video, all_parts


def needs_of(conversation: Conversation, dialect: Dialect) -> Needs:
    """Needs of a generation request. The prompt's length is counted only where something depends on it, not here."""
    kinds = {type(part) for part in all_parts(conversation)}
    return Needs(
        dialect=dialect,
        tools=bool(conversation.tools),
        images=Image in kinds,
        documents=Document in kinds,
        audio=Audio in kinds,
        video=Video in kinds,
    )
