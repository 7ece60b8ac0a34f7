"""A small agent in each dialect: it asks with a tool, runs what the model calls, and sends the whole history back."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import Dialect

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
SAYS = "done: 7"


def first(dialect: Dialect, said: str, *, think: bool, name: str = "f") -> Json:
    """The first request of an agent that has one tool, called `name`."""
    if dialect == "chat":
        tool: Json = {"type": "function", "function": {"name": name, "parameters": SCHEMA}}
        effort = {"reasoning_effort": "high"} if think else {}
        return {"model": "m", "messages": [{"role": "user", "content": said}], "tools": [tool], **effort}
    if dialect == "responses":
        tool = {"type": "function", "name": name, "parameters": SCHEMA, "strict": False}
        more: Json = {"reasoning": {"effort": "high", "summary": "auto"}} if think else {}
        more |= {"include": ["reasoning.encrypted_content"], "store": False}
        return {"model": "m", "input": [{"role": "user", "content": said}], "tools": [tool], **more}
    if dialect == "messages":
        tool = {"name": name, "input_schema": SCHEMA}
        more = {"thinking": {"type": "adaptive", "display": "summarized"}} if think else {}
        return {"model": "m", "max_tokens": 9000, "messages": [_user(said)], "tools": [tool], **more}
    config = {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "high"}} if think else {}
    declared = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": SCHEMA}]}]
    contents = [{"role": "user", "parts": [{"text": said}]}]
    return {"contents": contents, "tools": declared, "generationConfig": config}


def _user(content: Any) -> Json:
    return {"role": "user", "content": content}


def second(dialect: Dialect, request: Json, reply: Json) -> Json:
    """The next request: the first with the answer as it came and the results of its calls."""
    key = {"chat": "messages", "responses": "input", "messages": "messages", "gemini": "contents"}[dialect]
    return {**request, key: [*request[key], *_TURNS[dialect](reply)]}


def _chat(reply: Json) -> list[Json]:
    message = reply["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": SAYS} for c in message.get("tool_calls") or ()]
    return [message, *results]


def _responses(reply: Json) -> list[Json]:
    calls = [item for item in reply["output"] if item["type"] == "function_call"]
    outputs = [{"type": "function_call_output", "call_id": c["call_id"], "output": SAYS} for c in calls]
    return [*reply["output"], *outputs]


def _messages(reply: Json) -> list[Json]:
    calls = [block for block in reply["content"] if block["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": c["id"], "content": SAYS} for c in calls]
    return [{"role": "assistant", "content": reply["content"]}, _user(results)]


def _gemini(reply: Json) -> list[Json]:
    content = reply["candidates"][0]["content"]
    calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    results = [
        {"functionResponse": {"id": c["id"], "name": c["name"], "response": {"output": SAYS}}} for c in calls
    ]  # fmt: skip
    return [content, {"role": "user", "parts": results}]


_TURNS = {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
