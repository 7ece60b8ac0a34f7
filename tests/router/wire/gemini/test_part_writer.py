"""The names of results, which Gemini wants repeated."""

from __future__ import annotations

from typing import Any

from router.wire.capabilities import Capabilities
from router.wire.conversation import Conversation, Text, Tool, ToolCall, ToolResult
from router.wire.gemini.part_writer import PartWriter
from router.wire.gemini.tools_writer import ToolNames
from router.wire.notes import Notes

ODD = "look up!"


def writer() -> PartWriter:
    asked = Conversation(dialect="chat", model="m", tools=(Tool(ODD, "d", {"type": "object"}),))
    return PartWriter(ToolNames(asked, 64), Capabilities(), Notes(), native=False)


def name(made: PartWriter, result: ToolResult) -> Any:
    (part,) = made.parts(result, "x")
    return part["functionResponse"]["name"]


def test_a_result_has_the_name_under_which_its_call_was_sent() -> None:
    made = writer()
    (call,) = made.parts(ToolCall("c", ODD, "{}"), "x")
    sent = call["functionCall"]["name"]
    assert sent != ODD
    assert name(made, ToolResult("c", (Text("ok"),))) == sent
    assert name(made, ToolResult("c", (Text("ok"),), name="other")) == sent


def test_a_result_without_its_call_says_its_own_name_as_the_upstream_knows_it() -> None:
    made = writer()
    (call,) = made.parts(ToolCall("c", ODD, "{}"), "x")
    assert name(made, ToolResult("other", (Text("ok"),), name=ODD)) == call["functionCall"]["name"]
    assert name(made, ToolResult("other", (Text("ok"),), name="plain")) == "plain"


def test_a_result_without_any_name_still_has_one() -> None:
    assert name(writer(), ToolResult("c", (Text("ok"),))) == "unknown_tool"
    assert name(writer(), ToolResult("c", (Text("ok"),), name="")) == "unknown_tool"


def test_the_texts_of_a_result_are_lines_of_one_output() -> None:
    (part,) = writer().parts(ToolResult("c", (Text("a"), Text("b"))), "x")
    assert part["functionResponse"]["response"] == {"output": "a\nb"}
    (part,) = writer().parts(ToolResult("c", (Text("a"), Text("b")), is_error=True), "x")
    assert part["functionResponse"]["response"] == {"error": "a\nb"}
