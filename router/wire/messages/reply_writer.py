"""A folded answer as an unstreamed message: block for block what the stream would have built."""

from __future__ import annotations

from collections.abc import Iterable

from router.wire.conversation import Audio, Foreign, Image, JsonObject, Part, Refusal, Text, Thinking, ToolCall
from router.wire.dialect import ReplyContext
from router.wire.events import Answer, Choice, Usage
from router.wire.messages import count_tokens, signatures
from router.wire.messages.block_writer import arguments_object
from router.wire.messages.citations import citation
from router.wire.messages.finish import stop_fields
from router.wire.messages.pictures import describe
from router.wire.messages.usage import write_full_usage


def write_reply(answer: Answer, context: ReplyContext) -> JsonObject:
    """The body of a 200. Only the first choice: this dialect has one."""
    choice = answer.choices[0] if answer.choices else Choice()
    content = [block for i, part in enumerate(choice.parts) for block in _blocks(i, part, choice, context)]
    usage = answer.usage
    if usage is None:
        characters = sum(len(part.text) for part in choice.parts if isinstance(part, Text | Thinking | Refusal))
        output = count_tokens.estimate_text(characters)
        usage = Usage(input=count_tokens.estimate(context.request), output=output, estimated=True)
    return {
        "id": context.response_id,
        "type": "message",
        "role": "assistant",
        "model": context.model,
        "content": content,
        **stop_fields(choice.reason, choice.stop_sequence),
        "usage": write_full_usage(usage),
    }


def _blocks(index: int, part: Part, choice: Choice, context: ReplyContext) -> Iterable[JsonObject]:
    if isinstance(part, Text):
        if part.text:
            block: JsonObject = {"type": "text", "text": part.text}
            cited = [citation(event) for at, event in choice.citations if at == index]
            yield block | {"citations": cited} if cited else block
    elif isinstance(part, Refusal):
        if part.text:
            yield {"type": "text", "text": part.text}
    elif isinstance(part, Thinking):
        yield signatures.thinking_block(part.text, part.opaque, part.redacted)
    elif isinstance(part, ToolCall):
        carrier = signatures.call_signature(part.opaque, part.call_id, context.request)
        if carrier is not None:
            yield carrier
        given = {"input": part.arguments} if part.custom else arguments_object(part.arguments)
        yield {"type": "tool_use", "id": part.call_id, "name": part.name, "input": given}
    elif isinstance(part, Foreign):
        if part.dialect == "messages":
            yield part.raw
    elif isinstance(part, Image | Audio):
        yield {"type": "text", "text": describe("image" if isinstance(part, Image) else "audio", part.source)}
