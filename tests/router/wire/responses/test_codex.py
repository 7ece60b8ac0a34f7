"""Codex against every dialect: its tools, however they are declared, and its calls on the way back."""

from __future__ import annotations

import pytest

from router.faults import Fault
from router.wire.capabilities import Capabilities
from router.wire.dialects import DIALECTS
from router.wire.events import Ended, Finished, Started, ToolArguments, ToolEnded, ToolStarted
from router.wire.notes import header_value
from router.wire.responses import SPEC
from router.wire.undo import apply
from tests.data import capture, captures
from tests.router.wire.responses.builders import context, read, written

WHOLE = [
    name
    for name in captures("codex")
    if "input" in (capture(name).get("body") or {}) and "previous_response_id" not in capture(name)["body"]
]


@pytest.mark.parametrize("dialect", list(DIALECTS))
@pytest.mark.parametrize("name", WHOLE)
def test_every_codex_request_can_be_told_to_every_dialect(name: str, dialect: str) -> None:
    asked = SPEC.read_request(capture(name)["body"])
    told = DIALECTS[dialect].write_request(asked, Capabilities(server_tools=False))  # type: ignore[index]
    text = str(told.body)
    for tool in asked.tools:
        if tool.kind in ("function", "custom"):
            assert tool.name in text
    if dialect in ("chat", "messages") and any(tool.kind == "web_search" for tool in asked.tools):
        assert "web_search" in header_value(told.notes)


@pytest.mark.parametrize("dialect", ["chat", "messages", "gemini"])
def test_calls_come_back_with_the_name_and_the_namespace_that_codex_knows(dialect: str) -> None:
    body = capture("codex/05-turn1-gpt-6.1-sol-lite.json")["body"]
    asked = SPEC.read_request(body)
    told = DIALECTS[dialect].write_request(asked, Capabilities())  # type: ignore[index]
    upstream = [
        Started(),
        ToolStarted("c1", "clock__sleep"),
        ToolArguments("c1", '{"duration_ms":5}'),
        ToolEnded("c1"),
        ToolStarted("c2", "exec"),
        ToolArguments("c2", '{"input":"text(1)"}'),
        ToolEnded("c2"),
        Finished("tools"),
        Ended(),
    ]
    sleep, code = written(apply(told.undo, upstream), context(body))[-1]["response"]["output"]
    assert (sleep["type"], sleep["name"], sleep["namespace"]) == ("function_call", "sleep", "clock")
    assert (code["type"], code["name"], code["input"]) == ("custom_tool_call", "exec", "text(1)")
    assert "namespace" not in code


def test_tools_that_are_listed_by_habit_are_optional_unless_forced() -> None:
    tools = [
        {"type": "tool_search", "execution": "client"},
        {"type": "web_search", "external_web_access": True},
        {"type": "web_search", "filters": None},
        {"type": "computer_use_preview"},
        {"type": "function", "name": "f", "parameters": {}},
    ]
    assert [tool.optional for tool in read({"tools": tools}).tools] == [True, True, False, False, False]
    forced = read({"tools": tools, "tool_choice": {"type": "web_search"}})
    assert [tool.optional for tool in forced.tools][:2] == [True, False]
    with pytest.raises(Fault, match="computer_use_preview"):
        DIALECTS["chat"].write_request(read({"tools": tools}), Capabilities())
