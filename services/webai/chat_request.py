"""A request of OpenAI's Chat Completions, read into what can be asked here. Pure.

What a web page has no control for is ignored and noted where the answer means the same without it, and refused where
it does not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from router.faults import Fault, bad_request
from router.wire import media
from router.wire.conversation import Inline
from services.webai import tools
from services.webai.asking import Ask, Attachment, Conversation, Turn
from services.webai.settings import Files, Tools

_ROLES = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "user",
    "function": "user",
}  # fmt: skip
_IGNORED = (
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty",
    "frequency_penalty", "logit_bias", "verbosity", "prediction", "service_tier", "web_search_options",
)  # fmt: skip
_MIB = 1024 * 1024
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_ENDINGS = {
    "image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp", "image/heic": ".heic",
    "application/pdf": ".pdf", "text/plain": ".txt", "text/csv": ".csv", "text/markdown": ".md",
    "application/json": ".json", "audio/mpeg": ".mp3", "audio/wav": ".wav", "video/mp4": ".mp4",
}  # fmt: skip
NEW = ("", "new")
"""What a client writes as `conversation_id` to begin a chat that can go on."""


class ChatRequest(Struct, frozen=True, kw_only=True):
    """offered: tools that are emulated. usage: whether a streamed answer ends with a usage chunk."""

    ask: Ask
    stream: bool = False
    usage: bool = False
    offered: tools.Offered | None = None
    notes: tuple[str, ...] = ()


class _Reading(Struct):
    """What is gathered while the messages are read."""

    limits: Files
    notes: list[str] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)


def read(
    body: Any, *, declared: Tools, limits: Files, keep: bool, opened: Callable[[str], Conversation]
) -> ChatRequest:
    """declared: what is done with tools. keep: whether every chat is kept. opened: a `conversation_id` as the chat
    that it stands for, or a `Fault`. Raises `Fault` that names the place."""
    if not isinstance(body, dict):
        raise bad_request("The body must be a JSON object.")
    model = _text(body.get("model"), "model")
    if not model.strip():
        raise bad_request('"model" must name a model; GET /v1/models lists them.', "model")
    reading = _Reading(limits)
    _check_rest(body, reading)
    offered = tools.offered(body, declared)
    going, kept = _conversation(body, opened)
    turns, current = _turns(body.get("messages"), reading, going is not None)
    if offered is not None:
        turns = (Turn("system", offered.instructions), *turns)
        if going is not None:
            last = turns[-1]
            turns = (*turns[:-1], Turn(last.role, f"{offered.instructions}\n\n{last.text}"))
    _check_files(reading)
    ask = Ask(
        model=model.strip(),
        turns=turns,
        files=tuple(reading.files[-current:] if going is not None and current else reading.files),
        keep=keep or kept,
        going=going,
        thinking=_thinking(body),
        gem=_optional(body, "gem"),
    )
    if not ask.prompt.strip():
        raise bad_request("There is no text to answer: the last message of the user is empty.", "messages")
    options = body.get("stream_options")
    return ChatRequest(
        ask=ask,
        stream=body.get("stream") is True,
        usage=isinstance(options, dict) and options.get("include_usage") is True,
        offered=offered,
        notes=tuple(dict.fromkeys(reading.notes)),
    )


def _check_rest(body: dict[str, Any], reading: _Reading) -> None:
    if body.get("n") not in (None, 1):
        raise bad_request('"n" must be 1: a web page gives one answer.', "n")
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type", "text") != "text":
        text = f"A web page promises no {form.get('type')}: leave response_format out, or ask for JSON in words."
        raise bad_request(text, "response_format")
    if body.get("logprobs"):
        raise bad_request("A web page gives no logprobs.", "logprobs")
    modalities = body.get("modalities")
    if isinstance(modalities, list) and "audio" in modalities:
        raise bad_request("A web page gives no audio.", "modalities")
    if "stream" in body and not isinstance(body["stream"], bool | None):
        raise bad_request('"stream" must be true or false.', "stream")
    ignored = [name for name in _IGNORED if body.get(name) is not None]
    reading.notes += [f"{name} was ignored: a web page has no control for it" for name in ignored]


def _conversation(body: dict[str, Any], opened: Callable[[str], Conversation]) -> tuple[Conversation | None, bool]:
    given = body.get("conversation_id")
    if given is None:
        return None, False
    if not isinstance(given, str):
        raise bad_request('"conversation_id" must be the one of an earlier answer, or "new".', "conversation_id")
    return (None, True) if given in NEW else (opened(given), True)


def _turns(messages: Any, reading: _Reading, going: bool) -> tuple[tuple[Turn, ...], int]:
    """All turns, and how many files came after the last answer."""
    if not isinstance(messages, list) or not messages:
        raise bad_request('"messages" must be a list with at least one message.', "messages")
    found, before = [], 0
    for place, message in enumerate(messages):
        path = f"messages[{place}]"
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            raise bad_request(f"{path}.role must be one of {', '.join(_ROLES)}.", f"{path}.role")
        role = _ROLES[message["role"]]
        text = _content(message.get("content"), f"{path}.content", reading)
        found.append(Turn(role, tools.told(message, text)))
        if role == "assistant":
            before = len(reading.files)
    if found[-1].role == "assistant":
        raise bad_request("The last message must be the user's: a web page cannot go on with an answer.", "messages")
    if going and any(turn.role == "system" for turn in found):
        reading.notes.append("instructions were left to the chat that goes on")
    return tuple(found), len(reading.files) - before


def _content(content: Any, path: str, reading: _Reading) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise bad_request(f"{path} must be a text or a list of parts.", path)
    return "\n".join(filter(None, (_part(part, f"{path}[{place}]", reading) for place, part in enumerate(content))))


def _part(part: Any, path: str, reading: _Reading) -> str:
    """The words of a part; what is not words becomes a file."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "input_text", "output_text", "refusal"):
        return _text(part.get("text", part.get("refusal")), f"{path}.text")
    if kind in ("image_url", "input_image"):
        given = part.get("image_url")
        url = given.get("url") if isinstance(given, dict) else given
        _attach(_text(url, f"{path}.image_url"), "", f"{path}.image_url", reading)
        return ""
    if kind in ("file", "input_file"):
        file = part.get("file") if isinstance(part.get("file"), dict) else part
        if file.get("file_data") is None:
            raise bad_request(f"{path}.file needs file_data: this service holds no uploaded files.", f"{path}.file")
        name = file.get("filename")
        _attach(
            _text(file["file_data"], f"{path}.file"), name if isinstance(name, str) else "", f"{path}.file", reading
        )
        return ""
    raise bad_request(f"{path} is of a kind that cannot be sent to a web page: {str(kind)[:40]}.", path)


