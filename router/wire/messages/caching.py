"""Cache marks for requests whose own dialect has none (`wire.md` 7.1): a large saving, and no change of meaning."""

from __future__ import annotations

from router.wire.conversation import JsonObject

MARK: JsonObject = {"type": "ephemeral"}
_USER_TURNS = 2
_UNMARKABLE = ("thinking", "redacted_thinking")


def mark(tools: list[JsonObject], system: list[JsonObject], messages: list[JsonObject]) -> None:
    """Mark the last tool, the last system block and the last two user turns, in place: the four that are allowed.

    The same conversation always gets its marks in the same places, so that a grown one finds its prefix in the cache.
    """
    ends = [blocks[-1] for blocks in (tools, system) if blocks]
    users = [message["content"] for message in messages if message["role"] == "user"]
    for content in users[-_USER_TURNS:]:
        ends.extend([block for block in content if block["type"] not in _UNMARKABLE][-1:])
    for block in ends:
        block["cache_control"] = dict(MARK)
