"""Whole turns: a client's request, what the strict server makes of it, its bytes, and what the client then reads."""

from __future__ import annotations

from typing import Any

import pytest

from router.models.prepare import prepare
from router.wire.codec import dumps_text, loads
from router.wire.conversation import Conversation, Dialect, Text, ToolCall
from router.wire.events import Ended, Event, Finished, Started, ToolArguments, ToolEnded, ToolStarted
from router.wire.fold import fold
from router.wire.undo import apply
from tests.router.wire.pairs import agents, rough
from tests.router.wire.pairs.answering import carried, events_in, frames_of, obeys, read_back, said
from tests.router.wire.pairs.targets import CLIENTS, TARGETS, Target
from tests.router.wire.pairs.test_answers import EACH_PAIR
from tests.router.wire.pairs.test_requests import read
from tests.router.wire.pairs.test_signatures import turn

SCRIPTS = {
    "text": "hello 👩‍🚀",
    "thinking": "THINK about it",
    "call": "TOOLS f",
    "thinking and call": "THINK TOOLS f",
    "parallel calls": "TOOLS f,f",
    "refusal": "REFUSE",
    "length": "LENGTH",
    "call cut by the limit": "TOOLS f LENGTH",
    "halves of characters": "HALVES",
}


def told(request: dict[str, Any], client: Dialect, target: Target) -> tuple[Conversation, list[Event]]:
    """The events that the client's writer gets for `request`."""
    asked = read(request, client, target.model)
    written = prepare(asked, target.capabilities, target.spec)
    reply = target.answer(target.check(written.body))
    assert reply.frames is not None
    return asked, apply(written.undo, events_in(b"".join(reply.frames), target.dialect))


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_turn_says_the_same_to_every_client(target: Target, client: Dialect, script: str) -> None:
    asked, events = told(agents.first(client, SCRIPTS[script], think=True), client, target)
    frames = frames_of(events, client, asked)
    obeys(frames, client)
    meant = fold(events)
    found, expected = said(read_back(frames, client), client), said(meant, client)
    if meant.choices[0].reason == "length":  # what a call that was cut looks like is the dialect's own affair
        found["calls"] = expected["calls"] = []
    assert found == expected
    assert meant.complete


STOPPING: dict[Dialect, dict[str, Any]] = {
    "chat": {"stop": ["END"]},
    "messages": {"stop_sequences": ["END"]},
    "gemini": {"generationConfig": {"stopSequences": ["END"]}},
}


@pytest.mark.parametrize("client", STOPPING)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_stop_sequence_cuts_whether_the_target_knows_it_or_not(target: Target, client: Dialect) -> None:
    request = agents.first(client, "STOPAT END", think=False) | STOPPING[client]
    asked, events = told(request, client, target)
    answer = read_back(frames_of(events, client, asked), client)
    assert "".join(part.text for part in answer.choices[0].parts if isinstance(part, Text)) == "Before the end "
    assert answer.choices[0].reason in ("end", "stop_sequence")


ARGUMENTS = '{"z":18446744073709551617,"a":-9007199254740993,"f":[1.5,{"ü":"日本 \\"q\\" \\\\ \\n"}],"e":""}'


@EACH_PAIR
def test_arguments_keep_big_integers_key_order_and_every_character(upstream: Dialect, client: Dialect) -> None:
    call_events = (ToolStarted("call_1", "f"), ToolArguments("call_1", ARGUMENTS), ToolEnded("call_1"))
    events = (Started("up_1", "m"), *call_events, Finished("tools"), Ended())
    answer = read_back(carried(b"".join(frames_of(events, upstream)), upstream, client), client)
    call = next(part for part in answer.choices[0].parts if isinstance(part, ToolCall))
    assert loads(call.arguments) == loads(ARGUMENTS)
    assert list(loads(call.arguments)) == ["z", "a", "f", "e"]
    assert "18446744073709551617" in call.arguments


@pytest.mark.parametrize("name", rough.NAMES)
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_a_tool_of_any_name_is_called_by_its_own_name_and_its_history_is_taken(
    target: Target, client: Dialect, name: str
) -> None:
    request = agents.first(client, "TOOLS 1", think=False, name=name)
    asked, events = told(request, client, target)
    answer = read_back(frames_of(events, client, asked), client)
    assert [part.name for part in answer.choices[0].parts if isinstance(part, ToolCall)] == [name]
    _, _, reply = turn(request, client, target)
    _, _, final = turn(agents.second(client, request, reply), client, target)
    assert agents.SAYS in dumps_text(final)


CODEX_TOOLS = [
    {"type": "custom", "name": "exec", "description": "runs code", "format": {"type": "text"}},
    {"type": "namespace", "name": "multi.agent", "description": "d", "tools": [
        {"type": "function", "name": "spawn", "description": "s", "parameters": agents.SCHEMA, "strict": False}
    ]},
]  # fmt: skip


@pytest.mark.parametrize("target", [one for one in TARGETS if one.dialect != "responses"], ids=str)
def test_free_text_and_namespace_tools_come_back_as_codex_declared_them(target: Target) -> None:
    request: dict[str, Any] = {"model": "m", "store": False, "tools": CODEX_TOOLS}
    request["input"] = [{"role": "user", "content": "TOOLS 2"}]
    _, _, reply = turn(request, "responses", target)
    calls = {item["type"]: item for item in reply["output"] if item["type"] in ("custom_tool_call", "function_call")}
    free, nested = calls["custom_tool_call"], calls["function_call"]
    assert free["name"] == "exec"
    assert isinstance(free["input"], str)
    assert free["input"]
    assert (nested["namespace"], nested["name"]) == ("multi.agent", "spawn")
    outputs = [
        {"type": "custom_tool_call_output", "call_id": free["call_id"],
         "output": [{"type": "input_text", "text": agents.SAYS}]},
        {"type": "function_call_output", "call_id": nested["call_id"], "output": "spawned"},
    ]  # fmt: skip
    more = {**request, "input": [*request["input"], *reply["output"], *outputs]}
    _, _, final = turn(more, "responses", target)
    assert agents.SAYS in dumps_text(final)
    assert "spawned" in dumps_text(final)


SHAPE = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["city", "size"],
    "additionalProperties": False,
}
SHAPED: dict[Dialect, dict[str, Any]] = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SHAPE}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "s", "schema": SHAPE}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": SHAPE}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SHAPE}},
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_structured_output_is_json_text_of_the_schema_for_every_client(target: Target, client: Dialect) -> None:
    request = agents.first(client, "a city, please", think=False) | SHAPED[client]
    request.pop("tools")
    asked, events = told(request, client, target)
    answer = read_back(frames_of(events, client, asked), client)
    parts = answer.choices[0].parts
    assert not any(isinstance(part, ToolCall) for part in parts)
    value = loads("".join(part.text for part in parts if isinstance(part, Text)))
    assert (type(value["city"]), type(value["size"])) == (str, int)
    assert answer.choices[0].reason == "end"
