"""Requests as clients of each dialect write them, made from neutral values without any code of the router's writers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from router.wire.conversation import (
    Conversation,
    Dialect,
    Document,
    Image,
    Inline,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

Json = dict[str, Any]


def body(asked: Conversation, dialect: Dialect) -> Json:
    """The body that a client of `dialect` sends for `asked`. Gemini's model and stream are in its path."""
    return _BODIES[dialect](asked)


def _present(**fields: Any) -> Json:
    return {key: value for key, value in fields.items() if value is not None and value != []}


def _data_url(source: Any) -> str:
    return f"data:{source.media_type};base64,{source.data}" if isinstance(source, Inline) else source.url


def _text(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


# Chat


def _chat(asked: Conversation) -> Json:
    messages: list[Json] = [{"role": "system", "content": part.text} for part in asked.system if isinstance(part, Text)]
    for turn in asked.turns:
        messages += _chat_turn(turn)
    return _present(
        model=asked.model,
        messages=messages,
        tools=[{"type": "function", "function": _function(tool, "parameters")} for tool in asked.tools],
        tool_choice=_openai_choice(asked.tool_choice, flat=False),
        parallel_tool_calls=asked.parallel_tool_calls if asked.tools else None,
        response_format=_chat_format(asked),
        temperature=asked.sampling.temperature,
        top_p=asked.sampling.top_p,
        seed=asked.sampling.seed,
        frequency_penalty=asked.sampling.frequency_penalty,
        max_completion_tokens=asked.max_tokens,
        stop=list(asked.stop),
        reasoning_effort=asked.reasoning.effort,
        stream=asked.stream,
    )


def _chat_turn(turn: Turn) -> list[Json]:
    if turn.role == "system":
        return [{"role": "developer", "content": _text(turn.parts)}]
    if turn.role == "assistant":
        message: Json = {"role": "assistant", "content": _text(turn.parts) or None}
        thoughts = [part.text for part in turn.parts if isinstance(part, Thinking)]
        calls = [part for part in turn.parts if isinstance(part, ToolCall)]
        if thoughts:
            message["reasoning_content"] = "".join(thoughts)
        if calls:
            message["tool_calls"] = [
                {"id": c.call_id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in calls
            ]
        return [message]
    messages: list[Json] = [
        {"role": "tool", "tool_call_id": part.call_id, "content": _text(part.content)}
        for part in turn.parts
        if isinstance(part, ToolResult)
    ]
    content = [_chat_part(part) for part in turn.parts if not isinstance(part, ToolResult)]
    return [*messages, {"role": "user", "content": content}] if content else messages


def _chat_part(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": _data_url(part.source)}}
    assert isinstance(part, Document)
    return {"type": "file", "file": {"filename": part.filename or "a.pdf", "file_data": _data_url(part.source)}}


def _function(tool: Any, key: str) -> Json:
    return _present(name=tool.name, description=tool.description, strict=tool.strict) | {key: tool.schema}


def _openai_choice(choice: ToolChoice | None, *, flat: bool) -> Any:
    if choice is None:
        return None
    if choice.mode != "tool":
        return {"auto": "auto", "none": "none", "any": "required"}[choice.mode]
    name = {"name": choice.names[0]}
    return {"type": "function", **name} if flat else {"type": "function", "function": name}


def _chat_format(asked: Conversation) -> Json | None:
    output = asked.output
    if output is None:
        return None
    if output.kind == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": output.name or "shape", "schema": output.schema}}


# Responses


def _responses(asked: Conversation) -> Json:
    output, items = asked.output, [item for turn in asked.turns for item in _responses_items(turn)]
    form: Json | None = None
    if output is not None:
        schema = {"type": "json_schema", "name": output.name or "shape", "schema": output.schema, "strict": False}
        form = {"type": "json_object"} if output.kind == "json" else schema
    return _present(
        model=asked.model,
        instructions=_text(asked.system) if asked.system else None,
        input=items,
        tools=[{"type": "function", **_function(tool, "parameters")} for tool in asked.tools],
        tool_choice=_openai_choice(asked.tool_choice, flat=True),
        parallel_tool_calls=asked.parallel_tool_calls,
        text=None if form is None else {"format": form},
        temperature=asked.sampling.temperature,
        top_p=asked.sampling.top_p,
        max_output_tokens=asked.max_tokens,
        reasoning=None if asked.reasoning.effort is None else {"effort": asked.reasoning.effort},
        store=False,
        stream=asked.stream,
    ) | {"input": items}


def _responses_items(turn: Turn) -> list[Json]:
    if turn.role == "system":
        return [{"type": "message", "role": "developer", "content": _text(turn.parts)}]
    items: list[Json] = []
    for part in turn.parts:
        if isinstance(part, ToolCall):
            call = {"call_id": part.call_id, "name": part.name, "arguments": part.arguments}
            items.append({"type": "function_call", **call})
        elif isinstance(part, ToolResult):
            output = [_responses_part(piece, "user") for piece in part.content]
            items.append({"type": "function_call_output", "call_id": part.call_id, "output": output})
        elif isinstance(part, Thinking):
            summary = [{"type": "summary_text", "text": part.text}]
            sealed = part.opaque.data if part.opaque is not None else None
            items.append({"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": sealed})
        else:
            content = [_responses_part(part, turn.role)]
            items.append({"type": "message", "role": turn.role, "content": content})
    return items


def _responses_part(part: Part, role: str) -> Json:
    if isinstance(part, Text):
        kind = "output_text" if role == "assistant" else "input_text"
        return {"type": kind, "text": part.text, **({"annotations": []} if role == "assistant" else {})}
    if isinstance(part, Image):
        return {"type": "input_image", "image_url": _data_url(part.source)}
    assert isinstance(part, Document)
    return {"type": "input_file", "filename": part.filename or "a.pdf", "file_data": _data_url(part.source)}


# Messages


def _messages(asked: Conversation) -> Json:
    config = _present(effort=asked.reasoning.effort, format=_messages_format(asked))
    choice = _messages_choice(asked.tool_choice)
    if asked.parallel_tool_calls is False and asked.tools:
        choice = {**(choice or {"type": "auto"})}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    return _present(
        model=asked.model,
        max_tokens=asked.max_tokens or 4096,
        system=[{"type": "text", "text": part.text} for part in asked.system if isinstance(part, Text)],
        messages=[{"role": turn.role, "content": [_block(part) for part in turn.parts]} for turn in asked.turns],
        tools=[_present(name=t.name, description=t.description) | {"input_schema": t.schema} for t in asked.tools],
        tool_choice=choice,
        output_config=config or None,
        temperature=asked.sampling.temperature,
        top_p=asked.sampling.top_p,
        stop_sequences=list(asked.stop),
        stream=asked.stream,
    )


def _messages_format(asked: Conversation) -> Json | None:
    if asked.output is None or asked.output.kind != "schema":
        return None
    return {"type": "json_schema", "schema": asked.output.schema}


def _messages_choice(choice: ToolChoice | None) -> Json | None:
    if choice is None:
        return None
    return {"type": choice.mode, **({"name": choice.names[0]} if choice.mode == "tool" else {})}


def _block(part: Part) -> Json:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.call_id, "name": part.name, "input": json.loads(part.arguments or "{}")}
    if isinstance(part, ToolResult):
        content = [_block(piece) for piece in part.content]
        failed = {} if part.is_error is None else {"is_error": part.is_error}
        return {"type": "tool_result", "tool_use_id": part.call_id, "content": content, **failed}
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text, "signature": part.opaque.data if part.opaque else ""}
    kind = "image" if isinstance(part, Image) else "document"
    source = part.source  # type: ignore[attr-defined]
    if isinstance(source, Inline):
        return {"type": kind, "source": {"type": "base64", "media_type": source.media_type, "data": source.data}}
    return {"type": kind, "source": {"type": "url", "url": source.url}}


# Gemini


def _gemini(asked: Conversation) -> Json:
    config = _present(
        temperature=asked.sampling.temperature,
        topP=asked.sampling.top_p,
        topK=asked.sampling.top_k,
        seed=asked.sampling.seed,
        maxOutputTokens=asked.max_tokens,
        stopSequences=list(asked.stop),
        thinkingConfig=None if asked.reasoning.effort is None else {"thinkingLevel": asked.reasoning.effort.upper()},
        responseMimeType=None if asked.output is None else "application/json",
        responseJsonSchema=None if asked.output is None else asked.output.schema,
    )
    declared = [_gemini_function(tool) for tool in asked.tools]
    known: dict[str, str] = {}
    contents = [{"role": _ROLES[turn.role], "parts": _gemini_parts(turn, known)} for turn in asked.turns]
    return _present(
        systemInstruction={"parts": [{"text": _text(asked.system)}]} if asked.system else None,
        tools=[{"functionDeclarations": declared}] if declared else None,
        toolConfig=_gemini_choice(asked.tool_choice),
        generationConfig=config or None,
    ) | {"contents": contents}


_ROLES = {"user": "user", "assistant": "model", "system": "user"}


def _gemini_function(tool: Any) -> Json:
    return _present(name=tool.name, description=tool.description) | {"parametersJsonSchema": tool.schema}


def _gemini_parts(turn: Turn, known: dict[str, str]) -> list[Json]:
    parts: list[Json] = []
    for part in turn.parts:
        if isinstance(part, Text):
            parts.append({"text": part.text})
        elif isinstance(part, ToolCall):
            known[part.call_id] = part.name
            args = json.loads(part.arguments or "{}")
            parts.append({"functionCall": {"id": part.call_id, "name": part.name, "args": args}})
        elif isinstance(part, ToolResult):
            key = "error" if part.is_error else "output"
            media = [{"inlineData": _blob(piece)} for piece in part.content if isinstance(piece, Image)]
            response: Json = {"id": part.call_id, "name": part.name or known.get(part.call_id, "gone")}
            response["response"] = {key: _text(part.content)}
            if media:
                response["parts"] = media
            parts.append({"functionResponse": response})
        elif isinstance(part, Thinking):
            signed = {"thoughtSignature": part.opaque.data} if part.opaque is not None else {}
            parts.append({"text": part.text, "thought": True, **signed})
        else:
            parts.append({"inlineData": _blob(part)})
    return parts


def _blob(part: Any) -> Json:
    return {"mimeType": part.source.media_type, "data": part.source.data}


def _gemini_choice(choice: ToolChoice | None) -> Json | None:
    if choice is None:
        return None
    mode = {"auto": "AUTO", "none": "NONE", "any": "ANY", "tool": "ANY"}[choice.mode]
    names = {"allowedFunctionNames": list(choice.names)} if choice.mode == "tool" else {}
    return {"functionCallingConfig": {"mode": mode, **names}}


_BODIES: dict[Dialect, Callable[[Conversation], Json]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}
