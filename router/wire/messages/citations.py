"""A source of a text as Anthropic writes it."""

from __future__ import annotations

from router.wire.conversation import JsonObject
from router.wire.events import Cited


def citation(event: Cited) -> JsonObject:
    """The only kind that has an address. An empty index marks it as ours: it is not sent back to Anthropic."""
    return {
        "type": "web_search_result_location",
        "cited_text": event.quote or "",
        "url": event.url,
        "title": event.title,
        "encrypted_index": "",
    }
