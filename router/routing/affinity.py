"""Opaque items (signatures, encrypted reasoning, thought signatures) and the accounts that made them. Pure.

Another key or organisation may refuse what an account has signed (`wire.md` 6.3), so such items lead back to their
account, and are left out where another one must serve. Only digests are kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from router.wire import codec
from router.wire.conversation import Conversation, Dialect, Extra, Foreign, Opaque, Part, Text, Thinking, ToolCall, Turn
from router.wire.item_ids import is_own

Digest: TypeAlias = bytes
_SIZE = 16
_VALUE = re.compile(rb'\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')

_DETAILS = (b'"signature"', b'"data"')
SLOTS: Mapping[Dialect, tuple[tuple[bytes, tuple[bytes, ...]], ...]] = MappingProxyType(
    {
        "chat": ((b'"thought_signature"', (b'"thought_signature"',)), (b'"reasoning_details"', _DETAILS)),
        "responses": ((b'"encrypted_content"', (b'"encrypted_content"',)), (b'"rs_', (b'"id"',))),
        "messages": ((b'"signature"', (b'"signature"',)), (b'"redacted_thinking"', (b'"data"',))),
        "gemini": (
            (b'"thoughtSignature"', (b'"thoughtSignature"',)),
            (b'"thought_signature"', (b'"thought_signature"',)),
        ),
    }
)
"""What a body holds where it carries opaque items, and the keys whose values they are. A key of this name with another
meaning does no harm: its value is nobody's."""


def digest(text: str | bytes) -> Digest:
    """Of an opaque text exactly as its maker wrote it."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_SIZE).digest()


def digests_of(opaque: Opaque) -> tuple[Digest, ...]:
    """The digests of one opaque item; several for OpenRouter's ``reasoning_details``, whose entries are signed one by
    one; none where there is nothing."""
    if opaque.dialect != "chat":
        return (digest(opaque.data),) if opaque.data != "" else ()
    try:
        entries = codec.loads(opaque.data)
    except codec.Malformed:
        return ()
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    texts = [entry.get(key) for entry in found for key in ("signature", "data")]
    return tuple(digest(text) for text in texts if isinstance(text, str) and text != "")


def in_body(dialect: Dialect, body: bytes) -> list[Digest]:
    """The digests of a raw body's opaque items, in order. Where there is none it costs a search for a word or two."""
    keys = {key for mark, keys in SLOTS[dialect] if mark in body for key in keys}
    found = sorted(place for key in keys for place in _values(body, key))
    return [digest(text) for _, text in found if text]


def _values(body: bytes, key: bytes) -> Iterator[tuple[int, bytes]]:
    """Where the texts of `key` stand, and what they are without the escapes of JSON."""
    at = body.find(key)
    while at >= 0:
        at += len(key)
        value = _VALUE.match(body, at)
        if value is not None:
            at, token = value.end(), value.group(1)
            yield at, _plain(token)
        at = body.find(key, at)


def _plain(token: bytes) -> bytes:
    if b"\\" not in token:
        return token[1:-1]
    try:
        return str(codec.loads(token)).encode("utf-8", "surrogatepass")
    except codec.Malformed:
        return b""


def in_conversation(conversation: Conversation) -> list[Digest]:
    """The digests of the opaque items of a request that was read, in order."""
    return [each for turn in conversation.turns for part in turn.parts for each in _of_part(part)]


def _of_part(part: Part) -> tuple[Digest, ...]:
    if isinstance(part, Thinking | ToolCall | Text):
        if part.opaque is not None:
            return digests_of(part.opaque)
        return ids_of([part.extra["responses"]]) if "responses" in part.extra and isinstance(part, Thinking) else ()
    return of_raw(part.raw) if isinstance(part, Foreign) else ()


def ids_of(items: Iterable[Any]) -> tuple[Digest, ...]:
    """The digests of the ids by which the provider knows reasoning that it keeps itself (Responses with ``store``)."""
    found = [item.get("id") for item in items if isinstance(item, dict) and "encrypted_content" not in item]
    texts = [each for each in found if isinstance(each, str) and each.startswith("rs_")]
    return tuple(digest(each) for each in texts if not is_own(each))


