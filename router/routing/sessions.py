"""Which conversation a request belongs to: one account serves it, so that its prompt cache stays warm. Pure.

A client that says it is believed: a header, ``prompt_cache_key``, ``metadata.user_id``. Else the conversation itself is
known by what it begins with: a request repeats the whole of the one before it, so that its prefixes that end where a
person (or a tool) spoke are digested, and the longest known one counts. Only digests are kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from msgspec import Struct

from router.wire import codec
from router.wire.conversation import Dialect, JsonObject

Digest: TypeAlias = bytes
HEADERS = (
    "session-id",
    "session_id",
    "thread-id",
    "x-session-id",
    "x-claude-code-session-id",
    "x-opencode-session",
    "conversation_id",
)
"""What clients call their session in headers, the surest first."""
LEAST = 4096
"""Bytes of text that a prefix must have: what is shorter, many conversations begin with, and no provider caches."""
LARGEST = 8 * 1024 * 1024
"""Bytes of a body that is looked into."""
MOST = 256
"""Prefixes that are looked for, the longest first."""
_SIZE = 16
_DEEPEST = 24
_LONGEST_NAME = 512
_SESSION = re.compile(r"session[_-]?(?:id[\"':\s]*)?([0-9A-Za-z-]{8,64})")
_BILLING = "x-anthropic-billing-header:"
_PASSING: frozenset[str] = frozenset(
    (
        *("type", "role", "name", "id", "status", "phase", "cache_control"),
        *("signature", "thoughtSignature", "thought_signature", "encrypted_content"),
        *("reasoning", "reasoning_content", "reasoning_details"),
    )
)
"""Keys whose values change between two requests of one conversation, or say nothing of it."""
_UNSPOKEN = ("thinking", "redacted_thinking", "reasoning")
_SPEAKERS = ("user", "tool", "function")


class Known(Struct, frozen=True):
    """What a conversation may be remembered under. names: to look for, the best first. own: to remember it under."""

    names: tuple[Digest, ...]
    own: Digest


def session_header(headers: Mapping[str, str]) -> str | None:
    """What a client calls its session in a header (lower-case names); None where it says nothing."""
    for name in HEADERS:
        if name in headers:
            value = headers[name].strip()
            if value:
                return value[:_LONGEST_NAME]
    return None


def known_by(
    key_id: str, asked: str, dialect: Dialect, body: bytes, session: str | None, *, prefixes: bool = True
) -> Known | None:
    """Under what to remember the conversation that `body` belongs to; None where it cannot be told from others.

    key_id: of the client's key: nobody shares a session with another key. asked: the model's name: caches are one
    model's. session: `Call.session`. prefixes: whether to look into the conversation where no name is given.
    """
    scope = _scope(key_id, asked)
    named = session or named_in(body)
    if named is not None:
        digest = _digest(scope, b"name", named.encode("utf-8", "surrogatepass"))
        return Known((digest,), digest)
    if not prefixes or not LEAST <= len(body) <= LARGEST:
        return None
    chain = list(_prefixes(scope, dialect, body))
    return Known(tuple(reversed(chain[-MOST:])), chain[-1]) if chain else None


def _scope(key_id: str, asked: str) -> bytes:
    return f"{key_id}\0{asked.lower()}".encode("utf-8", "surrogatepass")


def _digest(*parts: bytes) -> Digest:
    made = hashlib.blake2b(digest_size=_SIZE)
    for part in parts:
        made.update(len(part).to_bytes(4, "big"))
        made.update(part)
    return made.digest()


def first_prefix(dialect: Dialect, body: bytes) -> Digest | None:
    """What every request of one conversation begins with, digested: it ends at the first of its persons' words behind
    which there are `LEAST` bytes of text. None where it has no such beginning."""
    return next(_prefixes(b"", dialect, body), None) if len(body) >= LEAST else None


def named_in(body: bytes, *, persons: bool = True) -> str | None:
    """What a body calls its session: OpenAI's cache key, or the user of Anthropic's metadata, where Claude Code puts a
    session beside the person. persons: whether that user counts where it has none: a person has
    many of them."""
    if b'"prompt_cache_key"' in body and (key := _text(_top(body, "prompt_cache_key"))):
        return key
    if b'"user_id"' not in body:
        return None
    metadata = _top(body, "metadata")
    user = _text(metadata.get("user_id")) if isinstance(metadata, dict) else None
    if user is None:
        return None
    found = _SESSION.search(user)
    return found[1] if found is not None else user if persons else None


def _top(body: bytes, key: str) -> Any:
    try:
        return codec.top_level(body, key)
    except codec.Malformed:
        return None


def _text(value: object) -> str | None:
    return value[:_LONGEST_NAME] if isinstance(value, str) and value.strip() else None


def _prefixes(scope: bytes, dialect: Dialect, body: bytes) -> Iterator[Digest]:
    """The digests of every prefix that ends where a person or a tool spoke, from `LEAST` on, the shortest first."""
    try:
        value = codec.loads(body)
    except codec.Malformed:
        return
    if not isinstance(value, dict):
        return
    running = hashlib.blake2b(_digest(scope, b"prefix"), digest_size=_SIZE)
    size = 0
    for spoken, item in _items(dialect, value):
        for text in _texts(item, 0):
            data = text.encode("utf-8", "surrogatepass")
            running.update(len(data).to_bytes(4, "big"))
            running.update(data)
            size += len(data)
        if spoken and size >= LEAST:
            yield running.copy().digest()


def _items(dialect: Dialect, body: JsonObject) -> Iterator[tuple[bool, Any]]:
    """The conversation in order: whether a person or a tool said it, and what."""
    for key in ("system", "instructions", "systemInstruction", "system_instruction"):
        if key in body:
            yield False, body[key]
    said = body.get({"responses": "input", "gemini": "contents"}.get(dialect, "messages"))
    if isinstance(said, str):
        yield True, said
    for item in said if isinstance(said, list) else ():
        if isinstance(item, dict):
            kind, role = item.get("type"), item.get("role")
            output = isinstance(kind, str) and kind.endswith("_output")
            yield output or role in _SPEAKERS or (dialect == "gemini" and role is None), item


def _texts(value: Any, depth: int) -> Iterator[str]:
    """Every text of a value in order, whichever way a client writes it: a content may be a text or a list of blocks,
    marks of caches come and go, thinking may be left out later."""
    if isinstance(value, str):
        if not value.startswith(_BILLING):
            yield value
    elif depth >= _DEEPEST:
        return
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, depth + 1)
    elif isinstance(value, dict) and value.get("type") not in _UNSPOKEN and value.get("thought") is not True:
        for key in sorted(value):
            if key not in _PASSING:
                yield from _texts(value[key], depth + 1)
