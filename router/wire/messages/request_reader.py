"""A Messages request to the neutral form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from router.faults import bad_request
from router.wire.conversation import (
    Conversation,
    Effort,
    JsonObject,
    OutputFormat,
    Part,
    Reasoning,
    Role,
    Sampling,
    Text,
    ToolChoice,
    Turn,
)
from router.wire.messages import typed
from router.wire.messages.blocks import read_block, read_content
from router.wire.messages.tools_reader import read_tool_choice, read_tools

BILLING = "~billing"
THINKING = "~thinking"
"""Keys of ``Conversation.extra["messages"]`` that are ours: what the writer of the same dialect puts back."""

_BILLING_TEXT = "x-anthropic-billing-header:"
_ROLES: tuple[Role, ...] = get_args(Role)
_TIERS = {"auto": "auto", "standard_only": "default"}
_KNOWN = (
    "model",
    "system",
    "messages",
    "tools",
    "tool_choice",
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
    "metadata",
    "stream",
)


def read_request(
    body: Any, model: str | None = None, stream: bool | None = None, *, counting: bool = False
) -> Conversation:
    """Read the body of ``/v1/messages``, or of ``/v1/messages/count_tokens`` (`counting`: no ``max_tokens`` needed).

    Keys that the neutral form has no field for (``context_management``, ``mcp_servers``, ``container`` …)
    are kept in ``extra["messages"]``. Raises `Fault` bad_request with the JSON path.
    """
    body = typed.obj(body, "body")
    _refuse_thread(body)
    if model is None:
        model = typed.text(typed.need(body, "model", ""), "model")
    max_tokens = _optional(body, "max_tokens", lambda value, path: typed.integer(value, path, least=0))
    if max_tokens is None and not counting:
        raise typed.wrong("max_tokens", typed.REQUIRED)
    kept = typed.rest(body, *_KNOWN)
    system = _system(body, kept)
    choice, parallel = _tool_choice(body)
    reasoning, output = _output(body, kept)
    user, metadata = _metadata(body)
    return Conversation(
        dialect="messages",
        model=model,
        system=system,
        turns=tuple(_turns(typed.need(body, "messages", ""))),
        tools=read_tools(body["tools"]) if body.get("tools") is not None else (),
        tool_choice=choice,
        parallel_tool_calls=parallel,
        output=output,
        sampling=Sampling(
            temperature=_optional(body, "temperature", typed.number),
            top_p=_optional(body, "top_p", typed.number),
            top_k=_optional(body, "top_k", typed.integer),
        ),
        reasoning=reasoning,
        max_tokens=max_tokens,
        stop=_stop(body),
        service_tier=_tier(body, kept),
        user=user,
        metadata=metadata,
        stream=stream if stream is not None else bool(_optional(body, "stream", typed.boolean)),
        include_usage=True,
        extra={"messages": kept} if kept else {},
    )


def _refuse_thread(body: JsonObject) -> None:
    """Message threads keep state at Anthropic. This very answer makes the official SDKs go on without them."""
    if body.get("thread") is None:
        return
    raise bad_request(
        "thread: message threads are not supported here. Send the whole conversation instead.",
        "thread",
        details={"error_code": "thread_unsupported_request", "unsupported": ["thread"]},
    )


def _optional(body: JsonObject, key: str, check: Any) -> Any:
    value = body.get(key)
    return None if value is None else check(value, key)


def _system(body: JsonObject, kept: JsonObject) -> tuple[Part, ...]:
    """System text. Claude Code's billing line changes with every request: kept for Anthropic, but it is no prompt."""
    system = body.get("system")
    if system is None or system == "":
        return ()
    if isinstance(system, str):
        return (Text(text=system),)
    parts: list[Part] = []
    for block, path in typed.items(system, "system"):
        part = read_block(block, path)
        if not isinstance(part, Text):
            raise typed.wrong(f"{path}.type", "Input should be 'text'")
        if part.text.startswith(_BILLING_TEXT) and not parts:
            kept.setdefault(BILLING, []).append(block)
        else:
            parts.append(part)
    return tuple(parts)