def of_raw(raw: Mapping[str, Any]) -> tuple[Digest, ...]:
    """The digest of a block that the neutral form does not know (a compaction of Responses)."""
    text = raw.get("encrypted_content")
    return (digest(text),) if isinstance(text, str) and text != "" else ()


def without(conversation: Conversation, foreign: Collection[Digest]) -> Conversation:
    """The conversation without the opaque items in `foreign`; readable thinking stays, its writer knows what to do
    with thinking that nobody signed. Items of Responses lose their ids, by which the servers ask for the reasoning that
    belongs to them."""
    if not foreign:
        return conversation
    turns: list[Turn] = []
    for turn in conversation.turns:
        parts = tuple(left for part in turn.parts for left in _without(part, foreign))
        if parts or not turn.parts:
            turns.append(_nameless(replace(turn, parts=parts)) if turn.role == "assistant" else turn)
    return replace(conversation, turns=tuple(turns))


def _without(part: Part, foreign: Collection[Digest]) -> tuple[Part, ...]:
    if not any(each in foreign for each in _of_part(part)):
        return (part,)
    if isinstance(part, Text | ToolCall):
        return (replace(part, opaque=None),)
    if isinstance(part, Thinking) and not part.redacted and part.text != "" and part.opaque is not None:
        return (replace(part, opaque=None),) if part.opaque.dialect != "responses" else ()
    return ()


def _nameless(turn: Turn) -> Turn:
    parts = tuple(
        replace(part, extra=_without_id(part.extra)) if isinstance(part, ToolCall) else part for part in turn.parts
    )
    return replace(turn, parts=parts, extra=_without_id(turn.extra))


def _without_id(extra: Extra) -> Extra:
    own = extra.get("responses")
    if own is None or "id" not in own:
        return extra
    return {**extra, "responses": {key: value for key, value in own.items() if key != "id"}}


class Held(Struct, frozen=True):
    """The opaque items of one request whose makers are known: digest and account, in their order."""

    items: tuple[tuple[Digest, str], ...] = ()

    @property
    def prefer(self) -> str | None:
        """The account that made the last one: the one that a running tool loop needs."""
        return self.items[-1][1] if self.items else None

    def foreign(self, account: str) -> frozenset[Digest]:
        """What `account` must not be sent."""
        return frozenset(each for each, owner in self.items if owner != account)


NOTHING_HELD = Held()


class Owners:
    """Which account made what: bounded in number and age. Times are Unix seconds."""

    def __init__(self, most: int, ttl: float, refresh: float) -> None:
        """most: entries; those that were used longest ago go first. ttl: seconds that an unused one is kept. refresh:
        seconds between two notes that one is in use."""
        self._most = most
        self._ttl = ttl
        self._refresh = refresh
        self._entries: dict[Digest, tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def learn(self, each: Digest, account: str, now: float) -> None:
        """`account` made it."""
        self._entries.pop(each, None)
        self._entries[each] = (account, now)
        if len(self._entries) > self._most:
            self._entries.pop(next(iter(self._entries)))

    def find(self, each: Digest, now: float) -> tuple[str | None, bool]:
        """Who made it, None where nobody knows (any more); and whether its time was set anew."""
        entry = self._entries.get(each)
        if entry is None:
            return None, False
        account, at = entry
        if now - at > self._ttl:
            del self._entries[each]
            return None, False
        if now - at < self._refresh:
            return account, False
        self.learn(each, account, now)
        return account, True

    def at(self, each: Digest) -> tuple[str, float] | None:
        """The account and the time of an entry."""
        return self._entries.get(each)

    def take_over(self, entries: Iterable[tuple[Digest, str, float]], now: float) -> None:
        """Add what was remembered elsewhere; what is known here already stays. Oldest first."""
        old = {each: (account, at) for each, account, at in entries if now - at <= self._ttl}
        merged = old | self._entries
        known = sorted(merged.items(), key=lambda item: item[1][1])
        self._entries = dict(known[-self._most :] if self._most else [])
