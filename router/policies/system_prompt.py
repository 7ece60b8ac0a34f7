"""The operator's own words before and behind a caller's system prompt, put into the caller's body. Pure.

The body is changed as the caller wrote it, so that both lanes see the same. Only the value that holds the system prompt
is decoded; everything else keeps its bytes, and the same body always gives the same bytes, so prompt caches stay warm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct

from router.faults import bad_request
from router.wire import codec
from router.wire.conversation import Dialect, Json, JsonObject

_BETWEEN = "\n\n"
_BILLING = "x-anthropic-billing-header:"  # Claude Code's first line, which counts only where it comes first
_LEADING = ("system", "developer")
_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class SystemPrompt(Struct, frozen=True):
    """What stands before and behind the caller's own; empty: nothing."""

    prepend: str = ""
    append: str = ""

    def __bool__(self) -> bool:
        return bool(self.prepend or self.append)

    @property
    def alone(self) -> str:
        """The whole system prompt where the caller has none."""
        return _joined(self.prepend, self.append)

    def around(self, other: SystemPrompt) -> SystemPrompt:
        """Both, this one outside."""
        return SystemPrompt(_joined(self.prepend, other.prepend), _joined(other.append, self.append))


def with_prompt(dialect: Dialect, body: bytes, prompt: SystemPrompt) -> bytes:
    """A caller's body with the operator's words in its system prompt. Raises `Fault` bad_request where the caller's own
    is none that the dialect knows, and for unreadable JSON."""
    try:
        return _PLACES[dialect](body, prompt)
    except codec.Malformed as error:
        raise bad_request(f"The body is not valid JSON: {error}.") from error


def _joined(first: str, second: str) -> str:
    return _BETWEEN.join(text for text in (first, second) if text)


def _around(prompt: SystemPrompt, text: str) -> str:
    return _joined(_joined(prompt.prepend, text), prompt.append)


def _responses(body: bytes, prompt: SystemPrompt) -> bytes:
    own = codec.top_level(body, "instructions")
    if own is not None and not isinstance(own, str):
        raise bad_request("instructions must be a string.", "instructions")
    return codec.replace_top_level(body, {"instructions": _around(prompt, own or "")})


def _messages(body: bytes, prompt: SystemPrompt) -> bytes:
    own = codec.top_level(body, "system")
    if own is None or isinstance(own, str):
        return codec.replace_top_level(body, {"system": _around(prompt, own or "")})
    if not isinstance(own, list):
        raise bad_request("system: Input should be a string or a list of text blocks", "system")
    first = 0
    while first < len(own) and _is_billing(own[first]):
        first += 1
    blocks = [*own[:first], *_blocks(prompt.prepend), *own[first:], *_blocks(prompt.append)]
    return codec.replace_top_level(body, {"system": blocks})


def _is_billing(block: Json) -> bool:
    return isinstance(block, dict) and isinstance(block.get("text"), str) and block["text"].startswith(_BILLING)


def _blocks(text: str) -> list[JsonObject]:
    return [{"type": "text", "text": text}] if text else []


def _chat(body: bytes, prompt: SystemPrompt) -> bytes:
    """Into the caller's leading system messages: some servers know one such message, and at the beginning only."""
    messages = _members(body, "messages")
    if messages is None:
        return body  # the reader, or the provider, says it better
    leading: list[JsonObject] = []
    for raw in messages:
        message = codec.loads(bytes(raw))
        if not isinstance(message, dict) or message.get("role") not in _LEADING:
            break
        leading.append(message)
    if not leading:
        changed: list[Any] = [{"role": "system", "content": prompt.alone}, *messages]
    else:
        new: list[Any] = list(messages[: len(leading)])
        if prompt.append:
            new[-1] = leading[-1] = _extended(leading[-1], SystemPrompt(append=prompt.append), len(leading) - 1)
        if prompt.prepend:
            new[0] = _extended(leading[0], SystemPrompt(prepend=prompt.prepend), 0)
        changed = [*new, *messages[len(leading) :]]
    return _replaced(body, "messages", changed)


def _extended(message: JsonObject, prompt: SystemPrompt, index: int) -> JsonObject:
    content = message.get("content")
    if content is None or isinstance(content, str):
        return {**message, "content": _around(prompt, content or "")}
    if not isinstance(content, list):
        raise bad_request(f"messages[{index}].content must be a string or a list.", f"messages[{index}].content")
    return {**message, "content": [*_blocks(prompt.prepend), *content, *_blocks(prompt.append)]}


def _gemini(body: bytes, prompt: SystemPrompt) -> bytes:
    name = "systemInstruction" if codec.top_level(body, "systemInstruction") is not None else "system_instruction"
    own = codec.top_level(body, name)
    if own is None:
        return codec.replace_top_level(body, {"systemInstruction": {"parts": [{"text": prompt.alone}]}})
    if isinstance(own, str):
        return codec.replace_top_level(body, {name: _around(prompt, own)})
    content = own if isinstance(own, dict) else {"parts": own}
    parts = content.get("parts")
    parts = [] if parts is None else parts if isinstance(parts, list) else [parts]
    return codec.replace_top_level(
        body, {name: {**content, "parts": [*_texts(prompt.prepend), *parts, *_texts(prompt.append)]}}
    )


def _texts(text: str) -> list[JsonObject]:
    return [{"text": text}] if text else []


def _members(body: bytes, key: str) -> list[msgspec.Raw] | None:
    """The values of a list at the top level, each as its bytes; None where there is no list."""
    try:
        raw = codec.raw_members(body).get(key)
        return None if raw is None else _raw_list(raw)
    except (msgspec.DecodeError, UnicodeError):
        value = codec.top_level(body, key)
        return [msgspec.Raw(codec.dumps(each)) for each in value] if isinstance(value, list) else None
    except RecursionError as error:
        raise codec.Malformed("JSON is nested too deeply") from error


def _replaced(body: bytes, key: str, values: list[Any]) -> bytes:
    try:
        return codec.replace_top_level(body, {key: values})
    except TypeError:  # written by the standard library, which has no raw values
        plain = [codec.loads(bytes(each)) if isinstance(each, msgspec.Raw) else each for each in values]
        return codec.replace_top_level(body, {key: plain})


_PLACES: Mapping[Dialect, Callable[[bytes, SystemPrompt], bytes]] = MappingProxyType(
    {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
)
