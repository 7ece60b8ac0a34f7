"""A Responses request to the neutral form. Sources: developers.openai.com API reference; ``codex-rs`` as captured."""

from __future__ import annotations

import msgspec

from router.faults import bad_request
from router.wire.conversation import (
    EFFORTS,
    Conversation,
    Effort,
    Foreign,
    JsonObject,
    OutputFormat,
    Part,
    Reasoning,
    Sampling,
    Text,
    Turn,
)
from router.wire.responses.items_reader import read_items
from router.wire.responses.tools_reader import read_choice, read_tools
from router.wire.responses.typed import flag, integer, mapping, number, required_text, sequence, text

LOGPROBS = "message.output_text.logprobs"
STATEFUL = ("conversation", "prompt", "background")
"""Keys that only the API itself can honour: they become a `Foreign` part, which other dialects refuse."""

_FIELDS = frozenset(
    {
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p",
        "max_output_tokens", "metadata", "service_tier", "prompt_cache_key", "store", "previous_response_id", "stream",
        "reasoning", "text", *STATEFUL,
    }
)  # fmt: skip
"""Top-level keys that have a field of their own; all others are kept as they are."""


def read_request(body: JsonObject, model: str | None = None, stream: bool | None = None) -> Conversation:
    """See `DialectSpec.read_request`."""
    name = model if model is not None else required_text(body, "model", "")
    turns = read_items(body.get("input", []), "input")
    system = _instructions(body)
    leading, turns = _leading_system(turns)
    turns = (*_stateful(body), *turns)
    extra = {key: value for key, value in body.items() if key not in _FIELDS and value is not None}
    words = mapping(body, "text", "") or {}
    include = sequence(body, "include", "") or []
    logprobs = integer(body, "top_logprobs", "")
    reasoning, unsaid = _reasoning(body)
    extra |= {"reasoning": unsaid} if unsaid else {}
    unworded = {key: value for key, value in words.items() if key not in ("format", "verbosity")}
    extra |= {"text": unworded} if unworded else {}
    asked = LOGPROBS in include or bool(logprobs)
    safety, user = text(body, "safety_identifier", ""), text(body, "user", "")
    return Conversation(
        dialect="responses",
        model=name,
        system=(*system, *leading),
        turns=turns,
        tools=read_tools(body),
        tool_choice=read_choice(body.get("tool_choice")),
        parallel_tool_calls=flag(body, "parallel_tool_calls", ""),
        output=_output(words),
        sampling=Sampling(temperature=number(body, "temperature", ""), top_p=number(body, "top_p", "")),
        reasoning=reasoning,
        max_tokens=integer(body, "max_output_tokens", ""),
        logprobs=(logprobs or 0) if asked else None,
        verbosity=text(words, "verbosity", "text"),
        service_tier=text(body, "service_tier", ""),
        user=safety if safety is not None else user,
        metadata=mapping(body, "metadata", "") or {},
        cache_key=text(body, "prompt_cache_key", ""),
        store=flag(body, "store", ""),
        previous_response_id=text(body, "previous_response_id", ""),
        stream=stream if stream is not None else bool(flag(body, "stream", "")),
        extra={"responses": extra} if extra else {},
    )


def _instructions(body: JsonObject) -> tuple[Part, ...]:
    value = text(body, "instructions", "")
    return () if value is None else (Text(value),)


def _leading_system(turns: tuple[Turn, ...]) -> tuple[tuple[Part, ...], tuple[Turn, ...]]:
    """Developer messages at the head of the input are leading system text; each text remembers its message."""
    leading: list[Part] = []
    count = 0
    for turn in turns:
        if turn.role != "system" or not all(isinstance(part, Text) for part in turn.parts):
            break
        message = {"message": count, **turn.extra.get("responses", {})}
        for part in turn.parts:
            own = {**part.extra.get("responses", {}), "of": message}
            leading.append(msgspec.structs.replace(part, extra={"responses": own}))
        count += 1
    return tuple(leading), turns[count:]


def _stateful(body: JsonObject) -> tuple[Turn, ...]:
    foreign = [
        Foreign("responses", {key: body[key]}, where=key, extra={"responses": {"level": "body"}})
        for key in STATEFUL
        if body.get(key) not in (None, False)
    ]
    return (Turn("user", tuple(foreign)),) if foreign else ()


def _reasoning(body: JsonObject) -> tuple[Reasoning, JsonObject]:
    """Effort and summary, and what the neutral form has no word for."""
    value = mapping(body, "reasoning", "") or {}
    effort = text(value, "effort", "reasoning")
    if effort is not None and effort not in EFFORTS:
        raise bad_request(f"reasoning.effort must be one of {', '.join(EFFORTS)}, not {effort!r}.", "reasoning.effort")
    summary = text(value, "summary", "reasoning") or text(value, "generate_summary", "reasoning")
    known: Effort | None = next((named for named in EFFORTS if named == effort), None)
    rest = {k: v for k, v in value.items() if k not in ("effort", "summary", "generate_summary") and v is not None}
    return Reasoning(effort=known, show=None if summary is None else True, summary=summary), rest


def _output(words: JsonObject) -> OutputFormat | None:
    value = mapping(words, "format", "text")
    if value is None:
        return None
    kind = required_text(value, "type", "text.format")
    if kind == "text":
        return OutputFormat()
    if kind == "json_object":
        return OutputFormat("json")
    if kind != "json_schema":
        raise bad_request(
            f"text.format.type must be text, json_object or json_schema, not {kind!r}.", "text.format.type"
        )
    schema = mapping(value, "schema", "text.format")
    if schema is None:
        raise bad_request("text.format.schema is missing; it must be an object.", "text.format.schema")
    return OutputFormat(
        "schema",
        schema,
        name=text(value, "name", "text.format"),
        description=text(value, "description", "text.format"),
        strict=flag(value, "strict", "text.format"),
    )
