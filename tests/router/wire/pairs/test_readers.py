"""Every reader understands what a client meant: bodies are made without the router's writers, so neither can hide the
other's mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from router.wire.capabilities import Capabilities
from router.wire.codec import dumps, loads
from router.wire.conversation import Conversation, Dialect, Part, Text, ToolCall, ToolResult
from router.wire.dialects import DIALECTS
from tests.router.wire.pairs import clients
from tests.router.wire.pairs.targets import CLIENTS
from tests.router.wire.strategies import conversations

EACH_CLIENT = pytest.mark.parametrize("client", CLIENTS)
FEW = settings(max_examples=settings.default.max_examples // 2, deadline=None, suppress_health_check=list(HealthCheck))


def sound(asked: Conversation, client: Dialect) -> Conversation:
    """What a client of this dialect can mean: no choice without tools, the word JSON in JSON mode, a limit."""
    if not asked.tools:
        asked = structs.replace(asked, tool_choice=None)
    if asked.output is not None and asked.output.kind == "json":
        asked = structs.replace(asked, system=(Text("Answer in JSON."),))
        if client == "messages":  # has no JSON mode without a schema
            asked = structs.replace(asked, output=None)
    if client == "messages" and asked.max_tokens is None:
        asked = structs.replace(asked, max_tokens=4_000)
    return asked


def meaning(conversation: Conversation) -> dict[str, Any]:
    """What was said and asked, without how the dialect wraps it."""
    output, choice = conversation.output, conversation.tool_choice
    return {
        "system": [part.text for part in conversation.system if isinstance(part, Text)],
        "turns": _turns(conversation),
        "tools": [(tool.name, tool.description, _arguments(tool.schema)) for tool in conversation.tools],
        "choice": None if choice is None else (choice.mode, choice.names),
        "output": None if output is None else (output.kind, output.schema),
        "temperature": conversation.sampling.temperature,
        "max_tokens": conversation.max_tokens,
        "effort": conversation.reasoning.effort,
    }


def _arguments(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    """A tool without arguments may be declared with an empty object or with nothing, which older Gemini demands."""
    return None if schema == {"type": "object", "properties": {}} else schema


def _turns(conversation: Conversation) -> list[tuple[str, list[Any]]]:
    """Neighbours of one role as one: where a message ends is the dialect's own affair."""
    joined: list[tuple[str, list[Any]]] = []
    for turn in conversation.turns:
        parts = [_part(part) for part in turn.parts]
        if joined and joined[-1][0] == turn.role:
            joined[-1][1].extend(parts)
        else:
            joined.append((turn.role, parts))
    return joined


def _part(part: Part) -> Any:
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolCall):
        return (part.call_id, part.name, loads(part.arguments))
    if isinstance(part, ToolResult):
        return (part.call_id, [_part(piece) for piece in part.content])
    return (type(part).__name__, part.source)  # type: ignore[attr-defined]


def read(body: dict[str, Any], client: Dialect, asked: Conversation) -> Conversation:
    path = {"model": asked.model, "stream": asked.stream} if client == "gemini" else {}
    return DIALECTS[client].read_request(loads(dumps(body)), **path)


@EACH_CLIENT
@FEW
@given(data=st.data())
def test_a_reader_understands_what_the_client_meant(client: Dialect, data: st.DataObject) -> None:
    asked = sound(data.draw(conversations(dialect=client)), client)
    found = read(clients.body(asked, client), client, asked)
    assert meaning(found) == meaning(asked)
    assert (found.model, found.stream) == (asked.model, asked.stream)


@EACH_CLIENT
@FEW
@given(data=st.data())
def test_reading_and_writing_its_own_dialect_keeps_everything(client: Dialect, data: st.DataObject) -> None:
    asked = sound(data.draw(conversations(dialect=client)), client)
    first = read(clients.body(asked, client), client, asked)
    capable = Capabilities(max_output=64_000, efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"))
    again = read(DIALECTS[client].write_request(first, capable).body, client, asked)
    assert meaning(again) == meaning(first)
    assert again.stream == first.stream
