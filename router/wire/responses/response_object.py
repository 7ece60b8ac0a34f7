"""The `response` object of lifecycle events and unstreamed answers, with the echo fields that strict clients want."""

from __future__ import annotations

from typing import Any

from router.wire.conversation import Conversation, JsonObject, OutputFormat, Text
from router.wire.dialect import ReplyContext
from router.wire.events import Usage
from router.wire.responses.tools_writer import declared_tools, echoed_choice
from router.wire.responses.usage import write_usage


def echo(request: Conversation) -> JsonObject:
    """What the caller asked for, as the API repeats it. Defaults are those of the API."""
    own = request.extra.get("responses", {})
    texts = [part.text for part in request.system if isinstance(part, Text) and "responses" not in part.extra]
    sampling = request.sampling
    return {
        "background": False,
        "instructions": "\n\n".join(texts) if texts else None,
        "max_output_tokens": request.max_tokens,
        "max_tool_calls": own.get("max_tool_calls"),
        "metadata": request.metadata,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.cache_key,
        "reasoning": {"effort": request.reasoning.effort, "summary": request.reasoning.summary},
        "safety_identifier": own.get("safety_identifier"),
        "service_tier": request.service_tier or "default",
        "store": request.store is not False,
        "temperature": 1.0 if sampling.temperature is None else sampling.temperature,
        "text": {"format": text_format(request.output), "verbosity": request.verbosity or "medium"},
        "tool_choice": echoed_choice(request.tool_choice),
        "tools": declared_tools(request.tools),
        "top_logprobs": request.logprobs or 0,
        "top_p": 1.0 if sampling.top_p is None else sampling.top_p,
        "truncation": own.get("truncation") or "disabled",
        "user": own.get("user"),
    }


def text_format(output: OutputFormat | None) -> JsonObject:
    """``text.format``: flat, unlike Chat's."""
    if output is None or output.kind not in ("json", "schema"):
        return {"type": "text"}
    if output.kind == "json":
        return {"type": "json_object"}
    written: JsonObject = {"type": "json_schema", "name": output.name or "response", "schema": output.schema or {}}
    if output.description is not None:
        written["description"] = output.description
    if output.strict is not None:
        written["strict"] = output.strict
    return written


def response_object(
    context: ReplyContext,
    echoed: JsonObject,
    *,
    status: str,
    output: list[JsonObject],
    usage: Usage | None = None,
    error: JsonObject | None = None,
    incomplete: str | None = None,
) -> dict[str, Any]:
    """One snapshot of the response. `completed_at` is the only clock there is: the time it was created at."""
    return {
        "id": context.response_id,
        "object": "response",
        "created_at": context.created,
        "status": status,
        "completed_at": context.created if status == "completed" else None,
        "error": error,
        "incomplete_details": None if incomplete is None else {"reason": incomplete},
        "model": context.model,
        "output": output,
        **echoed,
        "usage": None if usage is None else write_usage(usage),
    }