def _attach(url: str, name: str, path: str, reading: _Reading) -> None:
    source = media.parse_url(url, path)
    if not isinstance(source, Inline):
        raise bad_request(f"{path} must be a data URL: this service fetches no addresses.", path)
    data = base64.b64decode(source.data)
    stem, dot, ending = name.rpartition(".")
    ending = f".{ending}" if dot else _ENDINGS.get(source.media_type, ".bin")
    base = _UNSAFE.sub("-", stem or name).strip("-.")[:80] or f"file-{len(reading.files) + 1}"
    safe = base + (_UNSAFE.sub("", ending)[:10] or ".bin")
    if safe in {each.name for each in reading.files}:
        safe = f"{len(reading.files) + 1}-{safe}"
    reading.files.append(Attachment(data, source.media_type, safe))
    if len(data) > reading.limits.each * _MIB:
        raise Fault("too_large", f"{path} has more than {reading.limits.each:g} MiB.", param=path)


def _check_files(reading: _Reading) -> None:
    limits = reading.limits
    if len(reading.files) > limits.most:
        raise bad_request(f"There are {len(reading.files)} files; at most {limits.most} can be sent.", "messages")
    if sum(len(file.data) for file in reading.files) > limits.together * _MIB:
        raise Fault("too_large", f"The files have more than {limits.together:g} MiB together.", param="messages")


def _thinking(body: dict[str, Any]) -> bool:
    """Whether extended thinking is asked for, in OpenAI's way or in that of WebAI-to-API."""
    found: Any = body
    for name in ("provider_options", "gemini", "extended_thinking"):
        found = found.get(name) if isinstance(found, dict) else None
    return found is True or body.get("reasoning_effort") in ("medium", "high", "xhigh", "max")


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{path} must be a text.", path)
    return value


def _optional(body: dict[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else _text(body[name], name)
