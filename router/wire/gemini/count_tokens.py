"""``:countTokens``: the question, and its answer."""

from __future__ import annotations

from router.faults import Fault, bad_request
from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Json, JsonObject
from router.wire.gemini.fields import message
from router.wire.gemini.request_reader import read_request
from router.wire.gemini.request_writer import write_request


def read_count(body: Json, model: str) -> Conversation:
    """The request whose tokens are asked for: ``contents``, or a whole ``generateContentRequest``, not both."""
    found = message(body, "body")
    whole = found.get("generateContentRequest")
    if whole is None:
        return read_request(body, model)
    if "contents" in found:
        raise bad_request(
            "contents and generateContentRequest exclude each other: put the contents into the latter.", "contents"
        )
    return read_request(whole, model)


def write_count(tokens: int, cached: int = 0) -> JsonObject:
    """The answer to a client."""
    return {"totalTokens": tokens, **({"cachedContentTokenCount": cached} if cached > 0 else {})}


def write_count_request(conversation: Conversation, capabilities: Capabilities) -> JsonObject:
    """The question to Google, in the form that counts system text and tools too."""
    written = write_request(conversation, capabilities)
    return {"generateContentRequest": {"model": f"models/{conversation.model}", **written.body}}


def read_total(body: Json) -> int:
    """Google's answer. Raises `Fault` upstream_broken where it holds no count."""
    total = body.get("totalTokens") if isinstance(body, dict) else None
    if not isinstance(total, int) or isinstance(total, bool):
        raise Fault("upstream_broken", "The provider answered the token count without totalTokens.")
    return total