def _turns(value: Any) -> Iterable[Turn]:
    for message, path in typed.items(value, "messages"):
        role = typed.text(typed.need(message, "role", path), f"{path}.role")
        if role not in _ROLES:
            raise typed.wrong(f"{path}.role", "Input should be 'user', 'assistant' or 'system'")
        kept = typed.rest(message, "role", "content")
        yield Turn(
            role=role,
            parts=read_content(typed.need(message, "content", path), f"{path}.content"),
            extra={"messages": kept} if kept else {},
        )


def _tool_choice(body: JsonObject) -> tuple[ToolChoice | None, bool | None]:
    value = body.get("tool_choice")
    return (None, None) if value is None else read_tool_choice(value)


def _output(body: JsonObject, kept: JsonObject) -> tuple[Reasoning, OutputFormat | None]:
    config = body.get("output_config")
    config = {} if config is None else typed.obj(config, "output_config")
    effort = config.get("effort")
    if effort is not None and typed.text(effort, "output_config.effort") not in get_args(Effort):
        raise typed.wrong("output_config.effort", "Input should be 'low', 'medium', 'high', 'xhigh' or 'max'")
    left = typed.rest(config, "effort", "format")
    if left:
        kept["output_config"] = left
    path, value = ("output_config.format", config.get("format"))
    if value is None:
        path, value = "output_format", body.get("output_format")
    return _reasoning(body, effort, kept), None if value is None else _format(value, path)


def _format(value: Any, path: str) -> OutputFormat:
    form = typed.obj(value, path)
    if typed.text(typed.need(form, "type", path), f"{path}.type") != "json_schema":
        raise typed.wrong(f"{path}.type", "Input should be 'json_schema'")
    name = form.get("name")
    schema = typed.obj(typed.need(form, "schema", path), f"{path}.schema")
    return OutputFormat(kind="schema", schema=schema, name=name if isinstance(name, str) else None)


def _reasoning(body: JsonObject, effort: Effort | None, kept: JsonObject) -> Reasoning:
    if body.get("thinking") is None:
        return Reasoning(effort=effort)
    thinking = typed.obj(body["thinking"], "thinking")
    kind = typed.text(typed.need(thinking, "type", "thinking"), "thinking.type")
    left = typed.rest(thinking, "type", "budget_tokens")
    if left:
        kept[THINKING] = left
    if kind == "disabled":
        return Reasoning(effort=effort, budget=0, show=False)
    show = thinking.get("display") != "omitted"
    if kind == "adaptive":
        return Reasoning(effort=effort, adaptive=True, show=show)
    if kind != "enabled":
        raise typed.wrong("thinking.type", "Input should be 'enabled', 'disabled' or 'adaptive'")
    budget = typed.integer(typed.need(thinking, "budget_tokens", "thinking"), "thinking.budget_tokens", least=1024)
    return Reasoning(effort=effort, budget=budget, show=show)


def _stop(body: JsonObject) -> tuple[str, ...]:
    value = body.get("stop_sequences")
    if value is None:
        return ()
    return tuple(typed.text(s, f"stop_sequences[{i}]") for i, s in enumerate(typed.array(value, "stop_sequences")))


def _tier(body: JsonObject, kept: JsonObject) -> str | None:
    tier = _optional(body, "service_tier", typed.text)
    if tier is not None and tier not in _TIERS:
        kept["service_tier"] = tier
        return None
    return _TIERS.get(tier) if tier is not None else None


def _metadata(body: JsonObject) -> tuple[str | None, JsonObject]:
    value = body.get("metadata")
    metadata = {} if value is None else typed.obj(value, "metadata")
    user = metadata.get("user_id")
    user = None if user is None else typed.text(user, "metadata.user_id")
    return user, typed.rest(metadata, "user_id")
