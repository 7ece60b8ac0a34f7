"""A folded answer to an unstreamed `chat.completion`."""

from __future__ import annotations

from router.wire import media
from router.wire.chat import signatures
from router.wire.chat.choice_writer import THINK_CLOSE, THINK_OPEN
from router.wire.chat.finish import WRITE
from router.wire.chat.usage import write_usage
from router.wire.codec import Malformed, loads
from router.wire.conversation import Audio, Image, Inline, JsonObject, Opaque, Refusal, Text, Thinking, ToolCall, Url
from router.wire.dialect import ReplyContext
from router.wire.events import Answer, Choice


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """The body for the caller."""
    reply: JsonObject = {
        "id": context.response_id,
        "object": "chat.completion",
        "created": context.created,
        "model": context.model,
        "choices": [_choice(index, choice, context) for index, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        reply["usage"] = write_usage(answer.usage)
    own = answer.extra.get("chat", {})
    reply.update({key: own[key] for key in ("service_tier", "system_fingerprint") if key in own})
    return reply


def _choice(index: int, choice: Choice, context: ReplyContext) -> JsonObject:
    legacy = any(tool.extra.get("chat", {}).get("legacy") for tool in context.request.tools)
    message = _message(choice, context.thinking_output)
    finish = WRITE[choice.reason]
    if legacy and "tool_calls" in message:
        message["function_call"] = message.pop("tool_calls")[0].get("function")
        finish = "function_call" if finish == "tool_calls" else finish
    return {"index": index, "message": message, "logprobs": choice.logprobs, "finish_reason": finish}


def _message(choice: Choice, thinking_output: str) -> JsonObject:
    thoughts = [part for part in choice.parts if isinstance(part, Thinking)]
    refusals = [part.text for part in choice.parts if isinstance(part, Refusal)]
    if not refusals and choice.reason == "filtered" and choice.detail:
        refusals = [choice.detail]
    message: JsonObject = {
        "role": "assistant",
        "content": _content(choice, thinking_output == "tags"),
        "refusal": "".join(refusals) if refusals else None,
    }
    thought = "".join(part.text for part in thoughts)
    if thought and thinking_output == "reasoning_content":
        message["reasoning_content"] = thought
    details = [item for part in thoughts if part.opaque for item in _details(part.opaque)]
    if details:
        message["reasoning_details"] = details
    calls = _calls(choice)
    if calls:
        message["tool_calls"] = calls
    signed = [part.opaque for part in choice.parts if isinstance(part, Text) and part.opaque is not None]
    if signed:
        message["extra_content"] = signatures.shown(signed[-1])
    message["annotations"] = _annotations(choice)
    return {**message, **_media(choice)}


def _content(choice: Choice, tags: bool) -> str | None:
    pieces: list[str] = []
    for part in choice.parts:
        if isinstance(part, Text):
            pieces.append(part.text)
        elif isinstance(part, Thinking) and tags and part.text:
            pieces.append(f"{THINK_OPEN}{part.text}{THINK_CLOSE}")
    return "".join(pieces) if pieces else None


def _calls(choice: Choice) -> list[JsonObject]:
    calls: list[JsonObject] = []
    carried: list[Opaque] = []
    for part in choice.parts:
        if isinstance(part, Thinking) and part.opaque is not None and part.opaque.dialect != "chat":
            carried.append(signatures.carried(part.opaque, part.text, redacted=part.redacted))
        if not isinstance(part, ToolCall):
            continue
        call: JsonObject = {"id": part.call_id}
        if part.custom:
            call |= {"type": "custom", "custom": {"name": part.name, "input": part.arguments}}
        else:
            call |= {"type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        opaque = part.opaque if part.opaque is not None or len(carried) != 1 else carried[0]
        carried = []
        if opaque is not None:
            call["extra_content"] = signatures.shown(opaque)
        calls.append(call)
    return calls


def _details(opaque: Opaque) -> list[JsonObject]:
    if opaque.dialect != "chat":
        return []
    try:
        found = loads(opaque.data)
    except Malformed:
        return []
    return found if isinstance(found, list) else []


def _annotations(choice: Choice) -> list[JsonObject]:
    starts: dict[int, int] = {}
    length = 0
    for index, part in enumerate(choice.parts):
        if isinstance(part, Text):
            starts[index] = length
            length += len(part.text)
    found: list[JsonObject] = []
    for index, cited in choice.citations:
        part = choice.parts[index]
        start = starts[index] + (cited.start or 0)
        whole = len(part.text) if isinstance(part, Text) else 0
        end = starts[index] + (whole if cited.end is None else cited.end)
        citation = {"start_index": start, "end_index": end, "url": cited.url, "title": cited.title}
        found.append({"type": "url_citation", "url_citation": citation})
    return found


def _media(choice: Choice) -> JsonObject:
    keys: JsonObject = {}
    for part in choice.parts:
        source = part.source if isinstance(part, Image | Audio) else None
        if isinstance(part, Audio) and isinstance(source, Inline):
            keys["audio"] = {"data": source.data}
        elif isinstance(part, Image) and isinstance(source, Inline | Url):
            url = media.data_url(source) if isinstance(source, Inline) else source.url
            images = keys.setdefault("images", [])
            images.append({"type": "image_url", "index": len(images), "image_url": {"url": url}})
    return keys
