"""Frames of the relay: JSON text ``{"id", "type", "payload"}``, one to a WebSocket message. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from router.wire import codec
from router.wire.conversation import JsonObject

MESSAGE_BYTES = 64 * 1024 * 1024
"""Largest message either way, unless the router's terms say otherwise."""
FIRST_BYTES = 64 * 1024
"""Largest first message of a peer that has not said who it is."""

Mistake: TypeAlias = Literal["malformed", "wrong_type", "too_large", "unknown_call", "out_of_order"]
CLOSE_CODES: dict[Mistake, int] = {
    "malformed": 1007,
    "wrong_type": 1002,
    "too_large": 1009,
    "unknown_call": 1002,
    "out_of_order": 1002,
}
"""What a socket is closed with (RFC 6455, 7.4.1) where the mistake leaves no way to go on."""


class ProtocolError(Exception):
    """The peer does not speak the protocol. The message names field and rule, never content."""

    def __init__(self, mistake: Mistake, message: str) -> None:
        super().__init__(message)
        self.mistake: Mistake = mistake
        self.message = message

    @property
    def close_code(self) -> int:
        """The code to close the socket with."""
        return CLOSE_CODES[self.mistake]


class Frame(Struct, frozen=True):
    """One message. id: of the call, the ping or the sign-in that it belongs to; empty where there is none."""

    id: str
    type: str
    payload: JsonObject = {}


def encode(frame: Frame) -> str:
    """The text of a frame."""
    return codec.dumps_text({"id": frame.id, "type": frame.type, "payload": frame.payload})


def decode(text: str, limit: int = MESSAGE_BYTES) -> Frame:
    """A frame from its text. limit: in characters, which are at most as many as bytes. An id or a payload that is
    missing or null counts as empty. Raises `ProtocolError` too_large, malformed or wrong_type."""
    if len(text) > limit:
        raise ProtocolError("too_large", f"a message has {len(text)} characters; at most {limit} are taken")
    try:
        value = codec.loads(text)
    except codec.Malformed as error:
        raise ProtocolError("malformed", f"a message is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ProtocolError("malformed", "a message is not a JSON object")
    found, kind, payload = value.get("id"), value.get("type"), value.get("payload")
    found, payload = "" if found is None else found, {} if payload is None else payload
    if not isinstance(found, str) or not isinstance(kind, str) or not isinstance(payload, dict):
        raise ProtocolError("wrong_type", "a message needs a text `type`, a text `id` and an object `payload`")
    return Frame(found, kind, payload)


def size_of(text: str) -> int:
    """Bytes of `text` in UTF-8: what credit is counted in."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
